#include "server/options.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/settings.h"

/* The settings that every command takes: they say where the database is. */
static const char *const finding[] = {"config", "db"};

/* Words of one command line while they are read. */
struct words {
    char **at; /* the next one */
    bool only_operands;
};

static bool name_is(const char *word, size_t len, const char *name)
{
    return strlen(name) == len && strncmp(word, name, len) == 0;
}

static int find_option(const struct ts_option_rules *r, const char *word)
{
    bool is_long = strncmp(word, "--", 2) == 0;
    for (int i = 0; r->options != NULL && r->options[i].name != NULL; i++) {
        assert(i < TS_MAX_OPTIONS);
        const struct ts_option *o = &r->options[i];
        bool same = is_long ? name_is(word + 2, strcspn(word + 2, "="), o->name)
                            : o->letter != '\0' && word[1] == o->letter;
        if (same)
            return i;
    }
    return -1;
}

/* The value in the same word or the next one. */
static enum ts_err take_value(struct words *w,
                              const char *word,
                              const char **value,
                              struct ts_error *err)
{
    bool is_long = strncmp(word, "--", 2) == 0;
    const char *inside = is_long ? strchr(word, '=') : word[2] != '\0' ? word + 1 : NULL;
    *value = inside != NULL ? inside + 1 : *w->at;
    if (*value == NULL)
        return ts_fail(err, TS_ERR_INVALID_PARAMETER, "%.80s needs a value", word);
    if (inside == NULL)
        w->at++;
    return TS_OK;
}

static enum ts_err take_option(
    struct ts_options *out, struct words *w, const char *word, int i, struct ts_error *err)
{
    const struct ts_option *o = &out->rules->options[i];
    if (out->values[i] != NULL)
        return ts_fail(err, TS_ERR_INVALID_PARAMETER, "--%s is given twice", o->name);
    if (o->value != NULL)
        return take_value(w, word, &out->values[i], err);
    bool alone = strncmp(word, "--", 2) == 0 ? strchr(word, '=') == NULL : word[2] == '\0';
    if (!alone)
        return ts_fail(err, TS_ERR_INVALID_PARAMETER, "--%s takes no value", o->name);
    out->values[i] = "";
    return TS_OK;
}

/* Whether the word may name a setting that this command takes; ts_config_load() judges it. */
static bool is_setting(const struct ts_option_rules *r, const char *word)
{
    if (strncmp(word, "--", 2) != 0)
        return false;
    size_t len = strcspn(word + 2, "=");
    for (size_t i = 0; i < TS_ARRAY_LEN(finding); i++) {
        if (name_is(word + 2, len, finding[i]))
            return true;
    }
    return r->all_settings;
}

/* The option of the command's own that a word nearly is, or NULL. */
static const char *nearest(const struct ts_option_rules *r, const char *word)
{
    const char *names[TS_MAX_OPTIONS + TS_ARRAY_LEN(finding)];
    int n = 0;
    for (; r->options != NULL && r->options[n].name != NULL; n++)
        names[n] = r->options[n].name;
    for (size_t i = 0; i < TS_ARRAY_LEN(finding); i++)
        names[n++] = finding[i];
    return strncmp(word, "--", 2) == 0 ? ts_nearest(word + 2, names, n) : NULL;
}

static enum ts_err unknown(const struct ts_option_rules *r, const char *word, struct ts_error *err)
{
    const char *near = nearest(r, word);
    return near != NULL ? ts_fail(err,
                                  TS_ERR_INVALID_PARAMETER,
                                  "%s has no option %.80s; did you mean --%s?",
                                  r->command,
                                  word,
                                  near)
                        : ts_fail(err,
                                  TS_ERR_INVALID_PARAMETER,
                                  "%s has no option %.80s; see touchstone %s --help",
                                  r->command,
                                  word,
                                  r->command);
}

