#include "server/trim.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/*
 * Start-up runs through code that is not run again: TLS libraries test and register themselves, SQL
 * is parsed, relocations are applied. Of a text mapping (readable, executable, never writable, from
 * a file) nothing can be lost: its pages are clean by construction. A line of the kernel's table:
 *   7f1a40000000-7f1a40021000 r-xp 00002000 fd:00 1234  /usr/lib/libx.so
 */
static void drop_text(const char *line)
{
    char *at = NULL;
    uintptr_t from = (uintptr_t)strtoull(line, &at, 16);
    uintptr_t to = *at == '-' ? (uintptr_t)strtoull(at + 1, &at, 16) : 0;
    bool text = strncmp(at, " r-xp ", 6) == 0 && strchr(at, '/') != NULL;
    if (text && from < to)
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
