/*
 * The fields of a call as files and reports have them: one table for what is read and written.
 *
 * JSON members are camelCase, as everywhere in the API; columns of CSV are the snake_case of SQL,
 * and the first seventeen are those of the view model_performance_metrics, in its order.
 */
#ifndef TS_HANDLERS_CALL_COLUMNS_H
#define TS_HANDLERS_CALL_COLUMNS_H

#include "base/slice.h"
#include "db/call_row.h"

enum ts_column_kind {
    TS_COLUMN_TEXT,
    TS_COLUMN_BOOL,
    TS_COLUMN_INT,
    TS_COLUMN_RATING, /* -1 is a value */
    TS_COLUMN_MS,     /* of microseconds: "2456.123" */
    TS_COLUMN_USD,    /* of billionths: "0.00125" */
    TS_COLUMN_REAL,
    TS_COLUMN_JSON, /* an object or array */
    TS_COLUMN_ATTEMPTS,
};

/* X(enum suffix, JSON member, CSV column, kind, member of struct ts_call_row) */
/* clang-format off */
#define TS_CALL_COLUMN_TABLE(X)                                                     \
    X(ID,              "id",              "id",                TEXT, id)                \
    X(MODEL,           "model",           "model",             TEXT, model)             \
    X(PROVIDER,        "provider",        "provider",          TEXT, provider)          \
    X(TASK_TYPE,       "taskType",        "task_type",         TEXT, task_type)         \
    X(COMPLEXITY,      "complexity",      "task_complexity",   TEXT, complexity)        \
    X(RESPONSE_TIME,   "responseTimeMs",  "response_time_ms",  MS,   total_us)          \
    X(TOKENS_USED,     "tokensUsed",      "tokens_used",       INT,  tokens_used)       \
    X(INPUT_TOKENS,    "inputTokens",     "input_tokens",      INT,  input_tokens)      \
    X(OUTPUT_TOKENS,   "outputTokens",    "output_tokens",     INT,  output_tokens)     \
    X(SUCCESS,         "success",         "success",           BOOL, success)           \
    X(ERROR_MESSAGE,   "errorMessage",    "error_message",     TEXT, error_text)        \
    X(RATING,          "rating",          "user_rating",       RATING, rating)            \
    X(CONVERSATION_ID, "conversationId",  "conversation_id",   TEXT, conversation_id)   \
    X(USER_ID,         "userId",          "user_id",           TEXT, user_id)           \
    X(MESSAGE_ID,      "messageId",       "message_id",        TEXT, message_id)        \
    X(METADATA,        "metadata",        "metadata",          JSON, metadata)          \
    X(TIMESTAMP,       "timestamp",       "timestamp",         TEXT, timestamp)         \
    X(TAGS,            "tags",            "tags",              JSON, tags)              \
    X(OUTCOME,         "outcome",         "outcome",           TEXT, outcome)           \
    X(ERROR_CODE,      "errorCode",       "error_code",        TEXT, error_code)        \
    X(FINISH_REASON,   "finishReason",    "finish_reason",     TEXT, finish_reason)     \
    X(COST,            "costUsd",         "cost_usd",          USD,  cost_nano_usd)     \
    X(TTFT,            "ttftMs",          "ttft_ms",           MS,   ttft_us)           \
    X(QUEUE,           "queueMs",         "queue_ms",          MS,   queue_us)          \
    X(CONNECT,         "connectMs",       "connect_ms",        MS,   connect_us)        \
    X(LOAD,            "loadMs",          "load_ms",           MS,   load_us)           \
    X(FIRST_BYTE,      "firstByteMs",     "first_byte_ms",     MS,   first_byte_us)     \
    X(FIRST_VISIBLE,   "firstVisibleMs",  "first_visible_ms",  MS,   first_visible_us)  \
    X(DECODE,          "decodeMs",        "decode_ms",         MS,   decode_us)         \
    X(MAX_STALL,       "maxStallMs",      "max_stall_ms",      MS,   max_stall_us)      \
    X(OVERHEAD,        "overheadUs",      "overhead_us",       INT,  overhead_us)       \
    X(FRESH_TOKENS,    "freshTokens",     "fresh_tokens",      INT,  fresh_tokens)      \
    X(CACHE_READ,      "cacheReadTokens", "cache_read_tokens", INT,  cache_read_tokens) \
    X(CACHE_WRITE,     "cacheWriteTokens","cache_write_tokens",INT,  cache_write_tokens)\
    X(REASONING,       "reasoningTokens", "reasoning_tokens",  INT,  reasoning_tokens)  \
    X(UNSPLIT,         "unsplitTokens",   "unsplit_tokens",    INT,  unsplit_tokens)    \
    X(TOKENS_SOURCE,   "tokensSource",    "tokens_source",     TEXT, tokens_source)     \
    X(USER_SEGMENT,    "userSegment",     "user_segment",      TEXT, user_segment)      \
    X(REQUESTED_MODEL, "requestedModel",  "requested_model",   TEXT, requested_model)   \
    X(REPORTED_MODEL,  "reportedModel",   "reported_model",    TEXT, reported_model)    \
    X(DIALECT,         "dialect",         "dialect",           TEXT, dialect)           \
    X(CLASSIFIED,      "classified",      "classified",        BOOL, classified)        \
    X(STREAMED,        "streamed",        "streamed",          BOOL, streamed)          \
    X(COLD,            "cold",            "cold",              BOOL, cold)              \
    X(SIMULATED,       "simulated",       "simulated",         BOOL, simulated)         \
    X(COMMENT,         "comment",         "comment",           TEXT, comment)           \
    X(ATTEMPTS,        "attempts",        "attempts",          ATTEMPTS, call_id)
/* clang-format on */

enum ts_call_column {
#define X(id, ...) TS_COLUMN_ID_##id,
    TS_CALL_COLUMN_TABLE(X)
#undef X
        TS_CALL_COLUMN_COUNT_
};

struct ts_call_column_info {
    const char *member;
    const char *column;
    enum ts_column_kind kind;
    size_t offset; /* in struct ts_call_row */
};

const struct ts_call_column_info *ts_call_column(enum ts_call_column c);

/* By either name; TS_CALL_COLUMN_COUNT_: there is none. */
enum ts_call_column ts_call_column_find(struct ts_slice name);

#endif
