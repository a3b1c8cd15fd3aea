#include "db/cells.h"

void ts_row_read(struct ts_stmt *s, struct ts_agg_row *row)
{
    *row = (struct ts_agg_row){
        .id = ts_col_i64(s),
        .series = (int)ts_col_i64(s),
        .outcome = (enum ts_outcome)ts_col_i64(s),
        .rating = (int)ts_col_i64(s),
        .cold = ts_col_i64(s) != 0,
        .response_us = ts_col_known(s),
        .ttft_us = ts_col_known(s),
        .decode_us = ts_col_known(s),
        .input_tokens = ts_col_known(s),
        .output_tokens = ts_col_known(s),
        .unsplit_tokens = ts_col_known(s),
        .cost_nano_usd = ts_col_known(s),
    };
}
