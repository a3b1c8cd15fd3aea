#include "server/config.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"
#include "server/listen.h"
#include "server/peer.h"

enum { CONFIG_MAX_BYTES = 256 * 1024, SECRET_MAX_BYTES = 4096, WHERE_SIZE = 320 };

const char *ts_env_get(const char *const *env, const char *name)
{
    size_t n = strlen(name);
    for (; *env != NULL; env++) {
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
            return *env + n + 1;
    }
    return NULL;
}

/* -- one value -------------------------------------------------------------------------------- */

static bool parse_switch(const char *text, bool *out)
{
    static const char *const on[] = {"on", "true", "yes", "1"};
    static const char *const off[] = {"off", "false", "no", "0"};
    for (size_t i = 0; i < TS_ARRAY_LEN(on); i++) {
        if (strcasecmp(text, on[i]) == 0 || strcasecmp(text, off[i]) == 0) {
            *out = strcasecmp(text, on[i]) == 0;
            return true;
        }
    }
    return false;
}

static bool parse_number(const char *text, int64_t min, int64_t max, int64_t *out)
{
    int64_t v = 0;
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, *text - '0', &v))
            return false;
    }
    *out = v;
    return v >= min && v <= max;
}

static bool parse_choice(const char *text, const char *choices, int *out)
{
    int i = 0;
    for (const char *at = choices;; i++) {
        size_t n = strcspn(at, "|");
        if (strlen(text) == n && strncasecmp(text, at, n) == 0) {
            *out = i;
            return true;
        }
        if (at[n] == '\0')
            return false;
        at += n + 1;
    }
}

static enum ts_err bad_value(const struct ts_setting *s,
                             const char *text,
                             const char *where,
                             const char *wanted,
                             struct ts_error *err)
{
    return ts_fail_param(
        err, TS_ERR_CONFIG, s->name, "%s: \"%.60s\" is not %s", where, text, wanted);
}

static enum ts_err check_list(const struct ts_setting *s,
                              const char *where,
                              const char *text,
                              struct ts_error *err)
{
    struct ts_address_list addresses;
    struct ts_network_list networks;
    struct ts_error why = TS_ERROR_INIT;
    enum ts_err e = s->type == TS_TYPE_ADDRESSES ? ts_listen_parse(text, &addresses, &why)
                                                 : ts_networks_parse(text, &networks, &why);
    return e == TS_OK
               ? TS_OK
               : ts_fail_param(err, TS_ERR_CONFIG, s->name, "%.100s: %.200s", where, why.text);
}

static bool is_url(const char *text)
{
    size_t n = strncmp(text, "http://", 7) == 0 ? 7 : strncmp(text, "https://", 8) == 0 ? 8 : 0;
    return n > 0 && text[n] != '\0' && text[n] != '/' && strpbrk(text, " ?#") == NULL;
}

/* A slash in front; nothing that a path segment may not hold. */
static bool is_prefix(const char *text)
{
    return text[0] == '/' && strstr(text, "//") == NULL && strpbrk(text, "?#% ") == NULL;
}

static enum ts_err parse_value(const struct ts_setting *s,
                               const char *where,
                               struct ts_value *v,
                               struct ts_error *err)
{
    char wanted[96];
    switch (s->type) {
    case TS_TYPE_TEXT:
    case TS_TYPE_SECRET:
        return TS_OK;
    case TS_TYPE_ADDRESSES:
    case TS_TYPE_NETWORKS:
        return check_list(s, where, v->text, err);
    case TS_TYPE_URL:
        return is_url(v->text) ? TS_OK
                               : bad_value(s, v->text, where, "an http:// or https:// URL", err);
    case TS_TYPE_PREFIX:
        return is_prefix(v->text) ? TS_OK : bad_value(s, v->text, where, "a path like /ai", err);
    case TS_TYPE_NUMBER:
        if (parse_number(v->text, s->min, s->max, &v->number))
            return TS_OK;
        (void)snprintf(wanted,
                       sizeof(wanted),
                       "a whole number from %lld to %lld",
                       (long long)s->min,
                       (long long)s->max);
        return bad_value(s, v->text, where, wanted, err);
    case TS_TYPE_SWITCH:
        return parse_switch(v->text, &v->on) ? TS_OK
                                             : bad_value(s, v->text, where, "on or off", err);
    case TS_TYPE_TRIPLE:
        v->automatic = strcasecmp(v->text, "auto") == 0;
        if (v->automatic || parse_switch(v->text, &v->on))
            return TS_OK;
        return bad_value(s, v->text, where, "auto, on or off", err);
    case TS_TYPE_CHOICE:
        (void)snprintf(wanted, sizeof(wanted), "one of %s", s->choices);
        return parse_choice(v->text, s->choices, &v->choice)
                   ? TS_OK
                   : bad_value(s, v->text, where, wanted, err);
    }
    abort();
}

