#include "handlers/intake_row.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/json.h"

enum { NUMBER_SIZE = 64, TIME_SIZE = 64 };

size_t ts_intake_scan(struct ts_intake_scan *s, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = bytes[i];
        if (s->in_string) {
            if (s->escaped)
                s->escaped = false;
            else if (c == '\\')
                s->escaped = true;
            else
                s->in_string = c != '"';
            continue;
        }
        s->in_string = c == '"';
        s->depth += (c == '{' || c == '[') - (c == '}' || c == ']');
        if (s->depth <= 0 && (c == '}' || c == ']'))
            return i + 1;
    }
    return 0;
}

/* -- values ------------------------------------------------------------------------------------ */

static enum ts_err fault(enum ts_call_column c, const char *what, struct ts_error *err)
{
    const char *name = ts_call_column(c)->column;
    return ts_fail_param(err, TS_ERR_INVALID_FIELD, name, "%s %s", name, what);
}

static bool parse_bool(struct ts_slice s, bool *out)
{
    static const char *const yes[] = {"true", "t", "1", "yes"};
    static const char *const no[] = {"false", "f", "0", "no"};
    for (size_t i = 0; i < TS_ARRAY_LEN(yes); i++) {
        *out = ts_slice_same_nocase(s, ts_slice_str(yes[i]));
        if (*out || ts_slice_same_nocase(s, ts_slice_str(no[i])))
            return true;
    }
    return false;
}

/* A number; a whole one as an integer, also where a program has made "12.0" of it. */
static json_t *number_json(double real)
{
    bool whole = real == trunc(real) && fabs(real) < 9e15;
    return whole ? json_integer((json_int_t)real) : json_real(real);
}

static json_t *parse_number(struct ts_slice s)
{
    char text[NUMBER_SIZE];
    if (s.len >= sizeof(text) || !ts_csv_is_number(s))
        return NULL;
    memcpy(text, s.at, s.len);
    text[s.len] = '\0';
    double real = strtod(text, NULL); /* the locale is "C": nothing sets another */
    return isfinite(real) ? number_json(real) : NULL;
}

/* "2026-11-20 21:33:55.12+00" as RFC 3339 has it; a time without a zone is UTC. */
static json_t *time_json(struct ts_slice s)
{
    char text[TIME_SIZE];
    if (s.len < 11 || s.len + 4 > sizeof(text))
        return json_stringn(s.at, s.len);
    memcpy(text, s.at, s.len);
    text[s.len] = '\0';
    const char *clock = text + 11;
    const char *zone = strpbrk(clock, "Zz+-");
    if (zone == NULL)
        memcpy(text + s.len, "Z", 2);
    else if (*zone != 'Z' && *zone != 'z' && strlen(zone) == 3)
        memcpy(text + s.len, ":00", 4);
    return json_string(text);
}

static enum ts_err text_value(enum ts_call_column c,
                              struct ts_slice s,
                              json_t **out,
                              struct ts_error *err)
{
    bool truth = false;
    switch (ts_call_column(c)->kind) {
    case TS_COLUMN_TEXT:
        *out = c == TS_COLUMN_ID_TIMESTAMP ? time_json(s) : json_stringn(s.at, s.len);
        break;
    case TS_COLUMN_BOOL:
        if (!parse_bool(s, &truth))
            return fault(c, "must be true or false", err);
        *out = json_boolean(truth);
        break;
    case TS_COLUMN_INT:
    case TS_COLUMN_RATING:
    case TS_COLUMN_MS:
    case TS_COLUMN_USD:
    case TS_COLUMN_REAL:
        *out = parse_number(s);
        if (*out == NULL)
            return fault(c, "must be a number", err);
        break;
    case TS_COLUMN_JSON:
    case TS_COLUMN_ATTEMPTS:
        if (ts_json_parse(s.at, s.len, out, err) != TS_OK)
            return fault(c, "must be JSON, an object or an array", err);
        break;
    }
    return *out != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for a row");
}

/* The value of a JSON file as the API has it: what SQL tells as 1, as text, as 12.0. */
static enum ts_err mended_value(enum ts_call_column c,
                                json_t *v,
                                json_t **out,
                                struct ts_error *err)
{
    const struct ts_call_column_info *info = ts_call_column(c);
    *out = NULL;
    if (info->kind == TS_COLUMN_BOOL && json_is_integer(v) && json_integer_value(v) >> 1 == 0)
        *out = json_boolean(json_integer_value(v));
    else if ((info->kind == TS_COLUMN_INT || info->kind == TS_COLUMN_RATING) && json_is_real(v))
        *out = number_json(json_real_value(v));
    else if ((info->kind == TS_COLUMN_JSON || c == TS_COLUMN_ID_TIMESTAMP) && json_is_string(v))
        return text_value(c, ts_slice_str(json_string_value(v)), out, err);
    else
        *out = json_incref(v);
    return *out != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for a row");
}

/* -- the whole row ----------------------------------------------------------------------------- */

static bool is_null(const json_t *row, enum ts_call_column c)
{
    const json_t *v = json_object_get(row, ts_call_column(c)->member);
    return v == NULL || json_is_null(v);
}

/* A row of SQL that has no success is a cancelled call. */
static enum ts_err finish(json_t *row, struct ts_error *err)
{
    const char *success = ts_call_column(TS_COLUMN_ID_SUCCESS)->member;
    bool null_success = json_is_null(json_object_get(row, success));
    if (is_null(row, TS_COLUMN_ID_TIMESTAMP))
        return fault(TS_COLUMN_ID_TIMESTAMP, "is required", err);
    if (!null_success || !is_null(row, TS_COLUMN_ID_OUTCOME))
        return TS_OK;
    const char *outcome = ts_call_column(TS_COLUMN_ID_OUTCOME)->member;
    return json_object_set_new(row, outcome, json_string("cancelled")) == 0
               ? TS_OK
               : ts_fail(err, TS_ERR_NOMEM, "no memory for a row");
}

