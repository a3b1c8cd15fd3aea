/*
 * The request's target: path and query, from the bytes of the wire.
 *
 * libmicrohttpd unescapes in place and hides bad escapes and NULs, so the raw target is taken from
 * it (MHD_OPTION_URI_LOG_CALLBACK) and read here.
 */
#ifndef TS_SERVER_TARGET_H
#define TS_SERVER_TARGET_H

#include "base/err.h"
#include "base/slice.h"
#include "handlers/exchange.h"

/* Errors: URI_TOO_LONG (also: too many query arguments), BAD_TARGET (does not start with '/', an
 * empty or `..` segment, bytes that do not belong there, a bad escape, an escaped control character
 * or NUL, not UTF-8). */
TS_NODISCARD enum ts_err ts_target_check(struct ts_slice target, struct ts_error *err);

/**
 * ts_target_path() - the unescaped path of a checked target, without the base path
 * @base: "" or "/ai"
 * @out:  room for target.len + 2 bytes
 * Return: false if the path does not lie under @base.
 */
bool ts_target_path(struct ts_slice target, const char *base, char *out);

/* How many query arguments there are. */
int ts_target_arg_count(struct ts_slice target);

/**
 * ts_target_args() - the query's arguments, unescaped, in their order
 * @text: room for target.len + 2 bytes, which the arguments point into
 * @out:  room for ts_target_arg_count()
 */
void ts_target_args(struct ts_slice target, char *text, struct ts_query_arg *out);

#endif
