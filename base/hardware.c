#include "base/hardware.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"

enum { LINE_SIZE = 1024, MAX_PROCESSES = 8192, PATH_SIZE = 320 };

/* The beginning of a small file of /proc; false where it cannot be read. */
static bool read_file(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, out, size - 1);
    (void)close(fd);
    out[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* -- the machine ---------------------------------------------------------------------------------
 */

/* "cpu  user nice system idle iowait irq softirq steal ..." */
struct ts_cpu_mark ts_machine_mark(void)
{
    char line[LINE_SIZE];
    struct ts_cpu_mark m = {.at_us = ts_now_us(), .busy = -1};
    if (!read_file("/proc/stat", line, sizeof(line)) || strncmp(line, "cpu ", 4) != 0)
        return m;
    char *at = line + 4;
    int64_t idle = 0;
    for (int i = 0; i < 8; i++) {
        int64_t ticks = strtoll(at, &at, 10);
        m.all += ticks;
        idle += i == 3 || i == 4 ? ticks : 0;
    }
    m.busy = m.all - idle;
    return m;
}

static int64_t kib_of(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    return at != NULL ? strtoll(at + strlen(key), NULL, 10) : -1;
}

struct ts_machine ts_machine_since(const struct ts_cpu_mark *before)
{
    char text[4096];
    struct ts_machine m = {-1, -1, -1};
    struct ts_cpu_mark now = ts_machine_mark();
    if (before->busy >= 0 && now.busy >= before->busy && now.all > before->all)
        m.cpu_percent = 100.0 * (double)(now.busy - before->busy) / (double)(now.all - before->all);
    if (!read_file("/proc/meminfo", text, sizeof(text)))
        return m;
    int64_t total = kib_of(text, "MemTotal:");
    int64_t available = kib_of(text, "MemAvailable:");
    if (total > 0 && available >= 0 && available <= total) {
        m.memory_total_bytes = total * 1024;
        m.memory_bytes = (total - available) * 1024;
    }
    return m;
}

/* -- a process -----------------------------------------------------------------------------------
 */

/* The n-th field of a line, counted from 0: what stands between spaces. */
static const char *field_of(const char *line, int n)
{
    line += strspn(line, " ");
    for (; n > 0; n--) {
        line += strcspn(line, " \n");
        line += strspn(line, " ");
    }
    return line;
}

/* One line of /proc/net/tcp: "sl local:port remote:port state ... inode". */
static int64_t inode_of_line(const char *line, int port)
{
    const char *local = field_of(line, 1);
    const char *colon = memchr(local, ':', strcspn(local, " \n"));
    if (colon == NULL || strncmp(field_of(line, 3), "0A ", 3) != 0) /* listening */
        return -1;
    return strtol(colon + 1, NULL, 16) == port ? strtoll(field_of(line, 9), NULL, 10) : -1;
}

static int64_t inode_of_port(const char *table, int port)
{
    char line[LINE_SIZE];
    int64_t inode = -1;
    FILE *f = fopen(table, "re");
    if (f == NULL)
        return -1;
    while (inode < 0 && fgets(line, sizeof(line), f) != NULL)
        inode = inode_of_line(line, port);
    (void)fclose(f);
    return inode;
}

static bool holds_socket(const char *pid, const char *wanted)
{
    char path[PATH_SIZE];
    char link[64];
    bool found = false;
    (void)snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
    DIR *dir = opendir(path);
    if (dir == NULL)
        return false;
    for (const struct dirent *e = NULL; !found && (e = readdir(dir)) != NULL;) {
        ssize_t n = readlinkat(dirfd(dir), e->d_name, link, sizeof(link) - 1);
        link[n > 0 ? n : 0] = '\0';
        found = strcmp(link, wanted) == 0;
    }
    (void)closedir(dir);
    return found;
}

int ts_process_of_port(int port)
{
    char wanted[64];
    int pid = -1;
    int64_t inode = inode_of_port("/proc/net/tcp", port);
    if (inode < 0)
        inode = inode_of_port("/proc/net/tcp6", port);
    DIR *dir = inode > 0 ? opendir("/proc") : NULL;
    if (dir == NULL)
        return -1;
    (void)snprintf(wanted, sizeof(wanted), "socket:[%" PRId64 "]", inode);
    for (const struct dirent *e = NULL; pid < 0 && (e = readdir(dir)) != NULL;) {
        if (isdigit((unsigned char)e->d_name[0]) && holds_socket(e->d_name, wanted))
            pid = (int)strtol(e->d_name, NULL, 10);
    }
    (void)closedir(dir);
    return pid;
}

struct process {
    int pid;
    int parent;
    int64_t ticks;
    int64_t pages;
};

/* "pid (name) state ppid ... utime stime ... rss": the name may hold anything but the last ')'. */
static bool read_process(const char *pid, struct process *out)
{
    char path[PATH_SIZE];
    char line[LINE_SIZE];
    (void)snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
    char *at = read_file(path, line, sizeof(line)) ? strrchr(line, ')') : NULL;
    if (at == NULL)
        return false;
    int64_t field[25] = {0}; /* from the fourth on */
    at = at[1] != '\0' && at[2] != '\0' ? at + 3 : at + 1;
    for (int i = 4; i < 25; i++)
        field[i] = strtoll(at, &at, 10);
    *out = (struct process){.pid = (int)strtol(pid, NULL, 10),
                            .parent = (int)field[4],
                            .ticks = field[14] + field[15],
                            .pages = field[24]};
    return true;
}

struct family {
    struct process *at;
    int count;
};

static struct family read_all(void)
{
    struct family all = {.at = calloc(MAX_PROCESSES, sizeof(all.at[0]))};
    DIR *dir = all.at != NULL ? opendir("/proc") : NULL;
    if (dir == NULL)
        return all;
    for (const struct dirent *e = NULL; all.count < MAX_PROCESSES && (e = readdir(dir)) != NULL;) {
        if (isdigit((unsigned char)e->d_name[0]) && read_process(e->d_name, &all.at[all.count]))
            all.count++;
    }
    (void)closedir(dir);
    return all;
}

static bool descends(const struct family *all, const struct process *p, int pid)
{
    for (int steps = 0; steps < 32 && p != NULL; steps++) {
        if (p->pid == pid)
            return true;
        const struct process *up = NULL;
        for (int i = 0; up == NULL && i < all->count; i++)
            up = all->at[i].pid == p->parent ? &all->at[i] : NULL;
        p = up;
    }
    return false;
}

/* Processor ticks and pages of a process and its descendants; ticks -1: it is gone. */
static struct process sum_of(int pid)
{
    struct family all = read_all();
    struct process sum = {.pid = pid, .ticks = -1};
    for (int i = 0; i < all.count; i++) {
        if (!descends(&all, &all.at[i], pid))
            continue;
        sum.ticks = (sum.ticks < 0 ? 0 : sum.ticks) + all.at[i].ticks;
        sum.pages += all.at[i].pages;
    }
    free(all.at);
    return sum;
}

struct ts_cpu_mark ts_process_mark(int pid)
{
    return (struct ts_cpu_mark){.at_us = ts_now_us(), .busy = sum_of(pid).ticks};
}

struct ts_process_use ts_process_since(int pid, const struct ts_cpu_mark *before)
{
    struct ts_process_use use = {-1, -1};
    struct process now = sum_of(pid);
    int64_t span_us = ts_now_us() - before->at_us;
    if (now.ticks < 0)
        return use;
    use.memory_bytes = now.pages * sysconf(_SC_PAGESIZE);
    if (before->busy >= 0 && now.ticks >= before->busy && span_us > 0)
        use.cpu_percent = 100.0 * (double)(now.ticks - before->busy) /
                          (double)sysconf(_SC_CLK_TCK) / ((double)span_us / 1e6);
    return use;
}
