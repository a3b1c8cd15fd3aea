/*
 * The configuration file: libinih reads the lines, this says what they mean.
 *
 * libinih reports no line numbers and cuts lines it finds too long, so it is fed through a reader
 * that counts and refuses them.
 */
#include <errno.h>
#include <ini.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "server/config.h"

enum {
    LINE_MAX_BYTES = INI_MAX_LINE - 3,
    WHERE_SIZE = 320,
    PRICE_SECTION_MAX = 43, /* "price." and the name are cut at 49 */
};

/* -- sections with keys of their own ----------------------------------------------------------- */

enum provider_type { P_KIND, P_TEXT, P_ENV, P_INTEGER, P_NUMBER };

struct provider_key {
    const char *name;
    enum provider_type type;
    size_t offset;
    double min;
    double max;
};

#define AT(field) offsetof(struct ts_provider_config, field)
static const struct provider_key provider_keys[] = {
    {"kind", P_KIND, AT(kind), 0, 0},
    {"base_url", P_TEXT, AT(base_url), 0, 0},
    {"api_key", P_TEXT, AT(api_key), 0, 0},
    {"api_key_env", P_ENV, AT(api_key), 0, 0},
    {"weight", P_NUMBER, AT(weight), 0.001, 1000},
    {"max_concurrency", P_INTEGER, AT(max_concurrency), 0, 1000000},
    {"price_in", P_NUMBER, AT(price.in), 0, 1000000},
    {"price_out", P_NUMBER, AT(price.out), 0, 1000000},
    {"price_cache_read", P_NUMBER, AT(price.cache_read), 0, 1000000},
    {"price_cache_write", P_NUMBER, AT(price.cache_write), 0, 1000000},
    {"price_per_hour", P_NUMBER, AT(price_per_hour), 0, 1000000},
    {"timeout_connect_ms", P_INTEGER, AT(connect_timeout_ms), 1, 600000},
    {"timeout_first_token_ms", P_INTEGER, AT(first_token_timeout_ms), 0, 86400000},
    {"timeout_gap_ms", P_INTEGER, AT(gap_timeout_ms), 0, 86400000},
    {"timeout_total_ms", P_INTEGER, AT(total_timeout_ms), 0, 604800000},
};
#undef AT
#define AT(field) offsetof(struct ts_price_config, field)
static const struct provider_key price_keys[] = {
    {"model", P_TEXT, AT(model), 0, 0},
    {"provider", P_TEXT, AT(provider), 0, 0},
    {"in", P_NUMBER, AT(price.in), 0, 1000000},
    {"out", P_NUMBER, AT(price.out), 0, 1000000},
    {"cache_read", P_NUMBER, AT(price.cache_read), 0, 1000000},
    {"cache_write", P_NUMBER, AT(price.cache_write), 0, 1000000},
};
#undef AT

/* What kind of section it is: its keys and where their values go. */
struct section_keys {
    const char *what; /* "a provider" */
    const struct provider_key *at;
    int count;
};
static const struct section_keys provider_section = {
    "a provider", provider_keys, (int)TS_ARRAY_LEN(provider_keys)};
static const struct section_keys price_section = {
    "a price", price_keys, (int)TS_ARRAY_LEN(price_keys)};

struct pair {
    const char *key;
    const char *value;
    const char *where;
    const char *const *env;
};

static enum ts_err no_memory(struct ts_error *err)
{
    return ts_fail(err, TS_ERR_NOMEM, "no memory for the configuration");
}

static enum ts_err bad(const struct pair *pair, const char *wanted, struct ts_error *err)
{
    return ts_fail_param(err,
                         TS_ERR_CONFIG,
                         pair->key,
                         "%s: %s: \"%.60s\" is not %s",
                         pair->where,
                         pair->key,
                         pair->value,
                         wanted);
}

static enum ts_err set_text(struct ts_config *c,
                            const char **field,
                            const char *value,
                            struct ts_error *err)
{
    *field = ts_arena_str(&c->arena, value);
    return *field != NULL ? TS_OK : no_memory(err);
}

static enum ts_err set_number(const struct provider_key *key,
                              const struct pair *pair,
                              void *field,
                              struct ts_error *err)
{
    char *end = NULL;
    double v = strtod(pair->value, &end);
    char wanted[80];
    (void)snprintf(wanted, sizeof(wanted), "a number from %.10g to %.10g", key->min, key->max);
    if (end == pair->value || *end != '\0' || !isfinite(v) || v < key->min || v > key->max)
        return bad(pair, wanted, err);
    if (key->type == P_NUMBER) {
        *(double *)field = v;
        return TS_OK;
    }
    if (floor(v) < v)
        return bad(pair, "a whole number", err);
    *(int64_t *)field = (int64_t)v;
    return TS_OK;
}

static enum ts_err set_kind(struct ts_provider_config *p,
                            const struct pair *pair,
                            struct ts_error *err)
{
    p->has_kind = ts_kind_parse(ts_slice_str(pair->value), &p->kind);
    return p->has_kind ? TS_OK
                       : bad(pair, "ollama, vllm, lmstudio, llamacpp, openai or anthropic", err);
}

