#include "handlers/filter.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"

static enum ts_err take_tag(const struct ts_exchange *x,
                            struct ts_call_filter *f,
                            struct ts_error *err)
{
    static const char prefix[] = "tag.";
    for (int i = 0; i < x->arg_count; i++) {
        const char *key = x->args[i].key;
        if (strncmp(key, prefix, sizeof(prefix) - 1) != 0)
            continue;
        if (f->tag_key != NULL)
            return ts_fail_param(err,
                                 TS_ERR_INVALID_PARAMETER,
                                 key,
                                 "calls can be filtered by one tag at a time; there is tag.%.40s "
                                 "already",
                                 f->tag_key);
        f->tag_key = key + sizeof(prefix) - 1;
        f->tag_value = ts_arg(x, key);
    }
    return TS_OK;
}

enum ts_err ts_filter_check(const struct ts_call_filter *f, struct ts_error *err)
{
    if (f->task_type != NULL && !ts_task_type_valid(ts_slice_str(f->task_type)))
        return ts_fail_param(err,
                             TS_ERR_INVALID_PARAMETER,
                             "task_type",
                             "task_type has 1 to 64 characters of A-Z a-z 0-9 _ . : -, unlike "
                             "'%.80s'",
                             f->task_type);
    enum ts_complexity ignored;
    if (f->complexity != NULL && !ts_complexity_parse(ts_slice_str(f->complexity), &ignored))
        return ts_fail_param(err,
                             TS_ERR_INVALID_PARAMETER,
                             "complexity",
                             "complexity must be simple, medium or complex, not '%.40s'",
                             f->complexity);
    return TS_OK;
}

enum ts_err ts_filter_args(const struct ts_exchange *x,
                           struct ts_call_filter *f,
                           struct ts_error *err)
{
    f->model = ts_arg(x, "model");
    f->provider = ts_arg(x, "provider");
    f->task_type = ts_arg(x, "task_type");
    f->complexity = ts_arg(x, "complexity");
    f->user = ts_arg(x, "user");
    f->user_segment = ts_arg(x, "user_segment");
    enum ts_err rc = ts_filter_check(f, err);
    return rc == TS_OK ? take_tag(x, f, err) : rc;
}

enum ts_err ts_arg_time(const struct ts_exchange *x,
                        const char *key,
                        int64_t *out,
                        struct ts_error *err)
{
    const char *text = ts_arg(x, key);
    if (text == NULL)
        return TS_OK;
    int64_t ms = 0;
    if (ts_rfc3339_parse(text, strlen(text), &ms) != 0 || ms < 0 || ms > TS_LATEST_MS)
        return ts_fail_param(err,
                             TS_ERR_INVALID_PARAMETER,
                             key,
                             "%s must be a time like 2026-11-20T21:30:00Z, not '%.60s'%s",
                             key,
                             text,
                             strchr(text, ' ') != NULL ? " (write + as %2B)" : "");
    *out = ms;
    return TS_OK;
}

enum ts_err ts_window_args(const struct ts_exchange *x,
                           int64_t now_ms,
                           struct ts_call_filter *f,
                           int64_t *days,
                           struct ts_error *err)
{
    enum ts_err rc =
        ts_arg_int(x, "days", (struct ts_whole){1, TS_MAX_DAYS, TS_DEFAULT_DAYS}, days, err);
    if (rc != TS_OK)
        return rc;
    f->from_ms = -1;
    f->to_ms = now_ms + 1;
    rc = ts_arg_time(x, "from", &f->from_ms, err);
    if (rc == TS_OK)
        rc = ts_arg_time(x, "to", &f->to_ms, err);
    if (rc != TS_OK)
        return rc;
    if (f->from_ms < 0) {
        int64_t from = f->to_ms - *days * TS_DAY_MS;
        f->from_ms = from > 0 ? from : 0;
        return TS_OK;
    }
    if (ts_arg(x, "days") != NULL)
        return ts_fail_param(
            err, TS_ERR_INVALID_PARAMETER, "days", "days and from exclude each other");
    if (f->from_ms >= f->to_ms)
        return ts_fail_param(
            err, TS_ERR_INVALID_PARAMETER, "from", "the window is empty: from is not before to");
    *days = -1;
    return TS_OK;
}

enum ts_err ts_open_window_args(const struct ts_exchange *x,
                                struct ts_call_filter *f,
                                struct ts_error *err)
{
    int64_t days = 0;
    f->from_ms = 0;
    f->to_ms = TS_LATEST_MS;
    bool windowed = ts_arg(x, "days") != NULL || ts_arg(x, "from") != NULL;
    if (windowed)
        return ts_window_args(x, ts_wall_ms(), f, &days, err);
    return ts_arg_time(x, "to", &f->to_ms, err);
}

static void put(json_t *o, const char *key, const char *value)
{
    if (value != NULL)
        (void)json_object_set_new(o, key, ts_json_text(value));
}

json_t *ts_filter_json(const struct ts_call_filter *f)
{
    json_t *o = json_object();
    put(o, "model", f->model);
    put(o, "provider", f->provider);
    put(o, "task_type", f->task_type);
    put(o, "complexity", f->complexity);
    put(o, "user", f->user);
    put(o, "user_segment", f->user_segment);
    put(o, "outcome", f->outcome);
    put(o, "conversation_id", f->conversation_id);
    if (f->tag_key == NULL)
        return o;
    json_t *key = json_sprintf("tag.%s", f->tag_key); /* NULL if it is not UTF-8 */
    if (key != NULL)
        put(o, json_string_value(key), f->tag_value);
    json_decref(key);
    return o;
}
