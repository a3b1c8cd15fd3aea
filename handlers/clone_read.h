/*
 * A clone attempt and a scraped site, as clients tell of them.
 *
 * What is read borrows from the body; both are kept here and live until the deinit. Thread: one at
 * a time, made for a reader thread: bodies are large.
 */
#ifndef TS_HANDLERS_CLONE_READ_H
#define TS_HANDLERS_CLONE_READ_H

#include "analytics/answer_code.h"
#include "analytics/site.h"
#include "db/clone.h"
#include "handlers/services.h"

/* Names of files, their metadata, and what is said of their quality. */
enum { TS_CLONE_ARENA_BYTES = 16 * 1024 * 1024 };

struct ts_clone_input {
    json_t *body;
    struct ts_arena arena;
    char url[TS_MAX_URL + 1];
    char domain[TS_MAX_URL + 1];
    struct ts_clone clone; /* its texts are the body's, the arena's and the two above */
    struct ts_code_file files[TS_MAX_CODE_FILES];
    struct ts_answer_code found; /* in `code` */
};

/* Reads @text into @in, which is zeroed. Errors: INVALID_JSON, INVALID_FIELD (param: the member, of
 * a file `files[3].path`), NOMEM. ts_clone_input_deinit() in any case. */
TS_NODISCARD enum ts_err ts_clone_read(const struct ts_services *services,
                                       struct ts_slice text,
                                       struct ts_clone_input *in,
                                       struct ts_error *err);
void ts_clone_input_deinit(struct ts_clone_input *in);

/* The files in an answer go into the attempt: in->files, sizes, components. in->clone.code is read.
 * @all: see ts_answer_code(). Errors: INVALID_FIELD (too many files, too large ones), NOMEM. */
TS_NODISCARD enum ts_err ts_clone_take_code(struct ts_clone_input *in,
                                            bool all,
                                            struct ts_error *err);

/* "ollama/llama3.2:7b" is provider and model where the front is the name of a provider or of a kind
 * of one; else it is all model. @provider: in: what was said of it; out: it, or NULL. In the arena.
 * Return: the model; NULL without memory. */
const char *ts_clone_split_model(const struct ts_services *services,
                                 struct ts_arena *arena,
                                 const char *model,
                                 const char **provider);

struct ts_website_input {
    json_t *body;
    char url[TS_MAX_URL + 1];
    char domain[TS_MAX_URL + 1];
    char *metadata_json;
    struct ts_website site;
};

/* A site, either with our names or as Firecrawl's scrape answers it, whole or its `data`: of that
 * whatever is unknown is let through. Errors and end as above. */
TS_NODISCARD enum ts_err ts_website_read(struct ts_slice text,
                                         struct ts_website_input *in,
                                         struct ts_error *err);
void ts_website_input_deinit(struct ts_website_input *in);

/* Checks an address that a client gave. Errors: @code with @param. */
TS_NODISCARD enum ts_err ts_url_check(const char *url,
                                      enum ts_err code,
                                      const char *param,
                                      char out[static TS_MAX_URL + 1],
                                      char domain[static TS_MAX_URL + 1],
                                      struct ts_error *err);

#endif