/* @target: the structure that the section fills. */
static enum ts_err set_key(struct ts_config *c,
                           void *target,
                           const struct provider_key *key,
                           const struct pair *pair,
                           struct ts_error *err)
{
    void *field = (char *)target + key->offset;
    switch (key->type) {
    case P_KIND:
        return set_kind(target, pair, err);
    case P_TEXT:
        return set_text(c, field, pair->value, err);
    case P_ENV: {
        const char *secret = ts_env_get(pair->env, pair->value);
        return secret != NULL ? set_text(c, field, secret, err)
                              : bad(pair, "an environment variable that is set", err);
    }
    case P_INTEGER:
    case P_NUMBER:
        return set_number(key, pair, field, err);
    }
    abort();
}

static struct ts_provider_config *find_provider(struct ts_config *c, const char *name)
{
    for (int i = 0; i < c->provider_count; i++) {
        if (strcmp(c->providers[i].name, name) == 0)
            return &c->providers[i];
    }
    return NULL;
}

static enum ts_err add_provider(struct ts_config *c,
                                const char *name,
                                const char *where,
                                struct ts_provider_config **out,
                                struct ts_error *err)
{
    if (!ts_task_type_valid(ts_slice_str(name)) || strchr(name, ':') != NULL)
        return ts_fail(err,
                       TS_ERR_CONFIG,
                       "%s: a provider's name has 1 to 64 characters of A-Z a-z 0-9 _ . -",
                       where);
    if (c->provider_count == TS_MAX_PROVIDERS)
        return ts_fail(err, TS_ERR_CONFIG, "%s: more than %d providers", where, TS_MAX_PROVIDERS);
    struct ts_provider_config *p = &c->providers[c->provider_count];
    *p = (struct ts_provider_config){
        .name = ts_arena_str(&c->arena, name),
        .where = ts_arena_str(&c->arena, where),
        .connect_timeout_ms = TS_UNKNOWN,
        .first_token_timeout_ms = TS_UNKNOWN,
        .gap_timeout_ms = TS_UNKNOWN,
        .total_timeout_ms = TS_UNKNOWN,
        .max_concurrency = 0,
        .weight = 1,
        .price = TS_PRICE_UNKNOWN,
        .price_per_hour = -1,
    };
    if (p->name == NULL || p->where == NULL)
        return no_memory(err);
    c->provider_count++;
    *out = p;
    return TS_OK;
}

static enum ts_err take_key(struct ts_config *c,
                            const struct section_keys *keys,
                            void *target,
                            const struct pair *pair,
                            struct ts_error *err)
{
    const char *names[TS_ARRAY_LEN(provider_keys)];
    _Static_assert(TS_ARRAY_LEN(price_keys) <= TS_ARRAY_LEN(provider_keys), "names has room");
    for (int i = 0; i < keys->count; i++) {
        names[i] = keys->at[i].name;
        if (strcmp(pair->key, names[i]) == 0)
            return set_key(c, target, &keys->at[i], pair, err);
    }
    const char *near = ts_nearest(pair->key, names, keys->count);
    return ts_fail_param(err,
                         TS_ERR_CONFIG,
                         pair->key,
                         "%s: %s has no \"%.60s\"%s%s%s",
                         pair->where,
                         keys->what,
                         pair->key,
                         near != NULL ? "; did you mean " : "",
                         near != NULL ? near : "",
                         near != NULL ? "?" : "");
}

static enum ts_err take_provider_pair(struct ts_config *c,
                                      const char *name,
                                      const struct pair *pair,
                                      struct ts_error *err)
{
    struct ts_provider_config *p = find_provider(c, name);
    if (p == NULL) {
        enum ts_err e = add_provider(c, name, pair->where, &p, err);
        if (e != TS_OK)
            return e;
    }
    return take_key(c, &provider_section, p, pair, err);
}

static enum ts_err add_price(struct ts_config *c,
                             const char *name,
                             const char *where,
                             struct ts_price_config **out,
                             struct ts_error *err)
{
    if (c->price_count == TS_MAX_PRICES)
        return ts_fail(err, TS_ERR_CONFIG, "%s: more than %d prices", where, TS_MAX_PRICES);
    struct ts_price_config *p = &c->prices[c->price_count];
    *p = (struct ts_price_config){.section = ts_arena_str(&c->arena, name),
                                  .where = ts_arena_str(&c->arena, where),
                                  .price = TS_PRICE_UNKNOWN};
    if (p->section == NULL || p->where == NULL)
        return no_memory(err);
    p->model = p->section;
    c->price_count++;
    *out = p;
    return TS_OK;
}

