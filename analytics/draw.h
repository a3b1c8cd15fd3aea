/*
 * Random draws for posteriors: seeded, hence the same everywhere and every time.
 */
#ifndef TS_ANALYTICS_DRAW_H
#define TS_ANALYTICS_DRAW_H

#include <stdbool.h>
#include <stdint.h>

/* Begins as {.state = seed}. */
struct ts_random {
    uint64_t state;
    double spare; /* normals come in pairs */
    bool has_spare;
};

/* In (0, 1): the logarithm of it is finite. */
double ts_draw_unit(struct ts_random *r);
double ts_draw_normal(struct ts_random *r);
double ts_draw_beta(struct ts_random *r, double a, double b);

#endif
