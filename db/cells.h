/*
 * What the writer and the readers of roll-ups share: how cells are numbered, how a row is read.
 *
 * A cell holds what the calls of one series add up to, in an hour or a day of UTC. Its number is
 *
 *     (resolution << 56) | (bucket << 24) | series_id        bucket: hours or days since 1970
 *
 * so that a span of time is a range of the primary key. Series 0 stands for all series together:
 * what is only asked over time need not read each of them. Behind a bucket's series come its
 * families, which are those of one provider, model and task type, of whatever complexity: what is
 * not asked by complexity need not read each either. A family has the number of its first series,
 * plus TS_FAMILY.
 */
#ifndef TS_DB_CELLS_H
#define TS_DB_CELLS_H

#include "analytics/digest.h"
#include "base/clock.h"
#include "db/conn.h"

enum ts_resolution { TS_BY_HOUR = 1, TS_BY_DAY = 2 };

enum { TS_ALL_SERIES = 0, TS_FAMILY = 1 << 23, TS_SERIES_ID_MAX = TS_FAMILY - 1 };

static inline int64_t ts_resolution_ms(enum ts_resolution r)
{
    return r == TS_BY_HOUR ? TS_HOUR_MS : TS_DAY_MS;
}

static inline int64_t ts_cell_id(enum ts_resolution r, int64_t bucket, int64_t series_id)
{
    return ((int64_t)r << 56) | (bucket << 24) | series_id;
}

/* The first cell of the bucket that the moment is in: that of all series. */
static inline int64_t ts_cell_first(enum ts_resolution r, int64_t at_ms)
{
    return ts_cell_id(r, at_ms / ts_resolution_ms(r), TS_ALL_SERIES);
}

static inline int64_t ts_cell_series(int64_t cell_id)
{
    return cell_id & (TS_FAMILY | TS_SERIES_ID_MAX);
}

static inline int64_t ts_cell_start_ms(int64_t cell_id)
{
    enum ts_resolution r = (enum ts_resolution)(cell_id >> 56);
    return ((cell_id >> 24) & UINT32_MAX) * ts_resolution_ms(r);
}

static inline int64_t ts_day_of(int64_t call_id)
{
    return ts_id_ms(call_id) / TS_DAY_MS;
}

/* The smallest id of a day. */
static inline int64_t ts_day_start(int64_t day)
{
    return ts_id_from_ms(day * TS_DAY_MS);
}

/* All kinds of input together, as the column input_tokens has it; TS_UNKNOWN if none is known. */
int64_t ts_all_input(int64_t fresh, int64_t cache_read, int64_t cache_write);

/* The columns `id, series_id, outcome, rating, cold, total_us, ttft_us, decode_us, fresh_tokens,
 * cache_read_tokens, cache_write_tokens, output_tokens, unsplit_tokens, cost_nano_usd` of a call.
 * row.series is the series_id. */
void ts_row_read(struct ts_stmt *s, struct ts_agg_row *row);

#endif
