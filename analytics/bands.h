/*
 * Bands of time for heat maps: how many calls took how long, exactly.
 *
 * The edges of bands are edges of a sketch's bins (analytics/sketch.h), so that counting a sketch
 * into bands loses nothing and adds nothing. Bands are equally wide on a logarithmic scale: a
 * quarter of an octave, or as many times twice that as it takes to stay within a number.
 */
#ifndef TS_ANALYTICS_BANDS_H
#define TS_ANALYTICS_BANDS_H

#include "analytics/sketch.h"

struct ts_bands {
    int first; /* which of all bands of that width is the lowest */
    int step;  /* bins in each */
    int count;
};

/* From the band of the least value of @all to that of its largest, at most @max >= 8; none if @all
 * is empty. */
struct ts_bands ts_bands_of(const struct ts_sketch *all, int max);

/* The edge below band @i, 0 to count: what is in a band lies above its lower edge and at or below
 * its upper one, in us; what is 0 lies in the first. */
double ts_bands_edge_us(const struct ts_bands *b, int i);

/* Adds the values of @s, which are among those of the sketch that the bands are of. */
void ts_bands_count(const struct ts_bands *b, const struct ts_sketch *s, int64_t *counts);

#endif
