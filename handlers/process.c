/* What the operating system says of this process. All of it comes from memory: nothing waits. */
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "handlers/metrics.h"

/* The beginning of a small file; "" where it cannot be read. */
static char *read_file(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, out, size - 1) : 0;
    out[n > 0 ? n : 0] = '\0';
    if (fd >= 0)
        (void)close(fd);
    return out;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* Newer kernels tell the number of descriptors as the folder's size. */
static double count_fds(void)
{
    struct stat st;
    if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0)
        return (double)st.st_size;
    DIR *dir = opendir("/proc/self/fd");
    if (dir == NULL)
        return (double)NAN;
    int n = -3; /* ., .. and the one that reads */
    while (readdir(dir) != NULL)
        n++;
    (void)closedir(dir);
    return n;
}

struct ts_process_figures ts_process_figures(void)
{
    const double unknown = (double)NAN;
    struct ts_process_figures f = {unknown, unknown, unknown, unknown, unknown, unknown};
    struct rusage use;
    struct rlimit limit;
    char text[4096];
    double page = (double)sysconf(_SC_PAGESIZE);
    if (getrusage(RUSAGE_SELF, &use) == 0)
        f.cpu_seconds = seconds(use.ru_utime) + seconds(use.ru_stime);
    char *end = read_file("/proc/self/statm", text, sizeof(text));
    if (*end != '\0') {
        f.virtual_bytes = strtod(end, &end) * page;
        f.resident_bytes = strtod(end, NULL) * page;
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        f.max_fds = (double)limit.rlim_cur;
    f.open_fds = count_fds();
    const char *threads = strstr(read_file("/proc/self/status", text, sizeof(text)), "\nThreads:");
    if (threads != NULL)
        f.threads = strtod(threads + 9, NULL);
    return f;
}
