#include "bench/samples.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/net.h"

void bench_samples_add(struct bench_samples *s, int64_t value)
{
    if (s->count == s->cap) {
        s->cap = s->cap == 0 ? 4096 : 2 * s->cap;
        s->values = realloc(s->values, s->cap * sizeof(s->values[0]));
        if (s->values == NULL)
            bench_no_memory();
    }
    s->values[s->count++] = value;
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int64_t bench_samples_at(struct bench_samples *s, double q)
{
    if (s->count == 0)
        return -1;
    qsort(s->values, s->count, sizeof(s->values[0]), ascending);
    size_t rank = (size_t)ceil(q * (double)s->count);
    return s->values[rank > 0 ? rank - 1 : 0];
}

void bench_samples_print(struct bench_samples *s, const char *name)
{
    (void)printf("\"%s\":{\"n\":%zu", name, s->count);
    static const struct {
        const char *name;
        double q;
    } at[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"max", 1.0}};
    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
        (void)printf(",\"%s\":%.1f", at[i].name, (double)bench_samples_at(s, at[i].q) / 1000.0);
    (void)printf("},");
}

void bench_samples_free(struct bench_samples *s)
{
    free(s->values);
    *s = (struct bench_samples){0};
}
