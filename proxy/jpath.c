#include "proxy/jpath.h"

#include <assert.h>
#include <string.h>

#include "base/limits.h"

enum state {
    VALUE,      /* a value must follow */
    FIRST_ITEM, /* a value or the end of the array */
    FIRST_KEY,  /* a key or the end of the object */
    KEY,
    COLON,
    AFTER, /* a comma or the end of the container */
    STRING,
    ESCAPE,
    WORD, /* a number or literal */
    DONE,
    BAD
};

_Static_assert(TS_MAX_JSON_DEPTH <= 64, "open containers are kept in the bits of a uint64_t");

/* How many of their first segments two paths have in common. */
static int alike(const struct ts_jpath *a, const struct ts_jpath *b)
{
    int n = 0;
    while (n < TS_JPATH_SEGMENTS && a->segment[n] != NULL && b->segment[n] != NULL &&
           strcmp(a->segment[n], b->segment[n]) == 0)
        n++;
    return n;
}

void ts_jpath_init(
    struct ts_jpath_scanner *s, const struct ts_jpath *paths, int count, ts_jpath_fn *fn, void *ctx)
{
    assert(count >= 0 && count <= TS_JPATH_MAX);
    *s = (struct ts_jpath_scanner){.paths = paths, .count = count, .fn = fn, .ctx = ctx};
    for (int p = 0; p + 1 < count; p++)
        s->common[p] = (uint8_t)alike(&paths[p], &paths[p + 1]);
    ts_jpath_reset(s);
}

void ts_jpath_reset(struct ts_jpath_scanner *s)
{
    s->state = VALUE;
    s->depth = 0;
    s->objects = 0;
    s->here = (struct ts_jpath_range){0, (uint8_t)s->count};
    s->hit = -1;
    s->raw = -1;
    s->escape = (struct ts_jescape){0};
}

bool ts_jpath_empty(const struct ts_jpath_scanner *s)
{
    return s->state == VALUE && s->depth == 0;
}

bool ts_jpath_bad(const struct ts_jpath_scanner *s)
{
    return s->state == BAD;
}

bool ts_jpath_complete(const struct ts_jpath_scanner *s)
{
    return s->state == DONE && (s->objects & 1U) != 0;
}

static bool in_object(const struct ts_jpath_scanner *s)
{
    return (s->objects >> (s->depth - 1) & 1U) != 0;
}

static void tell(
    struct ts_jpath_scanner *s, enum ts_jtype type, const char *text, size_t len, bool last)
{
    if (s->hit < 0)
        return;
    struct ts_jpath_value v = {.type = type, .text = {text, len}, .last = last};
    s->fn(s->ctx, s->paths[s->hit].field & ~TS_JPATH_RAW, &v);
}

/* Whether a segment is the member @key, or any item of an array if @key is NULL. */
static bool segment_is(const char *segment, const char *key, size_t len)
{
    if (key == NULL || segment[0] == '[')
        return key == NULL && segment[0] == '[';
    return segment[0] == key[0] && strlen(segment) == len && memcmp(segment, key, len) == 0;
}

/* Behind the paths that have their first @depth segments and one more in common with @p. */
static uint8_t behind(const struct ts_jpath_scanner *s, uint8_t p, int depth)
{
    while (s->common[p] > depth)
        p++;
    return (uint8_t)(p + 1);
}

/* The value at hand is the member @key of the innermost container, or an item of it.
 * No key is wanted that has no length. */
static void choose(struct ts_jpath_scanner *s, const char *key, size_t len)
{
    int last = s->depth - 1;
    s->hit = -1;
    s->here = (struct ts_jpath_range){0};
    if (last >= TS_JPATH_SEGMENTS || (key != NULL && len == 0))
        return;
    struct ts_jpath_range in = s->inside[last];
    for (uint8_t p = in.first; p < in.end; p = behind(s, p, last)) {
        const char *const *segment = s->paths[p].segment;
        if (!segment_is(segment[last], key, len))
            continue;
        bool ends_here = s->depth == TS_JPATH_SEGMENTS || segment[s->depth] == NULL;
        s->hit = ends_here ? p : -1;
        s->here = (struct ts_jpath_range){ends_here ? (uint8_t)(p + 1) : p, behind(s, p, last)};
        return;
    }
}

