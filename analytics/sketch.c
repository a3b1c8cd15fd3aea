#include "analytics/sketch.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    FORMAT = 0x61, /* layout 1, scale 6 */
    PER_OCTAVE = 64,
    MARGIN = 64, /* bins of room that growing adds at least */
    COUNT_BITS = 3,
    COUNT_MORE = 8, /* the least count that does not fit into the byte */
    GAP_MORE = 31,
    BIN_MAX_BYTES = 16, /* its byte, a gap of a few thousand, any count */
};

/* floor(2^(62 + k/64)), k = 0 to 64: where the bins of an octave end, in units of 2^-62 octaves. */
/* clang-format off */
static const uint64_t edges[PER_OCTAVE + 1] = {
    UINT64_C(4611686018427387904), UINT64_C(4661903986662671289), UINT64_C(4712668792719003883),
    UINT64_C(4763986391269842979), UINT64_C(4815862801830788490), UINT64_C(4868304109465667592),
    UINT64_C(4921316465500308115), UINT64_C(4974906088244084429), UINT64_C(5029079263719320435),
    UINT64_C(5083842346398635250), UINT64_C(5139201759950318048), UINT64_C(5195163997991819502),
    UINT64_C(5251735624851448219), UINT64_C(5308923276338361493), UINT64_C(5366733660520940720),
    UINT64_C(5425173558513642752), UINT64_C(5484249825272419511), UINT64_C(5543969390398799154),
    UINT64_C(5604339258952723100), UINT64_C(5665366512274234280), UINT64_C(5727058308814112982),
    UINT64_C(5789421884973557729), UINT64_C(5852464555953009676), UINT64_C(5916193716610220111),
    UINT64_C(5980616842327661685), UINT64_C(6045741489889385140), UINT64_C(6111575298367424380),
    UINT64_C(6178125990017853851), UINT64_C(6245401371186603363), UINT64_C(6313409333225136570),
    UINT64_C(6382157853416100551), UINT64_C(6451654995909055044), UINT64_C(6521908912666391106),
    UINT64_C(6592927844419550152), UINT64_C(6664720121635655540), UINT64_C(6737294165494670077),
    UINT64_C(6810658488877194079), UINT64_C(6884821697363019841), UINT64_C(6959792490240559659),
    UINT64_C(7035579661527265795), UINT64_C(7112192101001162094), UINT64_C(7189638795243608238),
    UINT64_C(7267928828693418961), UINT64_C(7347071384712461870), UINT64_C(7427075746662858865),
    UINT64_C(7507951298995917514), UINT64_C(7589707528352920109), UINT64_C(7672354024677899535),
    UINT64_C(7755900482342532474), UINT64_C(7840356701283281882), UINT64_C(7925732588150922154),
    UINT64_C(8012038157472581777), UINT64_C(8099283532826439816), UINT64_C(8187478948029213992),
    UINT64_C(8276634748336579668), UINT64_C(8366761391656660532), UINT64_C(8457869449776733335),
    UINT64_C(8549969609603290562), UINT64_C(8643072674415606501), UINT64_C(8737189565132953756),
    UINT64_C(8832331321595618838), UINT64_C(8928509103859867100), UINT64_C(9025734193507008925),
    UINT64_C(9124017994966720698), UINT64_C(9223372036854775808),
};
/* clang-format on */

/* 2/(g + 1): from the upper edge of a bin to its middle; and logarithms: log10 of the middle of bin
 * b is LOG10_STEP (b - 1) + LOG10_MIDDLE. */
static const double middle = 0.99458484058409743;
static const double log10_step = 0.0047035936822497062;
static const double log10_middle = -0.0023581646495504431;

/* The first edge that is not below what begins with these eight bits, after the leading one: no
 * edge, or one, lies between them and the next. */
