/*
 * What a request asks for, in no dialect's words: the middle of every translation of requests.
 *
 * The client's dialect tells it (dialect.h: read_asked, each_message, each_tool), the upstream's
 * dialect writes a body from it (write_request). Everything is spans of the client's body: strings
 * stay escaped as they stand, so that a picture of ten megabytes is copied once, into the new body.
 *
 * What changes the answer and has no place here, or none in the upstream's dialect, is a 400 that
 * names the member; what only tunes (a seed, a penalty, a user's id) is dropped.
 *
 * Thread: any; no state but the caller's.
 */
#ifndef TS_PROXY_ASKED_H
#define TS_PROXY_ASKED_H

#include "base/jscan.h"

/* -- messages --------------------------------------------------------------------------------- */

enum ts_role { TS_ROLE_SYSTEM, TS_ROLE_USER, TS_ROLE_ASSISTANT, TS_ROLE_TOOL };

enum ts_part_kind {
    TS_PART_TEXT,
    TS_PART_IMAGE,     /* a picture in base64 */
    TS_PART_IMAGE_URL, /* and one to be fetched */
    TS_PART_THINKING,  /* what the model thought before this turn's answer */
    TS_PART_CALL,      /* the model calls a tool */
};

struct ts_part {
    enum ts_part_kind kind;
    struct ts_jvalue text;      /* TEXT, THINKING: a string; IMAGE_URL: the address, a string */
    struct ts_jvalue signature; /* THINKING: what its server signed it with, a string; or absent */
    struct ts_slice data;       /* IMAGE: base64 as it stands inside a string of JSON */
    struct ts_slice media_type; /* IMAGE: "image/png"; absent: see ts_media_type() */
    struct ts_jvalue id;        /* CALL: a string; absent where the dialect knows none */
    struct ts_jvalue name;      /* CALL: a string */
    struct ts_jvalue input;     /* CALL: an object, or a string that holds one; absent: {} */
};

struct ts_message {
    enum ts_role role;
    const struct ts_part *parts;
    int part_count;
    struct ts_jvalue call_id;   /* TOOL: of the call that this is the result of; may be absent */
    struct ts_jvalue tool_name; /* TOOL: likewise */
    bool is_error;              /* TOOL: the tool failed */
    const char *where;          /* "messages[3]": for errors */
};

/* One message after the other; borrowed. An error ends the walk. */
typedef enum ts_err ts_message_fn(void *ctx, const struct ts_message *m, struct ts_error *err);

/* What kind of picture it is: as it says, else as the first characters of its base64 say;
 * "image/jpeg" where they do not. */
struct ts_slice ts_media_type(const struct ts_part *image);

/* -- tools ------------------------------------------------------------------------------------ */

struct ts_tool {
    struct ts_jvalue name;        /* a string */
    struct ts_jvalue description; /* a string, or absent */
    struct ts_jvalue parameters;  /* a schema, or absent */
    struct ts_jvalue strict;      /* true, false or absent */
};

typedef enum ts_err ts_tool_fn(void *ctx, const struct ts_tool *t, struct ts_error *err);

enum ts_tool_choice {
    TS_TOOL_CHOICE_NONE_GIVEN,
    TS_TOOL_CHOICE_AUTO,
    TS_TOOL_CHOICE_NEVER,
    TS_TOOL_CHOICE_ANY,   /* some tool must be called */
    TS_TOOL_CHOICE_NAMED, /* this one must be called */
};

/* -- all else --------------------------------------------------------------------------------- */