static void value_done(struct ts_jpath_scanner *s)
{
    s->state = s->depth == 0 ? DONE : AFTER;
}

static void open_container(struct ts_jpath_scanner *s, bool object)
{
    if (s->depth == TS_MAX_JSON_DEPTH) {
        s->state = BAD;
        return;
    }
    if (s->hit >= 0 && (s->paths[s->hit].field & TS_JPATH_RAW) != 0 && s->raw < 0) {
        s->raw = s->hit;
        s->raw_depth = s->depth;
    } else {
        tell(s, object ? TS_J_OBJECT : TS_J_ARRAY, NULL, 0, true);
    }
    assert(s->depth >= 0);
    uint64_t bit = UINT64_C(1) << s->depth;
    s->objects = object ? s->objects | bit : s->objects & ~bit;
    if (s->depth < TS_JPATH_SEGMENTS)
        s->inside[s->depth] = s->here;
    s->depth++;
    s->state = object ? FIRST_KEY : FIRST_ITEM;
}

static void close_container(struct ts_jpath_scanner *s)
{
    s->depth--;
    value_done(s);
}

static void begin_string(struct ts_jpath_scanner *s, bool key)
{
    s->in_key = key;
    s->token_len = 0;
    s->state = STRING;
}

static void put_token(struct ts_jpath_scanner *s, const char *bytes, size_t n)
{
    if (s->token_len + n > TS_JPATH_TOKEN) {
        s->token_len = TS_JPATH_TOKEN + 1;
        return;
    }
    memcpy(s->token + s->token_len, bytes, n);
    s->token_len += n;
}

static bool token_is(const struct ts_jpath_scanner *s, const char *word)
{
    return s->token_len == strlen(word) && memcmp(s->token, word, s->token_len) == 0;
}

static bool is_word_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' || c == '.' ||
           c == 'E';
}

static void begin_value(struct ts_jpath_scanner *s, char c)
{
    if (s->depth > 0 && !in_object(s))
        choose(s, NULL, 0);
    switch (c) {
    case '{':
        open_container(s, true);
        return;
    case '[':
        open_container(s, false);
        return;
    case '"':
        begin_string(s, false);
        return;
    default:
        s->token_len = 0;
        put_token(s, &c, 1);
        s->state = is_word_char(c) ? WORD : BAD;
    }
}

