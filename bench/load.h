/* The modes of the load generator; each runs to its end, prints one JSON line and returns. */
#ifndef TS_BENCH_LOAD_H
#define TS_BENCH_LOAD_H

#include "bench/wire.h"

struct bench_load {
    int port;
    int mock_port; /* cancel: where the mock server's log is */
    const char *path;
    const char *model;
    const char *headers; /* further ones, each with its \r\n; "": none */
    struct bench_plan plan;
    int64_t requests; /* seq, cancel */
    int64_t streams;  /* paced, rate, cancel, stall: at once */
    int64_t ramp_ms;  /* paced, stall: the time over which they are opened */
    int64_t window_ms;
    int64_t again; /* paced: until the window ends, a stream that is over is asked for once more */
};

/* One client, one request after the other. */
int bench_load_seq(const struct bench_load *l);

/* Many streams at once; prints "begin" and "end" lines around the steady window. */
int bench_load_streams(const struct bench_load *l);

/* GETs as fast as they are answered. */
int bench_load_rate(const struct bench_load *l);

/* Clients that leave at a random moment; when did the mock server learn of it? */
int bench_load_cancel(const struct bench_load *l);

/* Clients that read nothing; prints "begin" when all have asked, and again and again how many are
 * open, until the server has closed them or the window ends. */
int bench_load_stall(const struct bench_load *l);

#endif
