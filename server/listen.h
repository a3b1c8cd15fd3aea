/*
 * Listening sockets: parsing TOUCHSTONE_LISTEN, binding, accepting.
 */
#ifndef TS_SERVER_LISTEN_H
#define TS_SERVER_LISTEN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/slice.h"

enum { TS_MAX_LISTEN = 8 };

struct ts_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } sock;
    socklen_t len;
    char host[64]; /* as in a URL: "127.0.0.1", "[::1]" */
    int port;
    bool loopback;
    bool wildcard; /* 0.0.0.0 or [::] */
};

struct ts_address_list {
    struct ts_address at[TS_MAX_LISTEN];
    int count;
};

/* Reads "127.0.0.1:8420,[::1]:8420". Numeric addresses and `localhost` only; a port has to be
 * there; 0 takes any. Errors: CONFIG. */
TS_NODISCARD enum ts_err ts_listen_parse(const char *text,
                                         struct ts_address_list *out,
                                         struct ts_error *err);

/**
 * ts_listen_open() - bind and listen
 * @first: the address must be free (a plain bind); later ones of the same process share the port
 * @a:     its port is filled in where it was 0
 * Errors: IN_USE (naming the address), IO.
 */
TS_NODISCARD enum ts_err ts_listen_open(struct ts_address *a,
                                        bool first,
                                        int *fd,
                                        struct ts_error *err);

/* Raises the soft limit of descriptors to the hard one; returns it. */
int ts_listen_raise_limit(void);

#endif