static void after_value(struct ts_jpath_scanner *s, char c)
{
    if (c == ',')
        s->state = in_object(s) ? KEY : VALUE;
    else if (c == (in_object(s) ? '}' : ']'))
        close_container(s);
    else
        s->state = BAD;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* One character outside strings and words. */
static void in_structure(struct ts_jpath_scanner *s, char c)
{
    if (is_space(c))
        return;
    switch ((enum state)s->state) {
    case FIRST_ITEM:
        if (c == ']') {
            close_container(s);
            return;
        }
        TS_FALLTHROUGH;
    case VALUE:
        begin_value(s, c);
        return;
    case FIRST_KEY:
        if (c == '}') {
            close_container(s);
            return;
        }
        TS_FALLTHROUGH;
    case KEY:
        if (c == '"')
            begin_string(s, true);
        else
            s->state = BAD;
        return;
    case COLON:
        s->state = c == ':' ? VALUE : BAD;
        return;
    case AFTER:
        after_value(s, c);
        return;
    case DONE:
    case STRING:
    case ESCAPE:
    case WORD:
    case BAD:
        s->state = BAD;
    }
}

/* Unescaped bytes of the string being read. */
static void put_string(struct ts_jpath_scanner *s, const char *bytes, size_t n, bool last)
{
    if (s->in_key)
        put_token(s, bytes, n);
    else if (n > 0 || last)
        tell(s, TS_J_STRING, bytes, n, last);
}

static void flush_escape(struct ts_jpath_scanner *s)
{
    char bytes[TS_JESCAPE_MAX];
    if (s->escape.high == 0) /* hardly ever anything to do */
        return;
    size_t n = ts_jescape_flush(&s->escape, bytes);
    put_string(s, bytes, n, false);
}

static void end_key(struct ts_jpath_scanner *s, const char *key, size_t len)
{
    choose(s, key, len <= TS_JPATH_TOKEN ? len : 0);
    s->state = COLON;
}

static void end_string(struct ts_jpath_scanner *s)
{
    if (s->in_key)
        end_key(s, s->token, s->token_len);
    else
        value_done(s);
}

static size_t in_string(struct ts_jpath_scanner *s, const char *bytes, size_t n)
{
    size_t run = ts_jplain(bytes, n);
    bool ends = run < n && bytes[run] == '"';
    if (ends && s->in_key && s->token_len == 0 && s->escape.high == 0) { /* whole: needs no copy */
        end_key(s, bytes, run);
        return run + 1;
    }
    if (run > 0 || ends)
        flush_escape(s);
    put_string(s, bytes, run, ends);
    if (run == n)
        return n;
    if (ends)
        end_string(s);
    else
        s->state = bytes[run] == '\\' ? ESCAPE : BAD;
    return run + 1;
}

static void in_escape(struct ts_jpath_scanner *s, char c)
{
    char bytes[TS_JESCAPE_MAX];
    size_t n;
    switch (ts_jescape_feed(&s->escape, c, bytes, &n)) {
    case TS_JESCAPE_MORE:
        return;
    case TS_JESCAPE_DONE:
        put_string(s, bytes, n, false);
        s->state = STRING;
        return;
    case TS_JESCAPE_BAD:
        s->state = BAD;
    }
}

static void end_word(struct ts_jpath_scanner *s)
{
    enum ts_jtype type = token_is(s, "true")    ? TS_J_TRUE
                         : token_is(s, "false") ? TS_J_FALSE
                         : token_is(s, "null")  ? TS_J_NULL
                                                : TS_J_NUMBER;
    bool fits = s->token_len <= TS_JPATH_TOKEN;
    if (type == TS_J_NUMBER && fits &&
        !ts_jnumber_valid((struct ts_slice){s->token, s->token_len})) {
        s->state = BAD;
        return;
    }
    if (fits)
        tell(s, type, s->token, s->token_len, true);
    value_done(s);
}

/* What ends a word belongs to the structure and is left to it. */
static size_t in_word(struct ts_jpath_scanner *s, const char *bytes, size_t n)
{
    size_t run = 0;
    while (run < n && is_word_char(bytes[run]))
        run++;
    put_token(s, bytes, run);
    if (run < n)
        end_word(s);
    return run;
}

static void tell_raw(struct ts_jpath_scanner *s, int path, struct ts_slice text, bool last)
{
    enum ts_jtype type = (s->objects >> s->raw_depth & 1U) != 0 ? TS_J_OBJECT : TS_J_ARRAY;
    struct ts_jpath_value v = {.type = type, .text = text, .last = last};
    s->fn(s->ctx, s->paths[path].field & ~TS_JPATH_RAW, &v);
}

/* One character outside strings and words; the text of a raw container begins and ends with one. */
static void step(struct ts_jpath_scanner *s, const char *at, const char **raw_from)
{
    bool was_raw = s->raw >= 0;
    in_structure(s, *at);
    if (s->raw < 0)
        return;
    if (!was_raw)
        *raw_from = at;
    if (s->depth > s->raw_depth)
        return;
    int path = s->raw;
    struct ts_slice text = {.at = *raw_from, .len = (size_t)(at - *raw_from) + 1};
    s->raw = -1;
    tell_raw(s, path, text, true);
}

void ts_jpath_feed(struct ts_jpath_scanner *s, const char *bytes, size_t n)
{
    const char *raw_from = bytes;
    size_t i = 0;
    while (i < n && s->state != BAD) {
        if (s->state == STRING)
            i += in_string(s, bytes + i, n - i);
        else if (s->state == ESCAPE)
            in_escape(s, bytes[i++]);
        else if (s->state == WORD)
            i += in_word(s, bytes + i, n - i);
        else
            step(s, &bytes[i++], &raw_from);
    }
    if (s->raw >= 0 && s->state != BAD && bytes + n > raw_from)
        tell_raw(s,
                 s->raw,
                 (struct ts_slice){.at = raw_from, .len = (size_t)(bytes + n - raw_from)},
                 false);
}
