/*
 * What the mock server and the load generator share: time, loopback sockets, limits.
 *
 * Both run on one machine, so a time taken by one means the same to the other.
 */
#ifndef TS_BENCH_NET_H
#define TS_BENCH_NET_H

#include <stdbool.h>
#include <stdint.h>

/* A mark is '@' (a token) or '#' (the end) followed by the time of its sending in so many digits.
 */
enum { BENCH_MARK_DIGITS = 19 };

int64_t bench_now_ns(void);

/* Says so and ends the program. */
void bench_no_memory(void) __attribute__((noreturn));

/* Reads a whole number within [min, max]; exits with a message that names @what otherwise. */
int64_t bench_number(const char *what, const char *text, int64_t min, int64_t max);

/* As many descriptors as the system allows, and timers as sharp as it can. */
void bench_raise_limits(void);

/* A connected TCP socket to 127.0.0.1, TCP_NODELAY; -1 and errno on failure. */
int bench_connect(int port, bool nonblocking);

void bench_nodelay(int fd);

/* A listening, nonblocking socket on 127.0.0.1; @port 0 picks one and stores it. -1 on failure. */
int bench_listen(int *port);

/* Waits like epoll_wait() until @due_ns, to the nanosecond; -1: no limit. */
struct epoll_event;
int bench_wait(int epoll_fd, struct epoll_event *events, int max, int64_t due_ns);

#endif
