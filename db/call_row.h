/*
 * A row of the view `calls`, in C: what the database tells of one call.
 *
 * Unknown is TS_UNKNOWN in numbers and NULL in text. Text belongs to the statement and is valid
 * until its next step.
 */
#ifndef TS_DB_CALL_ROW_H
#define TS_DB_CALL_ROW_H

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"

/* X(member, how): the view's columns in its order. The C names are those of the view. */
#define TS_CALL_ROW_TABLE(X)                                                                       \
    X(call_id, i64)                                                                                \
    X(id, text)                                                                                    \
    X(timestamp, text)                                                                             \
    X(outcome, text)                                                                               \
    X(success, i64)                                                                                \
    X(provider, text)                                                                              \
    X(model, text)                                                                                 \
    X(requested_model, text)                                                                       \
    X(reported_model, text)                                                                        \
    X(task_type, text)                                                                             \
    X(complexity, text)                                                                            \
    X(classified, i64)                                                                             \
    X(dialect, text)                                                                               \
    X(streamed, i64)                                                                               \
    X(cold, i64)                                                                                   \
    X(simulated, i64)                                                                              \
    X(reported, i64)                                                                               \
    X(total_us, i64)                                                                               \
    X(ttft_us, i64)                                                                                \
    X(decode_us, i64)                                                                              \
    X(queue_us, i64)                                                                               \
    X(connect_us, i64)                                                                             \
    X(load_us, i64)                                                                                \
    X(first_byte_us, i64)                                                                          \
    X(first_visible_us, i64)                                                                       \
    X(max_stall_us, i64)                                                                           \
    X(overhead_us, i64)                                                                            \
    X(fresh_tokens, i64)                                                                           \
    X(cache_read_tokens, i64)                                                                      \
    X(cache_write_tokens, i64)                                                                     \
    X(output_tokens, i64)                                                                          \
    X(reasoning_tokens, i64)                                                                       \
    X(unsplit_tokens, i64)                                                                         \
    X(input_tokens, i64)                                                                           \
    X(tokens_used, i64)                                                                            \
    X(tokens_source, text)                                                                         \
    X(cost_nano_usd, i64)                                                                          \
    X(finish_reason, text)                                                                         \
    X(error_code, text)                                                                            \
    X(error_text, text)                                                                            \
    X(rating, i64)                                                                                 \
    X(comment, text)                                                                               \
    X(user_id, text)                                                                               \
    X(user_segment, text)                                                                          \
    X(conversation_id, text)                                                                       \
    X(message_id, text)                                                                            \
    X(tags, text)                                                                                  \
    X(metadata, text)

typedef int64_t ts_call_row_i64;
typedef const char *ts_call_row_text;

struct ts_call_row {
#define X(name, type) ts_call_row_##type name;
    TS_CALL_ROW_TABLE(X)
#undef X
};

struct ts_conn;
struct ts_stmt;

/* The next columns of a statement that begin with those of the view. Inside db/. */
struct ts_call_row ts_call_row_take(struct ts_stmt *s);

/* The tries of a call that failed before its last one; NULL: none. Inside db/.
 * Errors: STORAGE_UNAVAILABLE, NOMEM. */
TS_NODISCARD enum ts_err ts_call_row_attempts(struct ts_conn *c,
                                              int64_t id,
                                              json_t **out,
                                              struct ts_error *err);

#endif
