#include "server/trim.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/*
 * Start-up runs through code that is not run again: TLS libraries test and register themselves, SQL
 * is parsed, relocations are applied. Of a text mapping (readable, executable, never writable, from
 * a file) nothing can be lost: its pages are clean by construction.
 */
static void drop_text(const char *line)
{
    uintptr_t from = 0;
    uintptr_t to = 0;
    char access[5] = "";
    unsigned long inode = 0;
    int n = sscanf(line, /* allowed: the kernel's own format */
                   "%" SCNxPTR "-%" SCNxPTR " %4s %*x %*x:%*x %lu",
                   &from,
                   &to,
                   access,
                   &inode);
    if (n == 4 && inode != 0 && strcmp(access, "r-xp") == 0)
        (void)madvise(
            (void *)from, to - from, MADV_DONTNEED); /* NOLINT(performance-no-int-to-ptr) */
}

void ts_trim_startup(void)
{
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "re");
    (void)malloc_trim(0);
    if (maps == NULL)
        return;
    while (fgets(line, sizeof(line), maps) != NULL)
        drop_text(line);
    (void)fclose(maps);
}
