/*
 * Embeddings, as Ollama (embed, and the older embeddings) and OpenAI speak of them.
 *
 * Their answers are no streams: they are collected and pass whole, in another dialect with the
 * vectors as they stand, or as base64 where the client wants that.
 */
#include <inttypes.h>
#include <string.h>

#include "base/base64.h"
#include "proxy/asked_write.h"
#include "proxy/dialect_impl.h"
#include "proxy/draft.h"
#include "proxy/genreq_impl.h"
#include "proxy/writer.h"

#define STRING TS_TYPE(STRING)

/* -- requests ---------------------------------------------------------------------------------- */

static const struct ts_member_rule embed_members[] = {
    {TS_MEMBER_MODEL, STRING, "a string", true},
    {TS_MEMBER_TOUCHSTONE, TS_TYPE(OBJECT), "an object", false},
    {TS_MEMBER_INPUT, STRING | TS_TYPE(ARRAY), "a string or an array of strings", false},
    {TS_MEMBER_DIMENSIONS, TS_TYPE(NUMBER), "a number", false},
    {TS_MEMBER_OPTIONS, TS_TYPE(OBJECT), "an object", false},
};

static const struct ts_member_rule embeddings_members[] = {
    {TS_MEMBER_MODEL, STRING, "a string", true},
    {TS_MEMBER_TOUCHSTONE, TS_TYPE(OBJECT), "an object", false},
    {TS_MEMBER_PROMPT, STRING, "a string", false},
    {TS_MEMBER_OPTIONS, TS_TYPE(OBJECT), "an object", false},
};

static const struct ts_member_rule openai_members[] = {
    {TS_MEMBER_MODEL, STRING, "a string", true},
    {TS_MEMBER_TOUCHSTONE, TS_TYPE(OBJECT), "an object", false},
    {TS_MEMBER_INPUT, STRING | TS_TYPE(ARRAY), "a string or an array", true},
    {TS_MEMBER_DIMENSIONS, TS_TYPE(NUMBER), "a number", false},
    {TS_MEMBER_ENCODING_FORMAT, STRING, "\"float\" or \"base64\"", false},
};

static bool never_folds(const struct ts_genreq *q)
{
    (void)q;
    return false;
}

/* What is to be embedded: each dialect has it under one of two names. */
static struct ts_jvalue input_of(const struct ts_genreq *q)
{
    struct ts_jvalue input = ts_genreq_member(q, TS_MEMBER_INPUT);
    return input.type != TS_J_NONE ? input : ts_genreq_member(q, TS_MEMBER_PROMPT);
}

/* Without a text Ollama only loads the model. */
static enum ts_err check_ollama(struct ts_genreq *q, struct ts_error *err)
{
    struct ts_jvalue input = input_of(q);
    (void)err;
    q->has_prompt = input.type == TS_J_ARRAY || (input.type == TS_J_STRING && input.raw.len > 2);
    return TS_OK;
}

static enum ts_err check_openai(struct ts_genreq *q, struct ts_error *err)
{
    struct ts_jvalue format = ts_genreq_member(q, TS_MEMBER_ENCODING_FORMAT);
    q->wants_base64 = ts_jstring_is(format, "base64");
    if (format.type == TS_J_NONE || q->wants_base64 || ts_jstring_is(format, "float"))
        return TS_OK;
    return ts_asked_cannot("encoding_format", "must be float or base64", err);
}

/* Tokens mean something to one model only, and Ollama takes none. */
static enum ts_err check_texts(struct ts_jvalue input, struct ts_error *err)
{
    struct ts_jiter it = ts_jiter_of(input);
    struct ts_jvalue key, item;
    while (ts_jiter_next(&it, &key, &item)) {
        if (item.type != TS_J_STRING)
            return ts_asked_cannot(
                "input", "must be texts: the server of this model takes no tokens", err);
    }
    return TS_OK;
}

static enum ts_err write_ollama_request(const struct ts_genreq *q,
                                        const struct ts_build *b,
                                        struct ts_buf *out,
                                        struct ts_error *err)
{
    struct ts_jvalue input = input_of(q);
    ts_put_model(out, b);
    ts_put_optional(out, ",\"input\":", input);
    ts_put_optional(out, ",\"dimensions\":", q->member[TS_MEMBER_DIMENSIONS]);
    ts_buf_puts(out, "}");
    return check_texts(input, err);
}

static enum ts_err write_openai_request(const struct ts_genreq *q,
                                        const struct ts_build *b,
                                        struct ts_buf *out,
                                        struct ts_error *err)
{
    if (!q->has_prompt)
        return ts_asked_cannot(
            "input", "an empty one loads a model, which only Ollama can be asked", err);
    ts_put_model(out, b);
    ts_put_raw(out, ",\"input\":", input_of(q));
    ts_put_optional(out, ",\"dimensions\":", q->member[TS_MEMBER_DIMENSIONS]);
    ts_buf_puts(out, ",\"encoding_format\":\"float\"}");
    return TS_OK;
}

