#include "server/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { BACKLOG = 4096, FALLBACK_LIMIT = 1024 };

static bool parse_port(struct ts_slice s, int *out)
{
    int port = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9' || port > 65535)
            return false;
        port = port * 10 + (s.at[i] - '0');
    }
    *out = port;
    return s.len > 0 && port <= 65535;
}

static void fill_v4(struct ts_address *a, struct in_addr ip)
{
    a->sock.v4 = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)a->port), .sin_addr = ip};
    a->len = sizeof(a->sock.v4);
    a->loopback = ntohl(ip.s_addr) >> 24 == 127;
    a->wildcard = ip.s_addr == htonl(INADDR_ANY);
    (void)inet_ntop(AF_INET, &ip, a->host, sizeof(a->host));
}

static void fill_v6(struct ts_address *a, struct in6_addr ip)
{
    char text[INET6_ADDRSTRLEN];
    a->sock.v6 = (struct sockaddr_in6){
        .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)a->port), .sin6_addr = ip};
    a->len = sizeof(a->sock.v6);
    a->loopback = IN6_IS_ADDR_LOOPBACK(&ip);
    a->wildcard = IN6_IS_ADDR_UNSPECIFIED(&ip);
    (void)inet_ntop(AF_INET6, &ip, text, sizeof(text));
    (void)snprintf(a->host, sizeof(a->host), "[%s]", text);
}

static bool fill_address(struct ts_address *a, struct ts_slice host)
{
    char text[64];
    if (host.len == 0 || host.len >= sizeof(text))
        return false;
    memcpy(text, host.at, host.len);
    text[host.len] = '\0';
    struct in_addr v4;
    struct in6_addr v6;
    if (strcmp(text, "localhost") == 0)
        (void)snprintf(text, sizeof(text), "127.0.0.1");
    if (inet_pton(AF_INET, text, &v4) == 1) {
        fill_v4(a, v4);
        return true;
    }
    if (text[0] != '[' || text[host.len - 1] != ']')
        return false;
    text[host.len - 1] = '\0';
    if (inet_pton(AF_INET6, text + 1, &v6) != 1)
        return false;
    fill_v6(a, v6);
    return true;
}

static enum ts_err parse_one(struct ts_slice s, struct ts_address *out, struct ts_error *err)
{
    size_t colon = s.len;
    while (colon > 0 && s.at[colon - 1] != ':')
        colon--;
    *out = (struct ts_address){0};
    if (colon == 0 || !parse_port((struct ts_slice){s.at + colon, s.len - colon}, &out->port) ||
        !fill_address(out, (struct ts_slice){s.at, colon - 1}))
        return ts_fail(
            err,
            TS_ERR_CONFIG,
            "TOUCHSTONE_LISTEN \"%.*s\" is not an address and a port, like 127.0.0.1:8420 "
            "or [::1]:8420",
            (int)(s.len > 80 ? 80 : s.len),
            s.at);
    return TS_OK;
}

enum ts_err ts_listen_parse(const char *text, struct ts_address_list *out, struct ts_error *err)
{
    struct ts_address_list list = {.count = 0};
    for (const char *at = text;;) {
        size_t n = strcspn(at, ",");
        if (list.count == TS_MAX_LISTEN)
            return ts_fail(err, TS_ERR_CONFIG, "more than %d addresses", TS_MAX_LISTEN);
        enum ts_err e =
            parse_one(ts_slice_trim((struct ts_slice){at, n}), &list.at[list.count++], err);
        if (e != TS_OK)
            return e;
        if (at[n] == '\0')
            break;
        at += n + 1;
    }
    *out = list;
    return TS_OK;
}

static enum ts_err bind_failed(const struct ts_address *a, struct ts_error *err)
{
    if (errno == EADDRINUSE)
        return ts_fail(err,
                       TS_ERR_IN_USE,
                       "%s:%d is in use; is touchstone running already?",
                       a->host,
                       a->port);
    if (errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT)
        return ts_fail(err, TS_ERR_IO, "this machine has no address %s", a->host);
    if (errno == EACCES)
        return ts_fail(err, TS_ERR_IO, "not allowed to listen on %s:%d", a->host, a->port);
    return ts_fail(err, TS_ERR_IO, "cannot listen on %s:%d (errno %d)", a->host, a->port, errno);
}

/* The port that the system chose where 0 was asked for. */
static void read_back_port(struct ts_address *a, int fd)
{
    socklen_t len = sizeof(a->sock);
    (void)getsockname(fd, &a->sock.any, &len);
    a->port = ntohs(a->sock.any.sa_family == AF_INET ? a->sock.v4.sin_port : a->sock.v6.sin6_port);
}

/*
 * The first socket binds without SO_REUSEPORT, so that it fails where anybody listens, also another
 * instance of ours; it gets the option before it listens, which lets our further ones in.
 */
static bool bind_and_listen(struct ts_address *a, bool first, int fd)
{
    int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (a->sock.any.sa_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (!first)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    if (bind(fd, &a->sock.any, a->len) != 0)
        return false;
    if (first)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    return listen(fd, BACKLOG) == 0;
}

enum ts_err ts_listen_open(struct ts_address *a, bool first, int *fd, struct ts_error *err)
{
    int s = socket(a->sock.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s < 0)
        return bind_failed(a, err);
    if (!bind_and_listen(a, first, s)) {
        enum ts_err e = bind_failed(a, err);
        (void)close(s);
        return e;
    }
    read_back_port(a, s);
    *fd = s;
    return TS_OK;
}

int ts_listen_raise_limit(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0)
        return FALLBACK_LIMIT;
    rlim_t soft = r.rlim_cur;
    r.rlim_cur = r.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &r) == 0)
        soft = r.rlim_max;
    return soft > 1 << 20 ? 1 << 20 : (int)soft;
}
