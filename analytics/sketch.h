/*
 * A sketch of many times: how they are spread, within 0.55 %, in a few hundred bytes.
 *
 * Values are whole microseconds. They are counted in bins whose edges grow by g = 2^(1/64), so that
 * the middle of a bin is at most (g - 1)/(g + 1) = 0.5415 % away from any value in it (DDSketch;
 * Masson, Rim, Lee 2019). Number, sum, least and largest are exact. Two sketches add up to the
 * sketch of all their values, exactly and in any order; adding is what makes roll-ups possible.
 *
 * The edges come from a table of whole numbers and not from the C library's logarithm: every
 * machine puts a value into the same bin. They are those of OpenTelemetry's exponential histograms
 * at scale 6: bin b here is their b - 2.
 *
 * As bytes: 0x61; then as varints the least value, the largest less the least, the sum less the
 * least; then, from the bin of the least value to that of the largest, a byte for each bin that has
 * any:
 *
 *     bits 7-3  empty bins before it, 31: 31 and a varint more
 *     bits 2-0  its values, 0: 8 and a varint more (after the one for the empty bins)
 *
 * No values: no bytes. Reading treats the bytes as input: what does not add up is refused.
 */
#ifndef TS_ANALYTICS_SKETCH_H
#define TS_ANALYTICS_SKETCH_H

#include "base/err.h"
#include "base/varint.h"

enum { TS_SKETCH_BINS = 4034 }; /* as many as 63 bits fill */

/* Zeroed: empty. Owns @bins. */
struct ts_sketch {
    int64_t n;
    int64_t sum; /* stops at the largest value instead of wrapping */
    int64_t min; /* these two: if n > 0 */
    int64_t max;
    uint64_t *bins; /* of the bins from @first on, @width many */
    int first;
    int width;
};

void ts_sketch_free(struct ts_sketch *s);

/* Empty again; keeps the memory. */
void ts_sketch_clear(struct ts_sketch *s);

/* Below 0 counts as 0. Errors: NOMEM. */
TS_NODISCARD enum ts_err ts_sketch_add(struct ts_sketch *s, int64_t us);

/* Errors: NOMEM, then @into is as it was. */
TS_NODISCARD enum ts_err ts_sketch_merge(struct ts_sketch *into, const struct ts_sketch *from);

/* Errors: latched in @out. */
void ts_sketch_encode(const struct ts_sketch *s, struct ts_buf *out);

/**
 * ts_sketch_merge_bytes() - add what ts_sketch_encode() wrote, without a sketch in between
 *
 * Errors: NOMEM, then @into is as it was; INTERNAL, the bytes are no sketch: @into is then empty.
 */
TS_NODISCARD enum ts_err ts_sketch_merge_bytes(struct ts_sketch *into,
                                               const uint8_t *bytes,
                                               size_t len);

/* Nearest rank: the smallest value with at least @percent of all at or below it, 0 to 100. The
 * first and the last are exact, the others within 0.55 %. NaN if there are none. */
double ts_sketch_percentile(const struct ts_sketch *s, int percent);

/* The same by rank, 1 to n. */
double ts_sketch_at_rank(const struct ts_sketch *s, int64_t rank);

/* The same for several in one pass, if they are asked for upwards. Begins as {.sketch = s}. */
struct ts_sketch_walk {
    const struct ts_sketch *sketch;
    int at;          /* a bin from the first on */
    uint64_t before; /* values in the bins before it */
};
double ts_sketch_walk_percentile(struct ts_sketch_walk *w, int percent);
double ts_sketch_walk_rank(struct ts_sketch_walk *w, int64_t rank);

/* A bin that has values, all of them above @low_us and at or below @high_us; of the zeros both are
 * 0. */
struct ts_sketch_bin {
    double low_us;
    double high_us;
    int64_t count;
    int64_t up_to; /* values in it and in all bins before */
};

/* The bins upwards, for histograms and curves: start with *at = 0; false after the last.
 * @out->up_to is carried from call to call. */
bool ts_sketch_next(const struct ts_sketch *s, int *at, struct ts_sketch_bin *out);

/* The decimal logarithms of the values above 0: times are spread log-normally. */
struct ts_sketch_logs {
    int64_t n;
    double mean;     /* NaN if n = 0 */
    double variance; /* of one value, with n - 1; NaN if n < 2 */
};
struct ts_sketch_logs ts_sketch_logs(const struct ts_sketch *s);

/* The bin of a value, 0 to TS_SKETCH_BINS - 1, and the value that stands for all of a bin. */
int ts_sketch_bin_of(int64_t us);
double ts_sketch_bin_value(int bin);

#endif
