/*
 * Options that say which calls a command is about: a window and the filters of the API.
 */
#ifndef TS_SERVER_SLICE_OPTIONS_H
#define TS_SERVER_SLICE_OPTIONS_H

#include "base/buf.h"
#include "db/query.h"
#include "server/options.h"

/* Rows for a command's table; @days tells what --days is by default. */
#define TS_SLICE_OPTIONS(days)                                                                     \
    {.name = "days", .letter = 'd', .value = "N", .help = "calls of the last N days; " days},      \
        {.name = "from",                                                                           \
         .value = "TIME",                                                                          \
         .help = "or from this moment on: 2026-11-20 or 2026-11-20T21:30:00Z"},                    \
        {.name = "to", .value = "TIME", .help = "and before this one; default now"},               \
        {.name = "model", .value = "NAME", .help = "only calls of this model"},                    \
        {.name = "provider", .value = "NAME", .help = "only of this provider"},                    \
        {.name = "task-type", .value = "NAME", .help = "only of this kind of task"},               \
        {.name = "complexity",                                                                     \
         .value = "simple|medium|complex",                                                         \
         .help = "only of this complexity"},                                                       \
        {.name = "user", .value = "ID", .help = "only of this user"},                              \
        {.name = "user-segment", .value = "NAME", .help = "only of users of this segment"},        \
    {                                                                                              \
        .name = "tag", .value = "KEY=VALUE", .help = "only with this tag"                          \
    }

struct ts_slice_wish {
    int64_t now_ms;
    int64_t days; /* of the window, where none is asked for; 0: everything */
};

/* @tag: TS_BUF_INIT(TS_MAX_TAGS_BYTES); keeps text that @out points into, as the command line does.
 * Errors: INVALID_PARAMETER. */
TS_NODISCARD enum ts_err ts_slice_options_read(const struct ts_options *o,
                                               struct ts_slice_wish wish,
                                               struct ts_buf *tag,
                                               struct ts_call_filter *out,
                                               struct ts_error *err);

/* Whether all calls are meant. */
bool ts_slice_is_everything(const struct ts_call_filter *f);

#endif