/* -- reading answers --------------------------------------------------------------------------- */

static const struct ts_jpath answer_paths[] = {
    {{"model"}, TS_FIELD_MODEL},
    {{"error"}, TS_FIELD_ERROR},
    {{"error", "message"}, TS_FIELD_ERROR_MESSAGE},
    {{"prompt_eval_count"}, TS_FIELD_PROMPT_TOKENS},
    {{"usage", "prompt_tokens"}, TS_FIELD_PROMPT_TOKENS},
    {{"total_duration"}, TS_FIELD_TOTAL_TIME},
    {{"load_duration"}, TS_FIELD_LOAD_TIME},
};

/* No token comes out of it. */
static void finish(struct ts_draft *d)
{
    const double us_per_ns = 1e-3;
    struct ts_event *e = &d->event;
    e->terminator = true;
    e->tokens.input = ts_draft_count(d, TS_FIELD_PROMPT_TOKENS);
    e->tokens.output = e->tokens.input != TS_UNKNOWN ? 0 : TS_UNKNOWN;
    e->times.total_us = ts_draft_time(d, TS_FIELD_TOTAL_TIME, us_per_ns);
    e->times.load_us = ts_draft_time(d, TS_FIELD_LOAD_TIME, us_per_ns);
}

static const struct ts_dialect answer = {
    .name = "embeddings answer",
    .framing = TS_FRAMING_WHOLE,
    .paths = answer_paths,
    .path_count = TS_ARRAY_LEN(answer_paths),
    .finish = finish,
};

/* -- writing answers --------------------------------------------------------------------------- */

/* The next vector of an answer of any of the dialects, as an array of numbers. */
struct vectors {
    struct ts_jiter it;
    struct ts_jvalue alone; /* the older Ollama's answer has one vector, in no list */
};

static struct vectors vectors_of(struct ts_jvalue answer_root)
{
    static const char *const lists[] = {"data", "embeddings"};
    struct vectors v = {.alone = ts_jmember(answer_root, "embedding")};
    for (size_t i = 0; i < TS_ARRAY_LEN(lists); i++) {
        struct ts_jvalue list = ts_jmember(answer_root, lists[i]);
        if (list.type == TS_J_ARRAY)
            v.it = ts_jiter_of(list);
    }
    return v;
}

static bool next_vector(struct vectors *v, struct ts_jvalue *out)
{
    struct ts_jvalue key;
    if (v->alone.type != TS_J_NONE) {
        *out = v->alone;
        v->alone.type = TS_J_NONE;
        return true;
    }
    if (!ts_jiter_next(&v->it, &key, out))
        return false;
    if (out->type == TS_J_OBJECT)
        *out = ts_jmember(*out, "embedding");
    return true;
}

/* As OpenAI does: 32-bit floats, little-endian. */
static bool put_base64(struct ts_buf *out, struct ts_jvalue vector)
{
    struct ts_jiter it = ts_jiter_of(vector);
    struct ts_jvalue key, item;
    struct ts_base64 encoding = {.count = 0};
    double number;
    ts_buf_puts(out, "\"");
    while (ts_jiter_next(&it, &key, &item)) {
        if (!ts_jnumber(item, &number))
            return false;
        uint32_t bits;
        float value = (float)number;
        memcpy(&bits, &value, sizeof(bits));
        const unsigned char bytes[] = {(unsigned char)(bits & 0xffU),
                                       (unsigned char)(bits >> 8 & 0xffU),
                                       (unsigned char)(bits >> 16 & 0xffU),
                                       (unsigned char)(bits >> 24)};
        ts_base64_put(&encoding, bytes, sizeof(bytes), out);
    }
    ts_base64_end(&encoding, out);
    ts_buf_puts(out, "\"");
    return true;
}

static bool put_vector(const struct ts_writer *w, struct ts_buf *out, struct ts_jvalue vector)
{
    if (vector.type != TS_J_ARRAY)
        return false;
    if (w->wants_base64)
        return put_base64(out, vector);
    ts_put_raw(out, "", vector);
    return true;
}

static bool put_openai_vectors(const struct ts_writer *w, struct vectors *v, struct ts_buf *out)
{
    struct ts_jvalue vector;
    for (int i = 0; next_vector(v, &vector); i++) {
        ts_buf_puts(out, i > 0 ? "," : "");
        ts_buf_puts(out, "{\"object\":\"embedding\",\"embedding\":");
        if (!put_vector(w, out, vector))
            return false;
        ts_buf_printf(out, ",\"index\":%d}", i);
    }
    return true;
}

static bool put_plain_vectors(const struct ts_writer *w, struct vectors *v, struct ts_buf *out)
{
    struct ts_jvalue vector;
    for (int i = 0; next_vector(v, &vector); i++) {
        ts_buf_puts(out, i > 0 ? "," : "");
        if (!put_vector(w, out, vector))
            return false;
    }
    return true;
}

