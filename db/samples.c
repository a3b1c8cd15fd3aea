/* Samples of the hardware: written when the writer comes by, dropped when it cannot write. */
#include "db/parts.h"
#include "db/transact.h"

enum { KEEP_DAYS = 30 };

static void bind_share(struct ts_stmt *s, double v)
{
    if (v >= 0)
        ts_bind_double(s, v);
    else
        ts_bind_null(s);
}

static void bind_bytes(struct ts_stmt *s, int64_t v)
{
    ts_bind_known(s, v >= 0 ? v : TS_UNKNOWN);
}

static enum ts_err insert(struct ts_conn *c, const struct ts_store_sample *a, struct ts_error *err)
{
    TS_LEASE(s, c, TS_SQL_SAMPLE_INSERT);
    ts_bind_i64(&s, a->at_ms);
    ts_bind_text(&s, a->provider);
    bind_share(&s, a->cpu_percent);
    bind_bytes(&s, a->memory_bytes);
    bind_share(&s, a->host_cpu_percent);
    bind_bytes(&s, a->host_memory_bytes);
    bind_bytes(&s, a->host_memory_total_bytes);
    bind_share(&s, a->gpu_percent);
    bind_bytes(&s, a->gpu_memory_bytes);
    bind_bytes(&s, a->gpu_memory_total_bytes);
    return ts_step(&s) == TS_DONE ? TS_OK : ts_stmt_fail(&s, err, "storing a sample");
}

static enum ts_err forget_old(struct ts_conn *c, int64_t now_ms, struct ts_error *err)
{
    TS_LEASE(s, c, TS_SQL_SAMPLES_FORGET);
    ts_bind_i64(&s, now_ms - KEEP_DAYS * INT64_C(86400000));
    return ts_step(&s) == TS_DONE ? TS_OK : ts_stmt_fail(&s, err, "deleting old samples");
}

void ts_samples_write(struct ts_store *s)
{
    struct ts_store_sample samples[TS_MAX_SAMPLES];
    int count = ts_inbox_take_samples(&s->inbox, samples);
    struct ts_error err = TS_ERROR_INIT;
    if (count == 0)
        return;
    enum ts_err e = ts_tx_begin(s, &err);
    for (int i = 0; e == TS_OK && i < count; i++)
        e = insert(s->writer.conn, &samples[i], &err);
    if (e == TS_OK)
        e = forget_old(s->writer.conn, samples[count - 1].at_ms, &err);
    e = ts_tx_end(s, e, &err);
    if (e != TS_OK && !ts_tx_is_rows_fault(e))
        ts_tx_trouble(s, &err);
}
