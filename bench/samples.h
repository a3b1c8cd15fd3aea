/* A growing list of measured values, and its percentiles (nearest rank). */
#ifndef TS_BENCH_SAMPLES_H
#define TS_BENCH_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

struct bench_samples {
    int64_t *values;
    size_t count;
    size_t cap;
};

void bench_samples_add(struct bench_samples *s, int64_t value);

/* Sorts; @q from 0 to 1; -1 where there is no value. */
int64_t bench_samples_at(struct bench_samples *s, double q);

/* Prints `"NAME":{"n":…,"p50":…,"p90":…,"p99":…,"max":…},` in microseconds, of nanoseconds. */
void bench_samples_print(struct bench_samples *s, const char *name);

void bench_samples_free(struct bench_samples *s);

#endif
