/*
 * Who the client is: the peer of the socket or, behind proxies that we were told to trust
 * (TOUCHSTONE_TRUSTED_PROXIES), the address that they saw.
 *
 * Each proxy appends to X-Forwarded-For whom it was called by, and whatever stands before that was
 * sent by that caller, who may have made it up. So the addresses are read from the right, and only
 * as long as each was written by a trusted proxy. For logs; no permission depends on it.
 *
 * A proxy writes one of two headers and may pass on the other as it came. X-Forwarded-For, which
 * nginx and Caddy write, is believed first; one that writes Forwarded has to drop it.
 *
 * Thread: any; no state.
 */
#ifndef TS_SERVER_PEER_H
#define TS_SERVER_PEER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "server/guard.h"

enum { TS_MAX_NETWORKS = 64, TS_CLIENT_SIZE = INET6_ADDRSTRLEN };

/* The addresses that begin with the first @bits of @base. IPv4 stands as ::ffff:a.b.c.d. */
struct ts_network {
    struct in6_addr base;
    int bits; /* below 96 there are no IPv4 addresses among them */
};

struct ts_network_list {
    struct ts_network at[TS_MAX_NETWORKS];
    int count;
};

/* Reads "127.0.0.1, 10.0.0.0/8, 2001:db8::/32". Errors: CONFIG, naming the bad entry. */
TS_NODISCARD enum ts_err ts_networks_parse(const char *text,
                                           struct ts_network_list *out,
                                           struct ts_error *err);

/**
 * ts_peer_client() - the client's address as text: "192.0.2.7", "2001:db8::7"
 * @peer: of the socket; NULL or of another family than IP: @out is ""
 * @head: of the request; need not have been judged
 * @out:  always filled
 *
 * It is the right-most address of X-Forwarded-For that is not trusted, or of Forwarded where there
 * is no X-Forwarded-For. It is the peer if that is not trusted itself, if all addresses are, or if
 * something stands before them that is no address.
 */
void ts_peer_client(const struct ts_network_list *trusted,
                    const struct sockaddr *peer,
                    const struct ts_request_head *head,
                    char out[static TS_CLIENT_SIZE]);

#endif