/* clang-format off */
static const uint8_t first_edges[256] = {
    0, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8, 9, 9, 9, 10, 10, 10, 11, 11,
    11, 12, 12, 12, 13, 13, 13, 14, 14, 14, 15, 15, 15, 15, 16, 16, 16, 17, 17, 17, 18, 18, 18, 18, 19, 19, 19, 20, 20, 20, 21, 21,
    21, 21, 22, 22, 22, 23, 23, 23, 23, 24, 24, 24, 25, 25, 25, 25, 26, 26, 26, 26, 27, 27, 27, 28, 28, 28, 28, 29, 29, 29, 29, 30,
    30, 30, 30, 31, 31, 31, 31, 32, 32, 32, 32, 33, 33, 33, 34, 34, 34, 34, 35, 35, 35, 35, 36, 36, 36, 36, 36, 37, 37, 37, 37, 38,
    38, 38, 38, 39, 39, 39, 39, 40, 40, 40, 40, 41, 41, 41, 41, 41, 42, 42, 42, 42, 43, 43, 43, 43, 44, 44, 44, 44, 44, 45, 45, 45,
    45, 46, 46, 46, 46, 46, 47, 47, 47, 47, 48, 48, 48, 48, 48, 49, 49, 49, 49, 49, 50, 50, 50, 50, 51, 51, 51, 51, 51, 52, 52, 52,
    52, 52, 53, 53, 53, 53, 53, 54, 54, 54, 54, 54, 55, 55, 55, 55, 55, 56, 56, 56, 56, 56, 57, 57, 57, 57, 57, 58, 58, 58, 58, 58,
    59, 59, 59, 59, 59, 59, 60, 60, 60, 60, 60, 61, 61, 61, 61, 61, 62, 62, 62, 62, 62, 62, 63, 63, 63, 63, 63, 64, 64, 64, 64, 64,
};
/* clang-format on */

int ts_sketch_bin_of(int64_t us)
{
    if (us <= 0)
        return 0;
    uint64_t x = (uint64_t)us;
    int octave = 63 - __builtin_clzll(x);
    uint64_t scaled = x << (62 - octave);
    int k = first_edges[scaled >> 54 & 0xff];
    return 1 + PER_OCTAVE * octave + k + (edges[k] < scaled);
}

static double upper_edge(int bin)
{
    if (bin == 0)
        return 0;
    return ldexp((double)edges[(bin - 1) % PER_OCTAVE], (bin - 1) / PER_OCTAVE - 62);
}

double ts_sketch_bin_value(int bin)
{
    return upper_edge(bin) * middle;
}

/* -- counting --------------------------------------------------------------------------------- */

void ts_sketch_free(struct ts_sketch *s)
{
    free(s->bins);
    *s = (struct ts_sketch){0};
}

void ts_sketch_clear(struct ts_sketch *s)
{
    if (s->n > 0) { /* no others have any */
        int low = ts_sketch_bin_of(s->min) - s->first;
        int high = ts_sketch_bin_of(s->max) - s->first;
        memset(&s->bins[low], 0, (size_t)(high - low + 1) * sizeof(*s->bins));
    }
    s->n = s->sum = s->min = s->max = 0;
}

static bool covers(const struct ts_sketch *s, int low, int high)
{
    return low >= s->first && high < s->first + s->width;
}

/* Room for the bins from @low to @high, and some more: the more, the more often it had to grow. */
static enum ts_err cover(struct ts_sketch *s, int low, int high)
{
    if (covers(s, low, high))
        return TS_OK;
    int margin = s->width / 2 > MARGIN ? s->width / 2 : MARGIN;
    int first = s->width > 0 && s->first <= low ? s->first : low - margin;
    int end = s->width > 0 && s->first + s->width > high ? s->first + s->width : high + 1 + margin;
    first = first < 0 ? 0 : first;
    end = end > TS_SKETCH_BINS ? TS_SKETCH_BINS : end;
    uint64_t *bins = calloc((size_t)(end - first), sizeof(*bins));
    if (bins == NULL)
        return TS_ERR_NOMEM;
    if (s->width > 0)
        memcpy(bins + (s->first - first), s->bins, (size_t)s->width * sizeof(*bins));
    free(s->bins);
    s->bins = bins;
    s->first = first;
    s->width = end - first;
    return TS_OK;
}

static int64_t plus(int64_t a, int64_t b)
{
    int64_t out = 0;
    return __builtin_add_overflow(a, b, &out) ? INT64_MAX : out;
}

/* Everything but the bins. */
static void add_exact(struct ts_sketch *s, int64_t n, int64_t sum, int64_t min, int64_t max)
{
    if (s->n == 0 || min < s->min)
        s->min = min;
    if (s->n == 0 || max > s->max)
        s->max = max;
    s->n = plus(s->n, n);
    s->sum = plus(s->sum, sum);
}

enum ts_err ts_sketch_add(struct ts_sketch *s, int64_t us)
{
    int64_t value = us < 0 ? 0 : us;
    int bin = ts_sketch_bin_of(value);
    if (cover(s, bin, bin) != TS_OK)
        return TS_ERR_NOMEM;
    s->bins[bin - s->first]++;
    add_exact(s, 1, value, value, value);
    return TS_OK;
}

enum ts_err ts_sketch_merge(struct ts_sketch *into, const struct ts_sketch *from)
{
    if (from->n == 0)
        return TS_OK;
    int low = ts_sketch_bin_of(from->min);
    int high = ts_sketch_bin_of(from->max);
    if (cover(into, low, high) != TS_OK)
        return TS_ERR_NOMEM;
    uint64_t *to = into->bins + (low - into->first);
    const uint64_t *bins = from->bins + (low - from->first);
    for (int i = 0; i <= high - low; i++)
        to[i] += bins[i];
    add_exact(into, from->n, from->sum, from->min, from->max);
    return TS_OK;
}

