#include "analytics/bands.h"

#include <assert.h>
#include <math.h>

enum { BINS_PER_OCTAVE = 64, NARROWEST = BINS_PER_OCTAVE / 4 };

/* Bin k + 1 ends at 2^(k/64) us, so that band n of @step bins ends at 2^(n * step / 64). Bins 0 and
 * 1, what took no longer than a microsecond, are all of band 0. */
static int band_of(int bin, int step)
{
    return bin <= 1 ? 0 : (bin - 2) / step + 1;
}

struct ts_bands ts_bands_of(const struct ts_sketch *all, int max)
{
    assert(max >= 8);
    struct ts_bands b = {.step = NARROWEST};
    if (all->n == 0)
        return b;
    int low = ts_sketch_bin_of(all->min);
    int high = ts_sketch_bin_of(all->max);
    while (band_of(high, b.step) - band_of(low, b.step) >= max)
        b.step *= 2;
    b.first = band_of(low, b.step);
    b.count = band_of(high, b.step) - b.first + 1;
    return b;
}

double ts_bands_edge_us(const struct ts_bands *b, int i)
{
    int band = b->first + i - 1; /* the one that ends there */
    return band < 0 ? 0 : exp2((double)band * b->step / BINS_PER_OCTAVE);
}

void ts_bands_count(const struct ts_bands *b, const struct ts_sketch *s, int64_t *counts)
{
    for (int i = 0; i < s->width; i++) {
        if (s->bins[i] == 0)
            continue;
        int band = band_of(s->first + i, b->step) - b->first;
        assert(band >= 0 && band < b->count);
        counts[band] += (int64_t)s->bins[i];
    }
}
