/*
 * Errors: one table for the whole program.
 *
 * A fallible function returns `enum ts_err` and, where more is known, fills a caller-owned
 * `struct ts_error`. The wire name, the HTTP status and whether a client may try the same
 * request again are read from the table below and mapped nowhere else.
 *
 * Caller mistakes assert. The world's mistakes (input, network, disk, memory) are errors.
 */
#ifndef TS_BASE_ERR_H
#define TS_BASE_ERR_H

#include <stdbool.h>

#include "base/attr.h"

/* X(enum suffix, wire name, HTTP status, a client may simply try again) */
/* clang-format off */
#define TS_ERR_TABLE(X)                                                   \
    X(OK,                    "ok",                     200, false)        \
    /* what a request can get wrong */                                    \
    X(BAD_HOST,              "bad_host",               400, false)        \
    X(HOST_NOT_ALLOWED,      "host_not_allowed",       421, false)        \
    X(ORIGIN_NOT_ALLOWED,    "origin_not_allowed",     403, false)        \
    X(BAD_FRAMING,           "bad_framing",            400, false)        \
    X(BAD_TRANSFER_CODING,   "bad_framing",            501, false)        \
    X(BAD_HEADER,            "bad_header",             400, false)        \
    X(HEADERS_TOO_LARGE,     "headers_too_large",      431, false)        \
    X(URI_TOO_LONG,          "uri_too_long",           414, false)        \
    X(BAD_TARGET,            "bad_target",             400, false)        \
    X(METHOD_UNKNOWN,        "method_unknown",         501, false)        \
    X(METHOD_NOT_ALLOWED,    "method_not_allowed",     405, false)        \
    X(HTTP_VERSION,          "http_version",           505, false)        \
    X(BAD_EXPECT,            "bad_expect",             417, false)        \
    X(LENGTH_REQUIRED,       "length_required",        411, false)        \
    X(BODY_TOO_LARGE,        "body_too_large",         413, false)        \
    X(UNSUPPORTED_MEDIA_TYPE,"unsupported_media_type", 415, false)        \
    X(INVALID_JSON,          "invalid_json",           400, false)        \
    X(INVALID_FIELD,         "invalid_field",          400, false)        \
    X(FIELD_NOT_ALLOWED,     "field_not_allowed",      400, false)        \
    X(INVALID_PARAMETER,     "invalid_parameter",      400, false)        \
    X(UNAUTHORIZED,          "unauthorized",           401, false)        \
    X(INVALID_KEY,           "invalid_key",            401, false)        \
    X(FORBIDDEN,             "forbidden",              403, false)        \
    X(AMBIGUOUS_CREDENTIALS, "ambiguous_credentials",  400, false)        \
    X(REQUEST_TIMEOUT,       "request_timeout",        408, true)         \
    X(LOOP_DETECTED,         "loop_detected",          508, false)        \
    /* what is not there, or not yet */                                   \
    X(NOT_FOUND,             "not_found",              404, false)        \
    X(MODEL_NOT_FOUND,       "model_not_found",        404, false)        \
    X(CONVERSATION_NOT_FOUND,"conversation_not_found", 404, false)        \
    X(STILL_RUNNING,         "still_running",          409, true)         \
    X(ALREADY_DONE,          "already_done",           409, false)        \
    X(KEY_REUSED,            "idempotency_key_reused", 422, false)        \
    /* what is too much at the moment */                                  \
    X(RATE_LIMITED,          "rate_limited",           429, true)         \
    X(OVERLOADED,            "overloaded",             503, true)         \
    X(DRAINING,              "draining",               503, true)         \
    X(STORAGE_UNAVAILABLE,   "storage_unavailable",    503, true)         \
    /* what a model server does to us */                                  \
    X(UPSTREAM_UNREACHABLE,  "upstream_unreachable",   502, true)         \
    X(UPSTREAM_INVALID,      "upstream_invalid",       502, true)         \
    X(UPSTREAM_TIMEOUT,      "upstream_timeout",       504, true)         \
    X(UPSTREAM_AUTH,         "upstream_auth",          502, false)        \
    X(UPSTREAM_RATE_LIMITED, "upstream_rate_limited",  429, true)         \
    X(UPSTREAM_REFUSED,      "upstream_refused",       502, false)        \
    X(UPSTREAM_INTERRUPTED,  "upstream_interrupted",   502, true)         \
    /* inside; these reach a client only as 500 or 503 */                 \
    X(CLIENT_GONE,           "client_gone",            499, false)        \
    X(NOMEM,                 "out_of_memory",          503, true)         \
    X(IO,                    "io_error",               500, false)        \
    X(FOREIGN_FILE,          "foreign_file",           500, false)        \
    X(CONFIG,                "bad_configuration",      500, false)        \
    X(IN_USE,                "in_use",                 500, false)        \
    X(INTERNAL,              "internal",               500, false)
/* clang-format on */

enum ts_err {
#define X(id, name, status, again) TS_ERR_##id,
    TS_ERR_TABLE(X)
#undef X
        TS_ERR_COUNT_
};
#define TS_OK TS_ERR_OK

enum { TS_ERROR_TEXT_SIZE = 640, TS_ERROR_PARAM_SIZE = 64 };

/*
 * What went wrong, for people. Caller-owned, never allocates; every `err` parameter may be NULL.
 * `param` names the field, query parameter or setting at fault, if one is.
 */
struct ts_error {
    enum ts_err code;
    char param[TS_ERROR_PARAM_SIZE];
    char text[TS_ERROR_TEXT_SIZE];
};

#define TS_ERROR_INIT ((struct ts_error){.code = TS_OK})

/**
 * ts_fail() - fill @err and return its code, for `return ts_fail(err, ...)`
 * @err:  may be NULL
 * @code: not TS_OK
 * @fmt:  what was attempted, with what, and the limit hit; cut at TS_ERROR_TEXT_SIZE, between
 * characters
 *
 * Thread: any. Never allocates, never blocks.
 */
enum ts_err ts_fail(struct ts_error *err, enum ts_err code, const char *fmt, ...) TS_PRINTF(3, 4);

/* As ts_fail(), naming the field, parameter or setting at fault. */
enum ts_err ts_fail_param(struct ts_error *err,
                          enum ts_err code,
                          const char *param,
                          const char *fmt,
                          ...) TS_PRINTF(4, 5);

/* A static analyser sees one file at a time; this tells it what err.c promises. */
#ifdef __clang_analyzer__
#define ts_fail(err, code, ...) ((void)ts_fail((err), (code), __VA_ARGS__), (code))
#define ts_fail_param(err, code, ...) ((void)ts_fail_param((err), (code), __VA_ARGS__), (code))
#endif

const char *ts_err_name(enum ts_err code);

/* The first error of that wire name; INTERNAL if there is none. */
enum ts_err ts_err_find(const char *name);

int ts_err_status(enum ts_err code);
bool ts_err_retryable(enum ts_err code);

#endif
