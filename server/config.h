/*
 * The configuration in force: command line over environment over file over default.
 *
 * Every error names the setting and where its value came from: an option, an environment variable,
 * or a line of the file.
 *
 * Thread: startup only; const afterwards.
 */
#ifndef TS_SERVER_CONFIG_H
#define TS_SERVER_CONFIG_H

#include "base/arena.h"
#include "base/err.h"
#include "proxy/provider.h"
#include "server/settings.h"

enum ts_source { TS_FROM_DEFAULT, TS_FROM_FILE, TS_FROM_ENV, TS_FROM_FLAG };

/* Where a value came from; @where as messages name it: "--listen", "touchstone.ini:3: listen". */
struct ts_origin {
    enum ts_source source;
    const char *where;
};

struct ts_value {
    const char *text; /* never NULL; "" is unset */
    int64_t number;   /* numbers; TS_UNKNOWN while unset */
    bool on;          /* switches; triples: only with `automatic` false */
    bool automatic;   /* triples */
    int choice;       /* choices: position among them */
    enum ts_source source;
    const char *where; /* it came from: "--listen", "touchstone.ini:3: listen" */
};

/* A [provider.NAME] of the file. Numbers not given are TS_UNKNOWN, or negative. */
struct ts_provider_config {
    const char *name;
    const char *where; /* "touchstone.ini:12", for messages */
    bool has_kind;
    enum ts_kind_id kind;
    const char *base_url;
    const char *api_key;
    int64_t connect_timeout_ms;
    int64_t first_token_timeout_ms;
    int64_t gap_timeout_ms;
    int64_t total_timeout_ms;
    int64_t max_concurrency;
    double weight;
    struct ts_price price;
    double price_per_hour;
};

/* A [price.MODEL] of the file. */
struct ts_price_config {
    const char *section;
    const char *model;    /* the section's name, unless told otherwise */
    const char *provider; /* NULL: on every server */
    const char *where;
    struct ts_price price;
};

enum { TS_MAX_PRICES = 256 };

struct ts_config {
    struct ts_value values[TS_SETTING_COUNT_];
    struct ts_provider_config providers[TS_MAX_PROVIDERS];
    int provider_count;
    struct ts_price_config prices[TS_MAX_PRICES];
    int price_count;
    const char *file; /* that was read; NULL: none */
    struct ts_arena arena;
};

/**
 * ts_config_load() - gather all sources
 * @args: what stands behind the sub-command; ends with NULL
 * @env:  as environ
 *
 * Errors: INVALID_PARAMETER (the command line is wrong: usage), CONFIG (the environment or the
 * file is), IO (the file named by --config cannot be read), NOMEM. @err names the source.
 */
TS_NODISCARD enum ts_err ts_config_load(struct ts_config *c,
                                        const char *const *args,
                                        const char *const *env,
                                        struct ts_error *err);
void ts_config_deinit(struct ts_config *c);

/* Sets one value. Errors: CONFIG, NOMEM. */
TS_NODISCARD enum ts_err ts_config_set(struct ts_config *c,
                                       enum ts_setting_id id,
                                       const char *text,
                                       struct ts_origin from,
                                       struct ts_error *err);

static inline const char *ts_config_text(const struct ts_config *c, enum ts_setting_id id)
{
    return c->values[id].text;
}

static inline int64_t ts_config_number(const struct ts_config *c, enum ts_setting_id id)
{
    return c->values[id].number;
}

static inline bool ts_config_on(const struct ts_config *c, enum ts_setting_id id)
{
    return c->values[id].on;
}

static inline bool ts_config_given(const struct ts_config *c, enum ts_setting_id id)
{
    return c->values[id].source != TS_FROM_DEFAULT;
}

/* -- for config_file.c ------------------------------------------------------------------------ */

/* As ts_config_set(); @by_file: the value is the name of a file whose first line is the secret. */
TS_NODISCARD enum ts_err ts_config_set_either(struct ts_config *c,
                                              enum ts_setting_id id,
                                              bool by_file,
                                              const char *text,
                                              struct ts_origin from,
                                              struct ts_error *err);

/* Reads the file at @path. Errors: IO, CONFIG, NOMEM. */
TS_NODISCARD enum ts_err ts_config_read_file(struct ts_config *c,
                                             const char *path,
                                             const char *const *env,
                                             struct ts_error *err);

/* The value of a variable, or NULL. */
const char *ts_env_get(const char *const *env, const char *name);

/* -- printing the table ----------------------------------------------------------------------- */

struct ts_buf;
void ts_config_print_options(struct ts_buf *out);
void ts_config_print_man(struct ts_buf *out);
void ts_config_print_env(struct ts_buf *out);

#endif
