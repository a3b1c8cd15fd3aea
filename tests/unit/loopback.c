#include "loopback.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

static int listen_somewhere(int *port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof(addr);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 ||
        getsockname(fd, (struct sockaddr *)&addr, &len) != 0)
        abort();
    *port = ntohs(addr.sin_port);
    return fd;
}

int loopback_free_port(void)
{
    int port = 0;
    (void)close(listen_somewhere(&port));
    return port;
}

static void *run_conn(void *arg)
{
    struct loopback_conn *c = arg;
    c->server->serve(c);
    (void)shutdown(c->fd, SHUT_WR);
    return NULL;
}

static void accept_one(struct loopback *s)
{
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    int index = atomic_load(&s->accepted);
    if (fd < 0)
        return;
    assert(index < LOOPBACK_MAX_CONNS);
    int one = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    struct loopback_conn *c = &s->conns[index];
    c->server = s;
    c->index = index;
    c->fd = fd;
    atomic_store(&s->accepted, index + 1);
    if (pthread_create(&c->thread, NULL, run_conn, c) != 0)
        abort();
}

static void *run_server(void *arg)
{
    struct loopback *s = arg;
    while (!atomic_load(&s->stop)) {
        struct pollfd p = {.fd = s->listen_fd, .events = POLLIN};
        if (poll(&p, 1, 10) > 0)
            accept_one(s);
    }
    return NULL;
}

struct loopback *loopback_start(loopback_fn *serve, void *ctx)
{
    /* Not from malloc, which may be failing on purpose. */
    struct loopback *s =
        mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (s == MAP_FAILED)
        abort();
    s->listen_fd = listen_somewhere(&s->port);
    s->serve = serve;
    s->ctx = ctx;
    (void)snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%d", s->port);
    if (listen(s->listen_fd, 64) != 0 || pthread_create(&s->thread, NULL, run_server, s) != 0)
        abort();
    return s;
}

void loopback_stop(struct loopback *s)
{
    atomic_store(&s->stop, true);
    (void)pthread_join(s->thread, NULL);
    (void)close(s->listen_fd);
    for (int i = 0; i < atomic_load(&s->accepted); i++) {
        (void)shutdown(s->conns[i].fd, SHUT_RDWR); /* wakes its thread */
    }
    for (int i = 0; i < atomic_load(&s->accepted); i++) {
        struct loopback_conn *c = &s->conns[i];
        (void)pthread_join(c->thread, NULL);
        (void)close(c->fd);
    }
    (void)munmap(s, sizeof(*s));
}

void loopback_sleep(int ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&t, NULL);
}

static ssize_t read_some(struct loopback_conn *c, char *to, size_t n)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    if (poll(&p, 1, LOOPBACK_WAIT_MS) <= 0)
        return -1;
    return recv(c->fd, to, n, 0);
}

static bool request_complete(const struct loopback_conn *c)
{
    const char *end = strstr(c->request, "\r\n\r\n");
    if (end == NULL)
        return false;
    const char *length = strcasestr(c->request, "\r\nContent-Length:");
    size_t body = length != NULL ? (size_t)strtoul(length + 17, NULL, 10) : 0;
    return c->request_len >= (size_t)(end + 4 - c->request) + body;
}

/* The request before stays readable until the first byte of the next. */
bool loopback_read(struct loopback_conn *c)
{
    size_t got = 0;
    do {
        size_t room = sizeof(c->request) - 1 - got;
        ssize_t n = room > 0 ? read_some(c, c->request + got, room) : -1;
        if (n <= 0)
            return false;
        got += (size_t)n;
        c->request_len = got;
        c->request[got] = '\0';
    } while (!request_complete(c));
    atomic_fetch_add(&c->server->requests, 1);
    return true;
}

const char *loopback_body(const struct loopback_conn *c)
{
    const char *end = strstr(c->request, "\r\n\r\n");
    return end != NULL ? end + 4 : "";
}

bool loopback_send_bytes(struct loopback_conn *c, const char *bytes, size_t n)
{
    while (n > 0) {
        struct pollfd p = {.fd = c->fd, .events = POLLOUT};
        if (poll(&p, 1, LOOPBACK_WAIT_MS) <= 0)
            return false;
        ssize_t sent = send(c->fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN)
            return false;
        if (sent > 0) {
            bytes += sent;
            n -= (size_t)sent;
            atomic_fetch_add(&c->server->sent_bytes, sent);
        }
    }
    return true;
}

bool loopback_send(struct loopback_conn *c, const char *text)
{
    return loopback_send_bytes(c, text, strlen(text));
}

bool loopback_chunk(struct loopback_conn *c, const char *text)
{
    char size[32];
    (void)snprintf(size, sizeof(size), "%zx\r\n", strlen(text));
    return loopback_send(c, size) && loopback_send(c, text) && loopback_send(c, "\r\n");
}

bool loopback_wait_closed(struct loopback_conn *c)
{
    char sink[4096];
    for (;;) {
        ssize_t n = read_some(c, sink, sizeof(sink));
        if (n > 0)
            continue;
        bool closed = n == 0 || errno == ECONNRESET;
        if (closed)
            atomic_store(&c->server->closed_us, ts_now_us());
        return closed;
    }
}

/* Disconnecting resets like a close without lingering, but leaves the descriptor to its owner. */
void loopback_reset(struct loopback_conn *c)
{
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    (void)connect(c->fd, &nobody, sizeof(nobody));
}