static void put_text(struct ts_buf *out, const char *text)
{
    ts_buf_put_json_string(out, text, strlen(text));
}

/* Some servers give numbers to those who ask for base64, as OpenAI's client does unless told
 * otherwise; it would read nonsense then. */
static bool has_numbers_for_base64(const struct ts_writer *w, struct ts_slice text)
{
    static const char name[] = "\"embedding\"";
    const char *end = text.at + text.len;
    const char *at = w->wants_base64 ? text.at : end;
    /* The value of "object" may be the same word: what follows that is no colon. */
    while ((at = memmem(at, (size_t)(end - at), name, sizeof(name) - 1)) != NULL) {
        at += sizeof(name) - 1;
        while (at < end && strchr(" \t\r\n", *at) != NULL)
            at++;
        if (at == end || *at != ':')
            continue;
        at++;
        while (at < end && strchr(" \t\r\n", *at) != NULL)
            at++;
        return at < end && *at == '[';
    }
    return false;
}

/* The collected answer of the server; the trouble is told if it is none. */
static struct vectors read_answer(struct ts_writer *w)
{
    struct ts_jvalue root = {.type = TS_J_NONE};
    if (ts_jscan(ts_buf_text(&w->last), w->last.len, &root, NULL) != TS_OK)
        root.type = TS_J_NONE;
    return vectors_of(root);
}

static void note_trouble(struct ts_writer *w, bool good)
{
    if (!good)
        w->trouble = "the model server answered with something that is no embedding";
}

static void write_openai(struct ts_writer *w, struct ts_buf *out)
{
    struct vectors v = read_answer(w);
    int64_t tokens = w->call->tokens.input;
    ts_buf_puts(out, "{\"object\":\"list\",\"data\":[");
    note_trouble(w, put_openai_vectors(w, &v, out));
    ts_buf_puts(out, "],\"model\":");
    put_text(out, w->model);
    if (tokens != TS_UNKNOWN)
        ts_buf_printf(out,
                      ",\"usage\":{\"prompt_tokens\":%" PRId64 ",\"total_tokens\":%" PRId64 "}",
                      tokens,
                      tokens);
    ts_buf_puts(out, "}");
}

static void write_embed(struct ts_writer *w, struct ts_buf *out)
{
    struct vectors v = read_answer(w);
    const struct ts_call *call = w->call;
    ts_buf_puts(out, "{\"model\":");
    put_text(out, w->model);
    ts_buf_puts(out, ",\"embeddings\":[");
    note_trouble(w, put_plain_vectors(w, &v, out));
    ts_buf_puts(out, "]");
    if (call->phases.total_us != TS_UNKNOWN)
        ts_buf_printf(out, ",\"total_duration\":%" PRId64, call->phases.total_us * 1000);
    if (call->tokens.input != TS_UNKNOWN)
        ts_buf_printf(out, ",\"prompt_eval_count\":%" PRId64, call->tokens.input);
    ts_buf_puts(out, "}");
}

static void write_embeddings(struct ts_writer *w, struct ts_buf *out)
{
    struct vectors v = read_answer(w);
    struct ts_jvalue vector = {.type = TS_J_NONE};
    ts_buf_puts(out, "{\"embedding\":");
    note_trouble(w, next_vector(&v, &vector) && put_vector(w, out, vector));
    ts_buf_puts(out, "}");
}

/* -- the tables -------------------------------------------------------------------------------- */

const struct ts_dialect ts_ollama_embed = {
    .name = "ollama.embed",
    .family = "ollama",
    .purpose = TS_PURPOSE_EMBEDDING,
    .same_model = true,
    .answer = &answer,
    .members = embed_members,
    .member_count = TS_ARRAY_LEN(embed_members),
    .check = check_ollama,
    .folds = never_folds,
    .write_request = write_ollama_request,
    .write_whole = write_embed,
};

const struct ts_dialect ts_ollama_embeddings = {
    .name = "ollama.embeddings",
    .family = "ollama",
    .purpose = TS_PURPOSE_EMBEDDING,
    .same_model = true,
    .answer = &answer,
    .members = embeddings_members,
    .member_count = TS_ARRAY_LEN(embeddings_members),
    .check = check_ollama,
    .folds = never_folds,
    .write_whole = write_embeddings,
};

const struct ts_dialect ts_openai_embeddings = {
    .name = "openai.embeddings",
    .family = "openai",
    .purpose = TS_PURPOSE_EMBEDDING,
    .same_model = true,
    .forwards = ts_openai_forwards,
    .passes = ts_openai_passes,
    .answer = &answer,
    .members = openai_members,
    .member_count = TS_ARRAY_LEN(openai_members),
    .check = check_openai,
    .folds = never_folds,
    .write_request = write_openai_request,
    .write_whole = write_openai,
    .needs_writing = has_numbers_for_base64,
};
