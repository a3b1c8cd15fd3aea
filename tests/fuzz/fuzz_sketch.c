/*
 * Sketches: what is read as one adds up, and is written and read again as the same.
 */
#include <string.h>

#include "analytics/sketch.h"
#include "fuzz.h"

static int64_t count_bins(const struct ts_sketch *s)
{
    struct ts_sketch_bin bin = {.up_to = 0};
    int at = 0;
    while (ts_sketch_next(s, &at, &bin))
        CHECK(bin.count > 0 && (bin.high_us > bin.low_us || bin.high_us == 0));
    return bin.up_to;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ts_sketch s = {.n = 0};
    struct ts_sketch again = {.n = 0};
    struct ts_buf bytes = TS_BUF_INIT(1 << 20);
    if (ts_sketch_merge_bytes(&s, data, size) == TS_OK) {
        CHECK(count_bins(&s) == s.n);
        CHECK(s.n == 0 || s.min <= s.max);
        if (s.n > 0)
            CHECK(ts_sketch_percentile(&s, 50) >= (double)s.min);
        ts_sketch_encode(&s, &bytes);
        CHECK(ts_buf_ok(&bytes));
        CHECK(ts_sketch_merge_bytes(&again, (const uint8_t *)bytes.data, bytes.len) == TS_OK);
        CHECK(again.n == s.n && again.sum == s.sum && again.min == s.min && again.max == s.max);
        CHECK(ts_sketch_logs(&again).n == ts_sketch_logs(&s).n);
    }
    ts_buf_free(&bytes);
    ts_sketch_free(&again);
    ts_sketch_free(&s);
    return 0;
}