/* libinih cuts a section's name without a word; a name that may have been cut is refused. */
static enum ts_err take_price_pair(struct ts_config *c,
                                   const char *name,
                                   const struct pair *pair,
                                   struct ts_error *err)
{
    struct ts_price_config *p = NULL;
    if (*name == '\0' || strlen(name) >= PRICE_SECTION_MAX)
        return ts_fail(err,
                       TS_ERR_CONFIG,
                       "%s: [price.NAME] takes a name of 1 to %d characters; the model's can stand "
                       "below it as model = ...",
                       pair->where,
                       PRICE_SECTION_MAX - 1);
    for (int i = 0; i < c->price_count && p == NULL; i++)
        p = strcmp(c->prices[i].section, name) == 0 ? &c->prices[i] : NULL;
    enum ts_err e = p == NULL ? add_price(c, name, pair->where, &p, err) : TS_OK;
    return e == TS_OK ? take_key(c, &price_section, p, pair, err) : e;
}

/* -- the rest --------------------------------------------------------------------------------- */

static enum ts_err take_setting(struct ts_config *c,
                                const char *name,
                                const struct pair *pair,
                                struct ts_error *err)
{
    bool by_file = false;
    enum ts_setting_id id = ts_setting_find(name, &by_file);
    if (id == TS_SETTING_COUNT_) {
        const char *near = ts_setting_nearest(name);
        return ts_fail_param(err,
                             TS_ERR_CONFIG,
                             name,
                             "%s: there is no setting \"%.60s\"%s%s%s",
                             pair->where,
                             name,
                             near != NULL ? "; did you mean " : "",
                             near != NULL ? near : "",
                             near != NULL ? "?" : "");
    }
    char where[WHERE_SIZE + 2 * TS_SETTING_NAME_SIZE + 2];
    (void)snprintf(where, sizeof(where), "%s: %s", pair->where, name);
    return ts_config_set_either(
        c, id, by_file, pair->value, (struct ts_origin){TS_FROM_FILE, where}, err);
}

static enum ts_err take_pair(struct ts_config *c,
                             const char *section,
                             const struct pair *pair,
                             struct ts_error *err)
{
    static const char provider[] = "provider.";
    static const char price[] = "price.";
    if (strncmp(section, provider, sizeof(provider) - 1) == 0)
        return take_provider_pair(c, section + sizeof(provider) - 1, pair, err);
    if (strncmp(section, price, sizeof(price) - 1) == 0)
        return take_price_pair(c, section + sizeof(price) - 1, pair, err);
    char name[2 * TS_SETTING_NAME_SIZE];
    bool plain =
        *section == '\0' || strcmp(section, "server") == 0 || strcmp(section, "touchstone") == 0;
    (void)snprintf(
        name, sizeof(name), "%.60s%s%.60s", plain ? "" : section, plain ? "" : "_", pair->key);
    return take_setting(c, name, pair, err);
}

struct reading {
    FILE *file;
    struct ts_config *config;
    const char *const *env;
    const char *path;
    int line;
    enum ts_err result;
    struct ts_error *err;
};

static char *read_line(char *out, int size, void *ctx)
{
    struct reading *r = ctx;
    if (r->result != TS_OK || fgets(out, size, r->file) == NULL)
        return NULL;
    r->line++;
    if (strlen(out) > LINE_MAX_BYTES) {
        r->result = ts_fail(r->err,
                            TS_ERR_CONFIG,
                            "%s:%d: a line longer than %d bytes",
                            r->path,
                            r->line,
                            LINE_MAX_BYTES);
        return NULL;
    }
    return out;
}

static int on_pair(void *ctx, const char *section, const char *key, const char *value)
{
    struct reading *r = ctx;
    char where[WHERE_SIZE];
    (void)snprintf(where, sizeof(where), "%.200s:%d", r->path, r->line);
    struct pair pair = {key, value, where, r->env};
    if (r->result == TS_OK)
        r->result = take_pair(r->config, section, &pair, r->err);
    return r->result == TS_OK;
}

static enum ts_err check_providers(const struct ts_config *c, struct ts_error *err)
{
    for (int i = 0; i < c->provider_count; i++) {
        if (!c->providers[i].has_kind)
            return ts_fail(err,
                           TS_ERR_CONFIG,
                           "%s: [provider.%s] has no kind",
                           c->providers[i].where,
                           c->providers[i].name);
    }
    return TS_OK;
}

enum ts_err ts_config_read_file(struct ts_config *c,
                                const char *path,
                                const char *const *env,
                                struct ts_error *err)
{
    struct reading r = {.config = c, .env = env, .path = path, .err = err};
    r.file = fopen(path, "re");
    if (r.file == NULL)
        return ts_fail(err,
                       TS_ERR_CONFIG,
                       "%.200s: cannot be read (%s)",
                       path,
                       errno == ENOENT ? "there is no such file" : "not allowed?");
    ini_allow_multiline = false; /* else an indented key is taken for more of the one above */
    int bad_line = ini_parse_stream(read_line, &r, on_pair, &r);
    (void)fclose(r.file);
    if (r.result != TS_OK)
        return r.result;
    if (bad_line != 0)
        return ts_fail(err,
                       TS_ERR_CONFIG,
                       "%.200s:%d: neither a [section] nor a \"key = value\"",
                       path,
                       bad_line);
    c->file = ts_arena_str(&c->arena, path);
    return c->file != NULL ? check_providers(c, err) : no_memory(err);
}
