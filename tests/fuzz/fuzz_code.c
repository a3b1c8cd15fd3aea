/*
 * Generated code: whatever it is, its score is 100 less what its parts took, and figures fit the
 * text. The first byte chooses the language.
 */
#include <math.h>

#include "analytics/code_quality.h"
#include "fuzz.h"

static void check_scored(const struct ts_code_quality *q, size_t size)
{
    const struct ts_code_figures *f = &q->figures;
    double left = 100;
    for (int p = 0; p < TS_CODE_PART_COUNT_; p++) {
        CHECK(q->points[p] >= 0 && q->points[p] <= ts_code_part_most((enum ts_code_part)p));
        left -= q->points[p];
    }
    CHECK(fabs(q->score - left) < 1e-9 && q->score >= 0);
    CHECK(q->files == 1 && f->bytes == (int64_t)size);
    CHECK(f->repeated_bytes >= 0 && f->repeated_bytes < f->bytes);
    CHECK(f->lines >= 1 && f->function_lines <= f->lines);
    CHECK(f->pictures_bare <= f->pictures && f->controls_bare <= f->controls);
    CHECK(f->elements <= f->bytes && f->blocks <= f->bytes && f->functions <= f->bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"a.html", "a.css", "a.js", "a.ts", "a.tsx"};
    struct ts_code_quality q = {.files = 0};
    struct ts_code_quality site = {.files = 0};
    if (size == 0)
        return 0;
    struct ts_slice text = {.at = (const char *)data + 1, .len = size - 1};
    struct ts_slice name = ts_slice_str(names[data[0] % 5]);
    if (ts_code_score(name, text, &q) != TS_CODE_SCORED) {
        CHECK(q.files == 0);
        return 0;
    }
    check_scored(&q, text.len);
    ts_code_add(&site, &q);
    ts_code_add(&site, &q);
    CHECK(site.files == 2 && fabs(site.score - q.score) < 1e-9);
    for (int p = 0; p < TS_CODE_PART_COUNT_; p++) {
        struct ts_buf out = TS_BUF_INIT(4096);
        ts_code_explain(&q, (enum ts_code_part)p, &out);
        CHECK(ts_buf_ok(&out) && out.len > 0);
        ts_buf_free(&out);
    }
    return 0;
}
