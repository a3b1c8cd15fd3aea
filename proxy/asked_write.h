/*
 * For those who write a body from what is asked (asked.h): the turns of JSON, and the ids of calls.
 */
#ifndef TS_PROXY_ASKED_WRITE_H
#define TS_PROXY_ASKED_WRITE_H

#include "proxy/dialect.h"

/* `{"model":"..."`: what every body begins with. */
void ts_put_model(struct ts_buf *out, const struct ts_build *b);

/* @before and then the value as it stands; the second puts nothing where there is none, or null. */
void ts_put_raw(struct ts_buf *out, const char *before, struct ts_jvalue v);
void ts_put_optional(struct ts_buf *out, const char *before, struct ts_jvalue v);

/* A comma before all but the first of so many. */
static inline const char *ts_comma(int *count)
{
    return (*count)++ > 0 ? "," : "";
}

/* Every text part, joined by a newline, as one string with its quotes; "" where there is none.
 * @kind: TEXT or THINKING. */
void ts_put_texts(struct ts_buf *out, const struct ts_message *m, enum ts_part_kind kind);

/* How many parts of that kind a message has. */
int ts_count_parts(const struct ts_message *m, enum ts_part_kind kind);

/* The options that have a name in these words, `,"name":value` each, but for those of @but. */
void ts_put_knobs(struct ts_buf *out, const struct ts_asked *a, enum ts_words words, unsigned but);

/* What ends the answer, as a list, for dialects that take no single text; nothing if it is absent.
 */
void ts_put_stops(struct ts_buf *out, const char *before, struct ts_jvalue stop);

/* The arguments of a call as an object, and as a string that holds one. INVALID_FIELD where they
 * are no object. */
TS_NODISCARD enum ts_err ts_put_input_object(struct ts_buf *out,
                                             const struct ts_part *call,
                                             const char *where,
                                             struct ts_error *err);
void ts_put_input_string(struct ts_buf *out, const struct ts_part *call);

/*
 * The calls of a conversation so far: some dialects know them by an id, others by the order and
 * name. A call without an id gets one; a result without an id belongs to the first call that has no
 * result yet, of its name if it has one. Zero at first; deinit once.
 */
struct ts_known_call {
    struct ts_jvalue id; /* absent: "call_" and its number */
    struct ts_jvalue name;
    bool answered;
};

struct ts_known_calls {
    struct ts_known_call *at;
    int count;
    int room;
};
enum { TS_MAX_KNOWN_CALLS = 2000 };

/* The call's number. Errors: NOMEM, INVALID_FIELD (too many). */
TS_NODISCARD enum ts_err ts_known_calls_add(struct ts_known_calls *k,
                                            const struct ts_part *call,
                                            int *number,
                                            struct ts_error *err);

/* The number of the call that a TOOL message answers, or -1; notes that it is answered. */
int ts_known_calls_match(struct ts_known_calls *k, const struct ts_message *result);

/* Its id as a string with quotes. */
void ts_known_calls_put_id(const struct ts_known_calls *k, int number, struct ts_buf *out);
void ts_known_calls_deinit(struct ts_known_calls *k);

#endif
