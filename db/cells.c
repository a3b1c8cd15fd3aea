#include "db/cells.h"

static int64_t known(int64_t v)
{
    return v == TS_UNKNOWN ? 0 : v;
}

int64_t ts_all_input(int64_t fresh, int64_t cache_read, int64_t cache_write)
{
    if (fresh == TS_UNKNOWN && cache_read == TS_UNKNOWN && cache_write == TS_UNKNOWN)
        return TS_UNKNOWN;
    return known(fresh) + known(cache_read) + known(cache_write);
}

void ts_row_read(struct ts_stmt *s, struct ts_agg_row *row)
{
    *row = (struct ts_agg_row){.id = ts_col_i64(s)};
    row->series = (int)ts_col_i64(s);
    row->outcome = (enum ts_outcome)ts_col_i64(s);
    row->rating = (int)ts_col_i64(s);
    row->cold = ts_col_i64(s) != 0;
    row->response_us = ts_col_known(s);
    row->ttft_us = ts_col_known(s);
    row->decode_us = ts_col_known(s);
    int64_t fresh = ts_col_known(s);
    int64_t cache_read = ts_col_known(s);
    int64_t cache_write = ts_col_known(s);
    row->input_tokens = ts_all_input(fresh, cache_read, cache_write);
    row->output_tokens = ts_col_known(s);
    row->unsplit_tokens = ts_col_known(s);
    row->cost_nano_usd = ts_col_known(s);
}
