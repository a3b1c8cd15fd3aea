/*
 * A tree of jansson as text, byte for byte as jansson itself writes it with JSON_COMPACT and 15
 * digits, several times as fast: most of its time goes into printf() of figures, which are whole
 * numbers of thousandths here and need none.
 */
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"

enum { MAX_BYTES = 1024 * 1024 * 1024, DECIMALS = 9 };

static const int64_t scale = 1000000000;                      /* 10^DECIMALS */
static const int64_t exact_below = INT64_C(1000000000000000); /* all of 15 digits */
static const double least = 1e-3; /* smaller ones may need an exponent */

/* Whatever the fast ways leave. */
static void put_by_jansson(struct ts_buf *b, const json_t *value)
{
    enum { FLAGS = JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15) };
    size_t need = json_dumpb(value, NULL, 0, FLAGS);
    if (ts_buf_reserve(b, need))
        b->len += json_dumpb(value, b->data + b->len, need, FLAGS);
}

/* 1.5 for 1500000000, and 2.0 for 2000000000. */
static void put_decimal(struct ts_buf *b, int64_t scaled)
{
    char fraction[DECIMALS + 1] = ".";
    int64_t rest = scaled % scale;
    ts_buf_put_int(b, scaled / scale);
    for (int i = DECIMALS; i > 0; i--, rest /= 10)
        fraction[i] = (char)('0' + rest % 10);
    size_t len = DECIMALS + 1;
    while (len > 2 && fraction[len - 1] == '0')
        len--;
    ts_buf_put(b, fraction, len);
}

/* A decimal of at most 15 digits that is this number is what "%.15g" gives: no two of them are one
 * double. */
static void put_real(struct ts_buf *b, const json_t *value)
{
    double v = json_real_value(value);
    double scaled = v * (double)scale;
    if (v >= least && scaled < (double)exact_below) {
        int64_t whole = llround(scaled);
        if ((double)whole / (double)scale == v) {
            put_decimal(b, whole);
            return;
        }
    }
    put_by_jansson(b, value);
}

static bool is_plain(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == '"' || c == '\\')
            return false;
    }
    return true;
}

static void put_plain(struct ts_buf *b, const char *text, size_t len)
{
    ts_buf_put(b, "\"", 1);
    ts_buf_put(b, text, len);
    ts_buf_put(b, "\"", 1);
}

static void put_string(struct ts_buf *b, const json_t *value)
{
    const char *text = json_string_value(value);
    size_t len = json_string_length(value);
    if (is_plain(text, len))
        put_plain(b, text, len);
    else
        put_by_jansson(b, value);
}

static void put_key(struct ts_buf *b, const char *key)
{
    size_t len = strlen(key);
    if (is_plain(key, len)) {
        put_plain(b, key, len);
        return;
    }
    json_t *text = json_string(key);
    put_by_jansson(b, text);
    json_decref(text);
}

static void put(struct ts_buf *b, json_t *value);

static void put_object(struct ts_buf *b, json_t *object)
{
    const char *key = NULL;
    json_t *value = NULL;
    const char *before = "{";
    json_object_foreach(object, key, value)
    {
        ts_buf_put(b, before, 1);
        put_key(b, key);
        ts_buf_put(b, ":", 1);
        put(b, value);
        before = ",";
    }
    ts_buf_puts(b, *before == '{' ? "{}" : "}");
}

static void put_array(struct ts_buf *b, json_t *array)
{
    size_t count = json_array_size(array);
    ts_buf_put(b, "[", 1);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            ts_buf_put(b, ",", 1);
        put(b, json_array_get(array, i));
    }
    ts_buf_put(b, "]", 1);
}

static void put(struct ts_buf *b, json_t *value) /* as deep as the tree, which is ours */
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        put_object(b, value);
        return;
    case JSON_ARRAY:
        put_array(b, value);
        return;
    case JSON_STRING:
        put_string(b, value);
        return;
    case JSON_INTEGER:
        ts_buf_put_int(b, json_integer_value(value));
        return;
    case JSON_REAL:
        put_real(b, value);
        return;
    case JSON_TRUE:
        ts_buf_puts(b, "true");
        return;
    case JSON_FALSE:
        ts_buf_puts(b, "false");
        return;
    case JSON_NULL:
        ts_buf_puts(b, "null");
        return;
    }
}

char *ts_json_dump(json_t *body)
{
    struct ts_buf b = TS_BUF_INIT(MAX_BYTES);
    if (body != NULL)
        put(&b, body);
    if (!ts_buf_ok(&b))
        ts_buf_free(&b);
    return b.data;
}
