/*
 * A scripted server on 127.0.0.1 for tests: each connection is handed to a function of the test on
 * a thread of its own, which reads requests and writes whatever it likes, byte for byte.
 *
 * Bounded: every wait ends after LOOPBACK_WAIT_MS, and loopback_stop() closes what is still open.
 */
#ifndef TS_TESTS_UNIT_LOOPBACK_H
#define TS_TESTS_UNIT_LOOPBACK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOOPBACK_MAX_CONNS = 64, LOOPBACK_WAIT_MS = 5000, LOOPBACK_REQUEST_MAX = 16 * 1024 };

struct loopback;

struct loopback_conn {
    struct loopback *server;
    int index; /* 0: the first connection accepted */
    int fd;
    pthread_t thread;
    char request[LOOPBACK_REQUEST_MAX]; /* the last one read, NUL at its end */
    size_t request_len;
};

typedef void loopback_fn(struct loopback_conn *c);

struct loopback {
    int listen_fd;
    int port;
    char url[64]; /* "http://127.0.0.1:port" */
    loopback_fn *serve;
    void *ctx;
    pthread_t thread;
    _Atomic bool stop;
    _Atomic int accepted;
    _Atomic int requests;
    _Atomic int64_t closed_us; /* when a peer was last seen to close; 0: never */
    _Atomic int64_t sent_bytes;
    struct loopback_conn conns[LOOPBACK_MAX_CONNS];
};

/* Not on the caller's stack: a test that fails leaves by a jump, and the threads go on. */
struct loopback *loopback_start(loopback_fn *serve, void *ctx);
void loopback_stop(struct loopback *s);

/* A port of 127.0.0.1 on which nobody listens. */
int loopback_free_port(void);

/* -- for the function that serves -----------------------------------------------------------------
 */

/* Reads one whole request (Content-Length only); false when the peer closes instead. */
bool loopback_read(struct loopback_conn *c);
const char *loopback_body(const struct loopback_conn *c);
bool loopback_send(struct loopback_conn *c, const char *text);
bool loopback_send_bytes(struct loopback_conn *c, const char *bytes, size_t n);
/* One chunk of a chunked body. */
bool loopback_chunk(struct loopback_conn *c, const char *text);
void loopback_sleep(int ms);
/* Waits until the peer closes, and notes when. */
bool loopback_wait_closed(struct loopback_conn *c);
/* Ends the connection with RST instead of FIN. */
void loopback_reset(struct loopback_conn *c);

#endif
