/*
 * The older JSON store of outcomes, which touchstone replaces: read whole, imported once.
 *
 *     {"execute-task": {"gpt-4o": {"successes": 42, "failures": 3, "timeouts": 1,
 *                                  "totalTokens": 9000, "totalCost": 0.2, "lastUsed": "2026-…"}}}
 *
 * successes and failures are required; other members may be absent or null; unknown ones (such as
 * successRate, which follows from the two) are ignored.
 *
 * Its figures are a baseline: they stand in a table of their own, apart from what calls are counted
 * into, and model_stats is the sum of both. A file is known by its content. One that changed after
 * it was imported takes the place of what was imported from it before: its figures are totals.
 */
#ifndef TS_DB_BASELINE_H
#define TS_DB_BASELINE_H

#include "base/arena.h"
#include "db/conn.h"

enum { TS_BASELINE_HASH_BYTES = 32 };

struct ts_baseline_entry {
    const char *task_type;
    const char *model;
    int64_t successes;
    int64_t failures;
    int64_t timeouts;
    int64_t total_tokens;
    double total_cost;     /* US dollars */
    const char *last_used; /* RFC 3339 in UTC, or NULL */
};

struct ts_baseline {
    struct ts_arena arena;
    const char *path; /* absolute */
    uint8_t hash[TS_BASELINE_HASH_BYTES];
    struct ts_baseline_entry *entries;
    int count;
};

/**
 * ts_baseline_read() - read the file at @path
 *
 * Errors: NOT_FOUND (there is none), INVALID_JSON and INVALID_FIELD (the text says in which line
 * and column; nothing of it is used), IO (it cannot be read, or is no file, or too large), NOMEM.
 * Thread: any that may block.
 */
TS_NODISCARD enum ts_err ts_baseline_read(const char *path,
                                          struct ts_baseline **out,
                                          struct ts_error *err);
void ts_baseline_free(struct ts_baseline *b);
TS_DEFINE_AUTO(ts_baseline_auto, struct ts_baseline, ts_baseline_free)

enum ts_baseline_change { TS_BASELINE_KNOWN, TS_BASELINE_NEW, TS_BASELINE_REPLACED };

/**
 * ts_baseline_apply() - make it part of model_stats, unless its content is already
 * @imported_ms: when that content was imported, now or before
 *
 * Inside the caller's transaction. Errors: as ts_stmt_fail(). Thread: the writer's.
 */
TS_NODISCARD enum ts_err ts_baseline_apply(struct ts_conn *c,
                                           const struct ts_baseline *b,
                                           enum ts_baseline_change *change,
                                           int64_t *imported_ms,
                                           struct ts_error *err);

#endif