/* -- as bytes --------------------------------------------------------------------------------- */

static uint8_t *write_varint(uint8_t *to, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *to++ = (uint8_t)(0x80 | v);
    *to++ = (uint8_t)v;
    return to;
}

static uint8_t *write_bin(uint8_t *to, uint64_t gap, uint64_t count)
{
    uint64_t gap_part = gap < GAP_MORE ? gap : GAP_MORE;
    uint64_t count_part = count < COUNT_MORE ? count : 0;
    *to++ = (uint8_t)(gap_part << COUNT_BITS | count_part);
    if (gap_part == GAP_MORE)
        to = write_varint(to, gap - GAP_MORE);
    return count_part == 0 ? write_varint(to, count - COUNT_MORE) : to;
}

/* Cells are written with every commit: straight into the bytes, with room made once. */
static void put_bins(const struct ts_sketch *s, struct ts_buf *out)
{
    int last = ts_sketch_bin_of(s->max) - s->first;
    int next = ts_sketch_bin_of(s->min) - s->first;
    if (!ts_buf_reserve(out, (size_t)(last - next + 1) * BIN_MAX_BYTES))
        return;
    uint8_t *start = (uint8_t *)out->data + out->len;
    uint8_t *to = start;
    for (int at = next; at <= last; at++) {
        uint64_t count = s->bins[at];
        if (count == 0)
            continue;
        to = write_bin(to, (uint64_t)(at - next), count);
        next = at + 1;
    }
    *to = '\0';
    out->len += (size_t)(to - start);
}

void ts_sketch_encode(const struct ts_sketch *s, struct ts_buf *out)
{
    if (s->n == 0)
        return;
    const uint8_t format = FORMAT;
    ts_buf_put(out, &format, 1);
    ts_varint_put(out, (uint64_t)s->min);
    ts_varint_put(out, (uint64_t)(s->max - s->min));
    ts_varint_put(out, (uint64_t)(s->sum - s->min));
    put_bins(s, out);
}

static bool sum_is_possible(int64_t n, int64_t sum, int64_t min, int64_t max)
{
    bool stopped = sum == INT64_MAX;
    return (ts_u128)sum <= (ts_u128)n * (ts_u128)max &&
           (stopped || (ts_u128)sum >= (ts_u128)n * (ts_u128)min);
}

/* A bin as it was read, and where the next one begins; NULL: too short, too large. */
struct read_bin {
    const uint8_t *next;
    uint64_t gap;
    uint64_t count;
};

static bool fits_its_byte(uint8_t byte)
{
    return byte < GAP_MORE << COUNT_BITS && (byte & (COUNT_MORE - 1)) != 0;
}

/* One that does not. Apart from the loop, so that this can keep its place in registers. */
__attribute__((noinline)) static struct read_bin read_long(const uint8_t *at, const uint8_t *end)
{
    struct read_bin bin = {.gap = *at >> COUNT_BITS, .count = *at & (COUNT_MORE - 1)};
    if (bin.gap != GAP_MORE && end - at > 1 && at[1] < 0x80) { /* most of them */
        bin.count = COUNT_MORE + (uint64_t)at[1];
        bin.next = at + 2;
        return bin;
    }
    struct ts_cursor c = ts_cursor_of(at + 1, (size_t)(end - at) - 1);
    if (bin.gap == GAP_MORE)
        bin.gap += ts_varint_get(&c) & INT32_MAX;
    if (bin.count == 0)
        bin.count = COUNT_MORE + (ts_varint_get(&c) & (INT64_MAX >> 1));
    bin.next = c.bad ? NULL : c.at;
    return bin;
}

/* The bins of a sketch into @bins, the first of @span. What they held together, or -1: these bytes
 * are no bins from the first to the last of the span. The hot loop of the analytics. */
static int64_t add_bins(const uint8_t *at, const uint8_t *end, uint64_t *bins, uint64_t span)
{
    uint64_t next = 0;
    uint64_t n = 0;
    if (at == end || *at >> COUNT_BITS != 0)
        return -1; /* the least value's own bin is empty */
    while (at != end) {
        for (; at != end && fits_its_byte(*at); at++) {
            uint64_t byte = *at;
            next += byte >> COUNT_BITS;
            if (__builtin_expect(next >= span, 0))
                return -1;
            bins[next++] += byte & (COUNT_MORE - 1);
            n += byte & (COUNT_MORE - 1);
        }
        if (at == end)
            break;
        const struct read_bin bin = read_long(at, end);
        next += bin.gap;
        if (bin.next == NULL || next >= span || n > INT64_MAX)
            return -1;
        bins[next++] += bin.count;
        n += bin.count; /* both below 2^63 */
        at = bin.next;
    }
    return next == span && n <= INT64_MAX ? (int64_t)n : -1;
}