static enum ts_err put(json_t *row, enum ts_call_column c, json_t *value, struct ts_error *err)
{
    return json_object_set_new(row, ts_call_column(c)->member, value) == 0
               ? TS_OK
               : ts_fail(err, TS_ERR_NOMEM, "no memory for a row");
}

enum ts_err ts_intake_row_from_json(struct ts_slice text, json_t **out, struct ts_error *err)
{
    json_auto_t *told = NULL;
    json_auto_t *row = json_object();
    enum ts_err e = ts_json_parse(text.at, text.len, &told, err);
    if (e != TS_OK)
        return e;
    if (row == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a row");
    if (!json_is_object(told))
        return ts_fail(err, TS_ERR_INVALID_FIELD, "a call must be an object");
    const char *name;
    json_t *value;
    json_object_foreach(told, name, value)
    {
        enum ts_call_column c = ts_call_column_find(ts_slice_str(name));
        if (c == TS_CALL_COLUMN_COUNT_ && json_object_set(row, name, value) != 0)
            return ts_fail(err, TS_ERR_NOMEM, "no memory for a row");
        if (c == TS_CALL_COLUMN_COUNT_)
            continue; /* ts_call_read() judges it */
        if (json_object_get(row, ts_call_column(c)->member) != NULL)
            return fault(c, "is told twice, under two names", err);
        json_t *mended = NULL;
        e = mended_value(c, value, &mended, err);
        if (e == TS_OK)
            e = put(row, c, mended, err);
        if (e != TS_OK)
            return e;
    }
    e = finish(row, err);
    if (e == TS_OK)
        *out = TS_TAKE(row);
    return e;
}

static enum ts_err cell_count(const struct ts_intake_head *h, int cells, struct ts_error *err)
{
    return ts_fail(err,
                   TS_ERR_INVALID_FIELD,
                   "%s%d cells where the first line has %d",
                   cells > h->count ? "more than " : "",
                   cells > h->count ? h->count : cells,
                   h->count);
}

enum ts_err ts_intake_row_from_csv(const struct ts_intake_head *h,
                                   char delimiter,
                                   struct ts_slice record,
                                   json_t **out,
                                   struct ts_error *err)
{
    json_auto_t *row = json_object();
    if (row == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a row");
    int i = 0;
    for (; record.at != NULL; i++) {
        struct ts_slice cell;
        const char *wrong = ts_csv_cell(delimiter, &record, &cell);
        if (wrong != NULL)
            return ts_fail(err, TS_ERR_INVALID_FIELD, "%s", wrong);
        if (i == h->count)
            return cell_count(h, i + 1, err);
        enum ts_call_column c = h->at[i];
        json_t *value = NULL;
        enum ts_err e = TS_OK;
        if (ts_call_column(c)->kind == TS_COLUMN_TEXT)
            cell = ts_csv_unguard(cell);
        if (cell.len == 0)
            value = json_null();
        else
            e = text_value(c, cell, &value, err);
        if (e == TS_OK)
            e = put(row, c, value, err);
        if (e != TS_OK)
            return e;
    }
    if (i < h->count)
        return cell_count(h, i, err);
    enum ts_err e = finish(row, err);
    if (e == TS_OK)
        *out = TS_TAKE(row);
    return e;
}

/* -- the first line of CSV --------------------------------------------------------------------- */

static bool has(const struct ts_intake_head *h, enum ts_call_column c)
{
    int i = 0;
    while (i < h->count && h->at[i] != c)
        i++;
    return i < h->count;
}

static enum ts_err check_head(const struct ts_intake_head *h, struct ts_error *err)
{
    static const enum ts_call_column needed[] = {
        TS_COLUMN_ID_MODEL, TS_COLUMN_ID_TASK_TYPE, TS_COLUMN_ID_TIMESTAMP};
    for (size_t i = 0; i < TS_ARRAY_LEN(needed); i++) {
        if (!has(h, needed[i]))
            return fault(needed[i], "is missing among the columns", err);
    }
    if (!has(h, TS_COLUMN_ID_SUCCESS) && !has(h, TS_COLUMN_ID_OUTCOME))
        return fault(TS_COLUMN_ID_SUCCESS, "is missing among the columns", err);
    return TS_OK;
}

enum ts_err ts_intake_head_read(struct ts_intake_head *h,
                                char delimiter,
                                struct ts_slice record,
                                struct ts_error *err)
{
    h->count = 0;
    while (record.at != NULL) {
        struct ts_slice cell;
        const char *wrong = ts_csv_cell(delimiter, &record, &cell);
        if (wrong != NULL)
            return ts_fail(err, TS_ERR_INVALID_FIELD, "%s", wrong);
        enum ts_call_column c = ts_call_column_find(ts_slice_trim(cell));
        if (c == TS_CALL_COLUMN_COUNT_)
            return ts_fail(err,
                           TS_ERR_INVALID_FIELD,
                           "there is no column \"%.*s\"; touchstone import --help lists them",
                           cell.len > 60 ? 60 : (int)cell.len,
                           cell.at);
        if (has(h, c))
            return fault(c, "stands there twice", err);
        h->at[h->count++] = c;
    }
    return check_head(h, err);
}
