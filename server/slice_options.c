#include "server/slice_options.h"

#include <string.h>

#include "base/clock.h"
#include "handlers/filter.h"

static enum ts_err read_time(const struct ts_options *o,
                             const char *name,
                             int64_t *out,
                             struct ts_error *err)
{
    const char *text = ts_option(o, name);
    if (text == NULL)
        return TS_OK;
    if (ts_rfc3339_parse(text, strlen(text), out) == 0 && *out >= 0 && *out <= TS_LATEST_MS)
        return TS_OK;
    return ts_fail(err,
                   TS_ERR_INVALID_PARAMETER,
                   "--%s needs a time like 2026-11-20T21:30:00Z, not \"%.60s\"",
                   name,
                   text);
}

static enum ts_err read_window(const struct ts_options *o,
                               struct ts_slice_wish wish,
                               struct ts_call_filter *f,
                               struct ts_error *err)
{
    const struct ts_number_option which = {"days", 1, TS_MAX_DAYS, wish.days};
    int64_t days = 0;
    int64_t from = -1;
    int64_t to = -1;
    enum ts_err e = ts_option_number(o, which, &days, err);
    if (e == TS_OK)
        e = read_time(o, "from", &from, err);
    if (e == TS_OK)
        e = read_time(o, "to", &to, err);
    if (e != TS_OK)
        return e;
    if (from >= 0 && ts_option(o, "days") != NULL)
        return ts_fail(err, TS_ERR_INVALID_PARAMETER, "--days and --from exclude each other");
    f->from_ms = 0;
    f->to_ms = to >= 0 ? to : days > 0 ? wish.now_ms + 1 : TS_LATEST_MS;
    if (from >= 0)
        f->from_ms = from;
    else if (days > 0)
        ts_filter_last_days(f, f->to_ms - 1, days);
    return f->from_ms < f->to_ms ? TS_OK
                                 : ts_fail(err,
                                           TS_ERR_INVALID_PARAMETER,
                                           "the window is empty: --from is not before --to");
}

/* @tag gets the key; the value stays where it stands. */
static enum ts_err read_tag(const struct ts_options *o,
                            struct ts_buf *tag,
                            struct ts_call_filter *f,
                            struct ts_error *err)
{
    const char *pair = ts_option(o, "tag");
    if (pair == NULL)
        return TS_OK;
    const char *equals = strchr(pair, '=');
    if (equals == NULL || equals == pair)
        return ts_fail(err,
                       TS_ERR_INVALID_PARAMETER,
                       "--tag needs KEY=VALUE, as in project=apollo, not \"%.60s\"",
                       pair);
    ts_buf_put(tag, pair, (size_t)(equals - pair));
    if (!ts_buf_ok(tag))
        return ts_fail(err, TS_ERR_INVALID_PARAMETER, "--tag has too long a key");
    f->tag_key = ts_buf_text(tag);
    f->tag_value = equals + 1;
    return TS_OK;
}

enum ts_err ts_slice_options_read(const struct ts_options *o,
                                  struct ts_slice_wish wish,
                                  struct ts_buf *tag,
                                  struct ts_call_filter *out,
                                  struct ts_error *err)
{
    int ignored = 0;
    out->model = ts_option(o, "model");
    out->provider = ts_option(o, "provider");
    out->task_type = ts_option(o, "task-type");
    out->complexity = ts_option(o, "complexity");
    out->user = ts_option(o, "user");
    out->user_segment = ts_option(o, "user-segment");
    enum ts_err e = ts_option_choice(o, "complexity", "simple|medium|complex", &ignored, err);
    if (e == TS_OK)
        e = ts_filter_check(out, err);
    if (e == TS_OK)
        e = read_window(o, wish, out, err);
    return e == TS_OK ? read_tag(o, tag, out, err) : e;
}

bool ts_slice_is_everything(const struct ts_call_filter *f)
{
    return f->model == NULL && f->provider == NULL && f->task_type == NULL &&
           f->complexity == NULL && f->user == NULL && f->user_segment == NULL &&
           f->tag_key == NULL && f->from_ms == 0 && f->to_ms == TS_LATEST_MS;
}
