/*
 * Digests, as a roll-up cell holds them: what is read as one is written and read again as the same.
 */
#include <string.h>

#include "analytics/digest.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int64_t start_ms = 1700000000000;
    struct ts_digest first = TS_DIGEST_INIT;
    struct ts_digest again = TS_DIGEST_INIT;
    struct ts_buf bytes = TS_BUF_INIT(1 << 20);
    struct ts_digest_view view;
    if (ts_digest_view(data, size, start_ms, &view) &&
        ts_digest_merge_view(&first, &view) == TS_OK) {
        CHECK(ts_tally_successes(&first.tally) >= 0);
        CHECK(ts_tally_trials(&first.tally) >= 0);
        ts_digest_encode(&first, start_ms, &bytes);
        CHECK(ts_buf_ok(&bytes));
        CHECK(ts_digest_view((const uint8_t *)bytes.data, bytes.len, start_ms, &view));
        CHECK(ts_digest_merge_view(&again, &view) == TS_OK);
        CHECK(memcmp(&first.tally, &again.tally, sizeof(first.tally)) == 0);
        CHECK(first.response.n == again.response.n && first.ttft.n == again.ttft.n);
    }
    ts_buf_free(&bytes);
    ts_digest_free(&first);
    ts_digest_free(&again);
    return 0;
}