enum ts_err ts_sketch_merge_bytes(struct ts_sketch *into, const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return TS_OK;
    struct ts_cursor c = ts_cursor_of(bytes, len);
    if (*c.at++ != FORMAT)
        return TS_ERR_INTERNAL;
    int64_t min = ts_varint_get_i64(&c);
    int64_t width = ts_varint_get_i64(&c);
    int64_t rest = ts_varint_get_i64(&c);
    int64_t max = 0;
    if (c.bad || __builtin_add_overflow(min, width, &max))
        return TS_ERR_INTERNAL;
    int low = ts_sketch_bin_of(min);
    int high = ts_sketch_bin_of(max);
    if (cover(into, low, high) != TS_OK)
        return TS_ERR_NOMEM;
    uint64_t span = (uint64_t)(high - low + 1);
    int64_t n = add_bins(c.at, c.end, into->bins + (low - into->first), span);
    int64_t sum = plus(rest, min);
    if (n >= 0 && sum_is_possible(n, sum, min, max)) {
        add_exact(into, n, sum, min, max);
        return TS_OK;
    }
    memset(into->bins, 0, (size_t)into->width * sizeof(*into->bins));
    into->n = 0;
    return TS_ERR_INTERNAL;
}

/* -- figures ---------------------------------------------------------------------------------- */

static double clamped(const struct ts_sketch *s, double us)
{
    return fmin(fmax(us, (double)s->min), (double)s->max);
}

double ts_sketch_walk_rank(struct ts_sketch_walk *w, int64_t rank)
{
    const struct ts_sketch *s = w->sketch;
    assert(rank >= 1 && rank <= s->n);
    if (rank == 1)
        return (double)s->min;
    if (rank == s->n)
        return (double)s->max;
    if ((uint64_t)rank <= w->before)
        *w = (struct ts_sketch_walk){.sketch = s};
    while (w->at < s->width - 1 && w->before + s->bins[w->at] < (uint64_t)rank)
        w->before += s->bins[w->at++];
    return clamped(s, ts_sketch_bin_value(s->first + w->at));
}

double ts_sketch_walk_percentile(struct ts_sketch_walk *w, int percent)
{
    const struct ts_sketch *s = w->sketch;
    assert(percent >= 0 && percent <= 100);
    if (s->n == 0)
        return (double)NAN;
    /* in whole numbers: ceil(q * n) in floating point is one too high for some n */
    int64_t rank = (int64_t)(((ts_u128)s->n * (unsigned)percent + 99) / 100);
    return ts_sketch_walk_rank(w, rank < 1 ? 1 : rank);
}

double ts_sketch_at_rank(const struct ts_sketch *s, int64_t rank)
{
    struct ts_sketch_walk w = {.sketch = s};
    return ts_sketch_walk_rank(&w, rank);
}

double ts_sketch_percentile(const struct ts_sketch *s, int percent)
{
    struct ts_sketch_walk w = {.sketch = s};
    return ts_sketch_walk_percentile(&w, percent);
}

bool ts_sketch_next(const struct ts_sketch *s, int *at, struct ts_sketch_bin *out)
{
    while (*at < s->width && s->bins[*at] == 0)
        ++*at;
    if (*at >= s->width)
        return false;
    int bin = s->first + *at;
    out->low_us = bin > 1 ? upper_edge(bin - 1) : 0;
    out->high_us = upper_edge(bin);
    out->count = (int64_t)s->bins[(*at)++];
    out->up_to = plus(out->up_to, out->count);
    return true;
}

struct ts_sketch_logs ts_sketch_logs(const struct ts_sketch *s)
{
    struct ts_sketch_logs logs = {.n = 0, .mean = (double)NAN, .variance = (double)NAN};
    double sum = 0;
    double squares = 0; /* of bin numbers: whole, and small enough to be exact */
    for (int i = s->first == 0 ? 1 : 0; i < s->width; i++) {
        double count = (double)s->bins[i];
        double step = s->first + i - 1;
        logs.n += (int64_t)s->bins[i];
        sum += count * step;
        squares += count * step * step;
    }
    double n = (double)logs.n;
    if (logs.n > 0)
        logs.mean = log10_middle + log10_step * sum / n;
    if (logs.n > 1)
        logs.variance = log10_step * log10_step * (squares - sum * sum / n) / (n - 1);
    return logs;
}
