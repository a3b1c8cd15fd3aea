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

/*
 * Draws in strata (Latin hypercube): of the normal distribution, cut into equal shares, the middle
 * of each share once, in an order that every stream has for itself. Means settle with fewer rounds
 * than independent draws take, and a draw costs a look into a table.
 */
enum { TS_STRATA = 1024 }; /* and rounds; a power of two */

struct ts_strata {
    double normal[TS_STRATA];
};

void ts_strata_init(struct ts_strata *s);

/* An order of the shares: a round's is found by two multiplications and two folds, each of which
 * only permutes. */
struct ts_stream {
    const struct ts_strata *strata;
    uint32_t factors[2]; /* odd */
    uint32_t offset;
};
struct ts_stream ts_strata_stream(const struct ts_strata *s, struct ts_random *r);

static inline double ts_stream_normal(const struct ts_stream *s, uint32_t round)
{
    uint32_t i = (round * s->factors[0] + s->offset) % TS_STRATA;
    i ^= i >> 5;
    i = i * s->factors[1] % TS_STRATA;
    i ^= i >> 5;
    return s->strata->normal[i];
}

/* A Beta from two streams: its gammas by Wilson and Hilferty's cube of a normal, or, for a shape
 * too small for that, drawn. */
struct ts_beta_stream {
    struct ts_stream streams[2];
    double shapes[2];
    double middles[2]; /* of the cube's root, and that by which its normal is divided */
    double widths[2];
};
struct ts_beta_stream ts_strata_beta(const struct ts_strata *s,
                                     struct ts_random *r,
                                     double a,
                                     double b);
double ts_beta_stream_draw(const struct ts_beta_stream *s, struct ts_random *r, uint32_t round);

#endif
