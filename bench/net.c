#include "bench/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_S = 1000000000 };

int64_t bench_now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

void bench_no_memory(void)
{
    (void)fprintf(stderr, "no memory\n");
    exit(71);
}

int64_t bench_number(const char *what, const char *text, int64_t min, int64_t max)
{
    char *end = NULL;
    errno = 0;
    long long v = text != NULL ? strtoll(text, &end, 10) : 0;
    if (text == NULL || end == text || *end != '\0' || errno != 0 || v < min || v > max) {
        (void)fprintf(stderr,
                      "%s: a number from %lld to %lld is needed, not '%s'\n",
                      what,
                      (long long)min,
                      (long long)max,
                      text != NULL ? text : "nothing");
        exit(64);
    }
    return v;
}

void bench_raise_limits(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    (void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
}

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
}

void bench_nodelay(int fd)
{
    int one = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

int bench_connect(int port, bool nonblocking)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    struct sockaddr_in to = loopback(port);
    bench_nodelay(fd);
    /* On loopback connect() does not wait for anybody but the backlog. */
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        int why = errno;
        (void)close(fd);
        errno = why;
        return -1;
    }
    if (nonblocking)
        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

int bench_listen(int *port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    int one = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    struct sockaddr_in at = loopback(*port);
    socklen_t len = sizeof(at);
    if (bind(fd, (struct sockaddr *)&at, len) != 0 || listen(fd, 4096) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0) {
        (void)close(fd);
        return -1;
    }
    *port = ntohs(at.sin_port);
    return fd;
}

int bench_wait(int epoll_fd, struct epoll_event *events, int max, int64_t due_ns)
{
    if (due_ns < 0)
        return epoll_wait(epoll_fd, events, max, -1);
    int64_t left = due_ns - bench_now_ns();
    left = left < 0 ? 0 : left;
    struct timespec t = {.tv_sec = left / NS_PER_S, .tv_nsec = left % NS_PER_S};
    return epoll_pwait2(epoll_fd, events, max, &t, NULL);
}