static enum ts_err take_word(struct ts_options *out, struct words *w, struct ts_error *err)
{
    const char *word = *w->at++;
    if (w->only_operands || word[0] != '-' || word[1] == '\0') {
        out->operands[out->operand_count++] = word;
        return TS_OK;
    }
    if (strcmp(word, "--") == 0) {
        w->only_operands = true;
        return TS_OK;
    }
    int i = find_option(out->rules, word);
    if (i >= 0)
        return take_option(out, w, word, i, err);
    if (!is_setting(out->rules, word))
        return unknown(out->rules, word, err);
    out->settings[out->setting_words++] = word;
    if (strchr(word, '=') == NULL && *w->at != NULL)
        out->settings[out->setting_words++] = *w->at++;
    return TS_OK;
}

static enum ts_err check_operands(const struct ts_options *o, struct ts_error *err)
{
    const struct ts_option_rules *r = o->rules;
    if (o->operand_count > r->most)
        return ts_fail(err,
                       TS_ERR_INVALID_PARAMETER,
                       "%s does not know what to do with \"%.80s\"; see touchstone %s --help",
                       r->command,
                       o->operands[r->most],
                       r->command);
    if (o->operand_count < r->least)
        return ts_fail(err,
                       TS_ERR_INVALID_PARAMETER,
                       "%s needs to be told more; see touchstone %s --help",
                       r->command,
                       r->command);
    return TS_OK;
}

enum ts_err ts_options_read(const struct ts_option_rules *rules,
                            char **args,
                            struct ts_options *out,
                            struct ts_error *err)
{
    size_t n = 0;
    while (args[n] != NULL)
        n++;
    *out = (struct ts_options){.rules = rules};
    out->operands = calloc(n + 1, sizeof(out->operands[0]));
    out->settings = calloc(n + 1, sizeof(out->settings[0]));
    if (out->operands == NULL || out->settings == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory to start");
    struct words w = {.at = args};
    enum ts_err e = TS_OK;
    while (e == TS_OK && *w.at != NULL)
        e = take_word(out, &w, err);
    return e == TS_OK ? check_operands(out, err) : e;
}

void ts_options_deinit(struct ts_options *o)
{
    free(o->operands);
    free(o->settings);
    *o = (struct ts_options){.rules = NULL};
}

const char *ts_option(const struct ts_options *o, const char *name)
{
    const struct ts_option *table = o->rules->options;
    for (int i = 0; table != NULL && table[i].name != NULL; i++) {
        if (strcmp(table[i].name, name) == 0)
            return o->values[i];
    }
    assert(false); /* every option stands in its command's table */
    return NULL;
}

enum ts_err ts_option_number(const struct ts_options *o,
                             struct ts_number_option which,
                             int64_t *out,
                             struct ts_error *err)
{
    const char *text = ts_option(o, which.name);
    *out = which.absent;
    if (text == NULL)
        return TS_OK;
    bool digits = *text != '\0' && text[strspn(text, "0123456789")] == '\0';
    errno = 0;
    long long v = digits ? strtoll(text, NULL, 10) : 0;
    if (!digits || errno != 0 || v < which.min || v > which.max)
        return ts_fail(err,
                       TS_ERR_INVALID_PARAMETER,
                       "--%s needs a number from %" PRId64 " to %" PRId64 ", not \"%.40s\"",
                       which.name,
                       which.min,
                       which.max,
                       text);
    *out = v;
    return TS_OK;
}

enum ts_err ts_option_choice(const struct ts_options *o,
                             const char *name,
                             const char *choices,
                             int *out,
                             struct ts_error *err)
{
    const char *text = ts_option(o, name);
    *out = -1;
    if (text == NULL)
        return TS_OK;
    const char *at = choices;
    for (int i = 0;; i++) {
        size_t n = strcspn(at, "|");
        if (name_is(at, n, text)) {
            *out = i;
            return TS_OK;
        }
        if (at[n] == '\0')
            return ts_fail(err,
                           TS_ERR_INVALID_PARAMETER,
                           "--%s is one of %s, not \"%.40s\"",
                           name,
                           choices,
                           text);
        at += n + 1;
    }
}