static const struct ts_origin by_default = {TS_FROM_DEFAULT, "default"};

enum ts_err ts_config_set(struct ts_config *c,
                          enum ts_setting_id id,
                          const char *text,
                          struct ts_origin from,
                          struct ts_error *err)
{
    const struct ts_setting *s = ts_setting(id);
    struct ts_value v = {.number = TS_UNKNOWN, .source = from.source};
    v.text = ts_arena_str(&c->arena, text);
    v.where = ts_arena_str(&c->arena, from.where);
    if (v.text == NULL || v.where == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the configuration");
    if (*text != '\0') {
        enum ts_err e = parse_value(s, from.where, &v, err);
        if (e != TS_OK)
            return e;
    } else if (*s->fallback != '\0') { /* NAME= means: as if it were not there */
        return ts_config_set(c, id, s->fallback, by_default, err);
    } else {
        v.source = TS_FROM_DEFAULT;
    }
    c->values[id] = v;
    return TS_OK;
}

/* A secret from a file: its first line. */
static enum ts_err set_from_file(struct ts_config *c,
                                 enum ts_setting_id id,
                                 const char *path,
                                 struct ts_origin from,
                                 struct ts_error *err)
{
    char text[SECRET_MAX_BYTES + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, SECRET_MAX_BYTES) : -1;
    if (fd >= 0)
        (void)close(fd);
    if (n < 0)
        return ts_fail_param(err,
                             TS_ERR_CONFIG,
                             ts_setting(id)->name,
                             "%s: cannot read the file %.160s",
                             from.where,
                             path);
    text[n] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    if (text[0] == '\0')
        return ts_fail_param(err,
                             TS_ERR_CONFIG,
                             ts_setting(id)->name,
                             "%s: the file %.160s begins with an empty line",
                             from.where,
                             path);
    return ts_config_set(c, id, text, from, err);
}

enum ts_err ts_config_set_either(struct ts_config *c,
                                 enum ts_setting_id id,
                                 bool by_file,
                                 const char *text,
                                 struct ts_origin from,
                                 struct ts_error *err)
{
    return by_file ? set_from_file(c, id, text, from, err) : ts_config_set(c, id, text, from, err);
}

static enum ts_err set_defaults(struct ts_config *c, struct ts_error *err)
{
    for (int i = 0; i < TS_SETTING_COUNT_; i++) {
        enum ts_setting_id id = (enum ts_setting_id)i;
        enum ts_err e = ts_config_set(c, id, ts_setting(id)->fallback, by_default, err);
        if (e != TS_OK)
            return e;
    }
    return TS_OK;
}

/* -- the environment -------------------------------------------------------------------------- */

static enum ts_err take_env(struct ts_config *c,
                            enum ts_setting_id id,
                            const char *suffix,
                            const char *const *env,
                            struct ts_error *err)
{
    char name[TS_SETTING_NAME_SIZE];
    const char *value = ts_env_get(env, ts_setting_env(id, suffix, name));
    if (value == NULL)
        return TS_OK;
    return ts_config_set_either(
        c, id, *suffix != '\0', value, (struct ts_origin){TS_FROM_ENV, name}, err);
}

/* What is longer than any name of a setting may be cut: it is none. */
static void copy_name(char out[static TS_SETTING_NAME_SIZE], const char *text, size_t len)
{
    len = len < TS_SETTING_NAME_SIZE ? len : TS_SETTING_NAME_SIZE - 1;
    memcpy(out, text, len);
    out[len] = '\0';
}

/* A TOUCHSTONE_ variable that no setting has is a misspelling, not somebody else's. */
static enum ts_err check_env_name(const char *entry, struct ts_error *err)
{
    static const char prefix[] = "TOUCHSTONE_";
    size_t n = sizeof(prefix) - 1;
    char name[TS_SETTING_NAME_SIZE];
    bool by_file = false;
    size_t len = strcspn(entry, "=");
    if (strncmp(entry, prefix, n) != 0 || strncmp(entry, "TOUCHSTONE_CONFIG=", n + 7) == 0)
        return TS_OK;
    copy_name(name, entry + n, len - n);
    for (char *c = name; *c != '\0'; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
    enum ts_setting_id id = ts_setting_find(name, &by_file);
    if (id < TS_SETTING_COUNT_ && (ts_setting(id)->flags & TS_SET_BARE) == 0)
        return TS_OK;
    const char *near = ts_setting_nearest(name);
    bool ignored = false;
    char hint[TS_SETTING_NAME_SIZE] = "";
    if (near != NULL)
        (void)ts_setting_env(ts_setting_find(near, &ignored), "", hint);
    return ts_fail_param(err,
                         TS_ERR_CONFIG,
                         name,
                         "environment: there is no setting %.*s%s%s%s",
                         (int)(len > 80 ? 80 : len),
                         entry,
                         near != NULL ? "; did you mean " : "",
                         hint,
                         near != NULL ? "?" : "");
}

static enum ts_err read_env(struct ts_config *c, const char *const *env, struct ts_error *err)
{
    for (int i = 0; i < TS_SETTING_COUNT_; i++) {
        enum ts_setting_id id = (enum ts_setting_id)i;
        enum ts_err e = TS_OK;
        if (ts_setting(id)->type == TS_TYPE_SECRET)
            e = take_env(c, id, "_FILE", env, err);
        if (e == TS_OK)
            e = take_env(c, id, "", env, err);
        if (e != TS_OK)
            return e;
    }
    for (const char *const *entry = env; *entry != NULL; entry++) {
        enum ts_err e = check_env_name(*entry, err);
        if (e != TS_OK)
            return e;
    }
    return TS_OK;
}

/* -- the command line ------------------------------------------------------------------------- */

/* "--max-in-flight=3" or "--max-in-flight" "3": the name in the form of the table. */
struct option {
    char name[TS_SETTING_NAME_SIZE];
    const char *value; /* NULL: none given */
    int used;          /* arguments */
};

static bool read_option(const char *const *args, struct option *out)
{
    const char *text = args[0];
    if (strncmp(text, "--", 2) != 0 || text[2] == '\0')
        return false;
    text += 2;
    size_t n = strcspn(text, "=");
    *out = (struct option){.used = 1};
    copy_name(out->name, text, n);
    for (char *c = out->name; *c != '\0'; c++)
        *c = *c == '-' ? '_' : *c;
    if (text[n] == '=') {
        out->value = text + n + 1;
    } else if (args[1] != NULL) {
        out->value = args[1];
        out->used = 2;
    }
    return true;
}

static enum ts_err unknown_option(const char *text, const char *name, struct ts_error *err)
{
    const char *near = name != NULL ? ts_setting_nearest(name) : NULL;
    bool ignored = false;
    char hint[TS_SETTING_NAME_SIZE] = "";
    if (near != NULL)
        (void)ts_setting_flag(ts_setting_find(near, &ignored), "", hint);
    return ts_fail(err,
                   TS_ERR_INVALID_PARAMETER,
                   "there is no option %.80s%s%s%s",
                   text,
                   near != NULL ? "; did you mean " : "",
                   hint,
                   near != NULL ? "?" : "; see --help");
}

static enum ts_err take_option(struct ts_config *c,
                               const struct option *o,
                               const char *text,
                               const char **file,
                               struct ts_error *err)
{
    bool by_file = false;
    bool is_file = strcmp(o->name, "config") == 0;
    enum ts_setting_id id = ts_setting_find(o->name, &by_file);
    if (!is_file && id == TS_SETTING_COUNT_)
        return unknown_option(text, o->name, err);
    if (o->value == NULL)
        return ts_fail(err, TS_ERR_INVALID_PARAMETER, "%.80s needs a value", text);
    if (is_file && file != NULL)
        *file = o->value;
    if (is_file || file != NULL)
        return TS_OK; /* the first pass looks for the file only */
    char where[TS_SETTING_NAME_SIZE];
    (void)ts_setting_flag(id, by_file ? "-file" : "", where);
    enum ts_err e = ts_config_set_either(
        c, id, by_file, o->value, (struct ts_origin){TS_FROM_FLAG, where}, err);
    if (e == TS_ERR_CONFIG && err != NULL)
        err->code = TS_ERR_INVALID_PARAMETER;
    return e == TS_ERR_CONFIG ? TS_ERR_INVALID_PARAMETER : e;
}

/* @file: first pass, finds --config; NULL: second pass, takes the settings. */
static enum ts_err read_args(struct ts_config *c,
                             const char *const *args,
                             const char **file,
                             struct ts_error *err)
{
    while (*args != NULL) {
        struct option o;
        if (!read_option(args, &o))
            return unknown_option(*args, NULL, err);
        enum ts_err e = take_option(c, &o, *args, file, err);
        if (e != TS_OK)
            return e;
        args += o.used;
    }
    return TS_OK;
}

/* -- the file --------------------------------------------------------------------------------- */

/* The first of the usual places where there is one; "" if none. */
static void find_file(const char *const *env, char out[static WHERE_SIZE])
{
    const char *named = ts_env_get(env, "TOUCHSTONE_CONFIG");
    const char *xdg = ts_env_get(env, "XDG_CONFIG_HOME");
    const char *home = ts_env_get(env, "HOME");
    out[0] = '\0';
    if (named != NULL && *named != '\0') {
        (void)snprintf(out, WHERE_SIZE, "%s", named);
        return; /* also if it is not there: that is an error */
    }
    if (xdg != NULL && *xdg != '\0')
        (void)snprintf(out, WHERE_SIZE, "%s/touchstone/touchstone.ini", xdg);
    else if (home != NULL && *home != '\0')
        (void)snprintf(out, WHERE_SIZE, "%s/.config/touchstone/touchstone.ini", home);
    if (out[0] != '\0' && access(out, F_OK) == 0)
        return;
    (void)snprintf(out, WHERE_SIZE, "/etc/touchstone/touchstone.ini");
    if (access(out, F_OK) != 0)
        out[0] = '\0';
}

/* Settings that are wrong only together. */
static enum ts_err check_together(const struct ts_config *c, struct ts_error *err)
{
    int64_t medium = ts_config_number(c, TS_SETTING_CLONE_MEDIUM_WORDS);
    int64_t complex = ts_config_number(c, TS_SETTING_CLONE_COMPLEX_WORDS);
    if (medium < complex)
        return TS_OK;
    return ts_fail_param(err,
                         TS_ERR_CONFIG,
                         "clone_complex_words",
                         "clone_complex_words (%lld) has to be more than clone_medium_words (%lld)",
                         (long long)complex,
                         (long long)medium);
}

enum ts_err ts_config_load(struct ts_config *c,
                           const char *const *args,
                           const char *const *env,
                           struct ts_error *err)
{
    *c = (struct ts_config){.arena = TS_ARENA_INIT(CONFIG_MAX_BYTES)};
    const char *named = NULL;
    char found[WHERE_SIZE] = "";
    enum ts_err e = set_defaults(c, err);
    if (e == TS_OK)
        e = read_args(c, args, &named, err);
    if (e != TS_OK)
        return e;
    if (named == NULL)
        find_file(env, found);
    if (named != NULL || found[0] != '\0')
        e = ts_config_read_file(c, named != NULL ? named : found, env, err);
    if (e == TS_OK)
        e = read_env(c, env, err);
    if (e == TS_OK)
        e = read_args(c, args, NULL, err);
    return e == TS_OK ? check_together(c, err) : e;
}

void ts_config_deinit(struct ts_config *c)
{
    ts_arena_free(&c->arena);
}
