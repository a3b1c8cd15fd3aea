#include "handlers/fields.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/call.h"

/* "taskType", "[3].taskType", "[3]", or "the body" where the fault has no name. */
static void name_fault(const struct ts_fields *f,
                       const char *name,
                       char out[static TS_ERROR_PARAM_SIZE])
{
    if (f->index >= 0)
        (void)snprintf(
            out, TS_ERROR_PARAM_SIZE, "[%d]%s%.48s", f->index, name[0] != '\0' ? "." : "", name);
    else
        (void)snprintf(out, TS_ERROR_PARAM_SIZE, "%.48s", name);
}

enum ts_err ts_fields_fault(struct ts_fields *f, const char *name, const char *what)
{
    if (f->rc != TS_OK)
        return f->rc;
    char param[TS_ERROR_PARAM_SIZE];
    name_fault(f, name, param);
    const char *subject = param[0] != '\0' ? param : "the body";
    f->rc = ts_fail_param(f->err, TS_ERR_INVALID_FIELD, param, "%s %s", subject, what);
    return f->rc;
}

static bool is_known(const char *name, const char *const *known)
{
    while (*known != NULL && strcmp(*known, name) != 0)
        known++;
    return *known != NULL;
}

struct ts_fields ts_fields_of(json_t *value,
                              int index,
                              const char *const *known,
                              struct ts_error *err)
{
    struct ts_fields f = {.object = value, .index = index, .rc = TS_OK, .err = err};
    if (!json_is_object(value)) {
        (void)ts_fields_fault(&f, "", "must be an object");
        return f;
    }
    const char *name;
    json_t *ignored;
    json_object_foreach(value, name, ignored)
    {
        if (!is_known(name, known))
            (void)ts_fields_fault(&f, name, "is not known here; /openapi.json lists the fields");
    }
    return f;
}

static const json_t *member(const struct ts_fields *f, const char *name)
{
    const json_t *v = f->rc == TS_OK ? json_object_get(f->object, name) : NULL;
    return json_is_null(v) ? NULL : v;
}

void ts_fields_require(struct ts_fields *f, const char *name)
{
    if (f->rc == TS_OK && member(f, name) == NULL)
        (void)ts_fields_fault(f, name, "is required");
}

static size_t characters(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

const char *ts_fields_text(struct ts_fields *f, const char *name, size_t max)
{
    const json_t *v = member(f, name);
    if (v == NULL)
        return NULL;
    const char *text = json_string_value(v);
    size_t n = text != NULL ? characters(text) : 0;
    if (n >= 1 && n <= max)
        return text;
    char what[64];
    (void)snprintf(what, sizeof(what), "must be a text of 1 to %zu characters", max);
    (void)ts_fields_fault(f, name, what);
    return NULL;
}

int64_t ts_fields_int(struct ts_fields *f, const char *name, int64_t min, int64_t max)
{
    const json_t *v = member(f, name);
    if (v == NULL)
        return TS_UNKNOWN;
    int64_t number = json_integer_value(v);
    if (json_is_integer(v) && number >= min && number <= max)
        return number;
    char what[96];
    (void)snprintf(what,
                   sizeof(what),
                   "must be a whole number from %lld to %lld",
                   (long long)min,
                   (long long)max);
    (void)ts_fields_fault(f, name, what);
    return TS_UNKNOWN;
}

double ts_fields_number(struct ts_fields *f, const char *name, double min, double max)
{
    const json_t *v = member(f, name);
    if (v == NULL)
        return (double)NAN;
    double number = json_number_value(v);
    if (json_is_number(v) && number >= min && number <= max)
        return number;
    char what[96];
    (void)snprintf(what, sizeof(what), "must be a number from %.15g to %.15g", min, max);
    (void)ts_fields_fault(f, name, what);
    return (double)NAN;
}

int ts_fields_bool(struct ts_fields *f, const char *name)
{
    const json_t *v = member(f, name);
    if (v == NULL)
        return -1;
    if (json_is_boolean(v))
        return json_is_true(v);
    (void)ts_fields_fault(f, name, "must be true or false");
    return -1;
}
