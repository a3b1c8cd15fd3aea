/*
 * The benchmark report of a slice, from the database to text: for the command and the export route.
 */
#ifndef TS_HANDLERS_REPORT_H
#define TS_HANDLERS_REPORT_H

#include "analytics/report.h"
#include "db/query.h"

/* X(enum suffix, name) */
#define TS_REPORT_FORMATS_TABLE(X)                                                                 \
    X(MD, "md")                                                                                    \
    X(HTML, "html")

enum ts_report_format {
#define X(id, name) TS_REPORT_##id,
    TS_REPORT_FORMATS_TABLE(X)
#undef X
        TS_REPORT_COUNT_
};

#define TS_REPORT_FORMATS "md|html" /* in the order of the table */

enum { TS_REPORT_MAX_BYTES = 8 * 1024 * 1024 };

struct ts_report_wish {
    struct ts_call_filter filter;
    int64_t now_ms;
    struct ts_locality where;
    struct ts_insight_limits limits;
    const char *version; /* of touchstone */
    enum ts_report_format format;
};

/**
 * ts_report_make() - read, compute and write one report
 * @c:   inside a read transaction
 * @out: TS_BUF_INIT(TS_REPORT_MAX_BYTES); gets UTF-8
 *
 * Errors: STORAGE_UNAVAILABLE, NOMEM. Thread: a reader's, or a command's.
 */
TS_NODISCARD enum ts_err ts_report_make(struct ts_reader_conn *c,
                                        const struct ts_report_wish *wish,
                                        struct ts_buf *out,
                                        struct ts_error *err);

/* Answers the export route for `what=report`. Thread: the exchange's loop. */
struct ts_exchange;
void ts_report_download(struct ts_exchange *x);

#endif