/* X(enum suffix, Ollama's name in `options`, OpenAI's, Anthropic's; NULL: it knows none) */
#define TS_KNOB_TABLE(X)                                                                           \
    X(MAX_TOKENS, "num_predict", "max_tokens", "max_tokens")                                       \
    X(TEMPERATURE, "temperature", "temperature", "temperature")                                    \
    X(TOP_P, "top_p", "top_p", "top_p")                                                            \
    X(SEED, "seed", "seed", NULL)                                                                  \
    X(STOP, "stop", "stop", "stop_sequences")                                                      \
    X(PRESENCE_PENALTY, "presence_penalty", "presence_penalty", NULL)                              \
    X(FREQUENCY_PENALTY, "frequency_penalty", "frequency_penalty", NULL)                           \
    /* not OpenAI's own from here on: llama.cpp, vLLM and LM Studio know them */                   \
    X(TOP_K, "top_k", "top_k", "top_k")                                                            \
    X(MIN_P, "min_p", "min_p", NULL)                                                               \
    X(REPEAT_PENALTY, "repeat_penalty", "repeat_penalty", NULL)

enum ts_knob {
#define X(id, ollama, openai, anthropic) TS_KNOB_##id,
    TS_KNOB_TABLE(X)
#undef X
        TS_KNOB_COUNT_
};
enum { TS_KNOB_FIRST_EXTENSION = TS_KNOB_TOP_K };

enum ts_words { TS_WORDS_OLLAMA, TS_WORDS_OPENAI, TS_WORDS_ANTHROPIC, TS_WORDS_COUNT_ };

/* NULL where that dialect has no name for it. */
const char *ts_knob_name(enum ts_knob o, enum ts_words words);

/* What the answer is to look like. */
enum ts_format { TS_FORMAT_TEXT, TS_FORMAT_JSON, TS_FORMAT_SCHEMA };

enum ts_thinking {
    TS_THINKING_NONE_GIVEN,
    TS_THINKING_OFF,
    TS_THINKING_ON,
    TS_THINKING_LEVEL,  /* so hard: a word */
    TS_THINKING_BUDGET, /* so long: a number of tokens */
};

struct ts_asked {
    /* Checked for their type: numbers, and STOP a string or an array of strings. Absent: not given,
     * or given as what means "no limit". */
    struct ts_jvalue knob[TS_KNOB_COUNT_];
    enum ts_format format;
    struct ts_jvalue schema;      /* SCHEMA: an object */
    struct ts_jvalue schema_name; /* SCHEMA: a string, or absent */
    struct ts_jvalue schema_strict;
    enum ts_thinking thinking;
    struct ts_jvalue thinking_value; /* LEVEL: a string; BUDGET: a number */
    bool has_tools;
    enum ts_tool_choice tool_choice;
    struct ts_jvalue tool_name;      /* NAMED: a string */
    struct ts_jvalue parallel_tools; /* true, false, or absent */
    struct ts_jvalue suffix;         /* what comes behind the text to be filled in; or absent */
    struct ts_jvalue user;           /* a string, or absent */
};

/* -- for those who read ------------------------------------------------------------------------ */

/* Takes @value if @key is an option in these words. Errors: INVALID_FIELD. @path: what stands
 * before the name in errors, "options." or "". */
TS_NODISCARD enum ts_err ts_asked_knob(struct ts_asked *a,
                                       enum ts_words words,
                                       const char *path,
                                       struct ts_jvalue key,
                                       struct ts_jvalue value,
                                       struct ts_error *err);

/* INVALID_FIELD: "@param: @why". */
TS_NODISCARD enum ts_err ts_asked_cannot(const char *param, const char *why, struct ts_error *err);

/* A message being read: parts are added, then it is told. Zero at first; deinit once. */
struct ts_parts {
    struct ts_part *at;
    int count;
    int room;
};
enum { TS_MAX_PARTS = 10000 }; /* of one message */

TS_NODISCARD enum ts_err ts_parts_add(struct ts_parts *p,
                                      const struct ts_part *part,
                                      struct ts_error *err);
void ts_parts_clear(struct ts_parts *p);
void ts_parts_deinit(struct ts_parts *p);

/* A data: URL with base64 makes a picture of it, any other URL one to be fetched. */
struct ts_part ts_part_of_url(struct ts_jvalue url);

#endif
