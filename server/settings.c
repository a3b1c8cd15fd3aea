#include "server/settings.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"

static const struct ts_setting settings[] = {
#define X(id, setting, kind, value, low, high, words, bits, text)                                  \
    [TS_SETTING_##id] = {.name = setting,                                                          \
                         .type = TS_TYPE_##kind,                                                   \
                         .fallback = value,                                                        \
                         .min = low,                                                               \
                         .max = high,                                                              \
                         .choices = words,                                                         \
                         .flags = bits,                                                            \
                         .help = text},
    TS_SETTINGS_TABLE(X)
#undef X
};
static_assert(TS_ARRAY_LEN(settings) == TS_SETTING_COUNT_, "every setting has a row");

const struct ts_setting *ts_setting(enum ts_setting_id id)
{
    assert(id < TS_SETTING_COUNT_);
    return &settings[id];
}

char *ts_setting_env(enum ts_setting_id id,
                     const char *suffix,
                     char out[static TS_SETTING_NAME_SIZE])
{
    const struct ts_setting *s = ts_setting(id);
    (void)snprintf(out,
                   TS_SETTING_NAME_SIZE,
                   "%s%s%s",
                   (s->flags & TS_SET_BARE) != 0 ? "" : "TOUCHSTONE_",
                   s->name,
                   suffix);
    for (char *c = out; *c != '\0'; c++)
        *c = (char)toupper((unsigned char)*c);
    return out;
}

char *ts_setting_flag(enum ts_setting_id id,
                      const char *suffix,
                      char out[static TS_SETTING_NAME_SIZE])
{
    (void)snprintf(out, TS_SETTING_NAME_SIZE, "--%s%s", ts_setting(id)->name, suffix);
    for (char *c = out; *c != '\0'; c++)
        *c = *c == '_' ? '-' : *c;
    return out;
}

enum ts_setting_id ts_setting_find(const char *name, bool *by_file)
{
    *by_file = false;
    for (int i = 0; i < TS_SETTING_COUNT_; i++) {
        size_t n = strlen(settings[i].name);
        if (strncmp(name, settings[i].name, n) != 0)
            continue;
        if (name[n] == '\0')
            return (enum ts_setting_id)i;
        if (settings[i].type == TS_TYPE_SECRET && strcmp(name + n, "_file") == 0) {
            *by_file = true;
            return (enum ts_setting_id)i;
        }
    }
    return TS_SETTING_COUNT_;
}

static int smallest(int a, int b, int c)
{
    int m = a < b ? a : b;
    return m < c ? m : c;
}

/* How many letters have to be put in, left out or changed; by Wagner and Fischer. */
static int edit_distance(const char *a, const char *b)
{
    int row[TS_SETTING_NAME_SIZE + 1];
    size_t n = strlen(b);
    if (n > TS_SETTING_NAME_SIZE || strlen(a) > TS_SETTING_NAME_SIZE)
        return TS_SETTING_NAME_SIZE;
    for (size_t j = 0; j <= n; j++)
        row[j] = (int)j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= n; j++) {
            int change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = smallest(row[j] + 1, row[j - 1] + 1, change);
        }
    }
    return row[n];
}

const char *ts_nearest(const char *name, const char *const *names, int count)
{
    const char *best = NULL;
    int least = 1 + (int)strlen(name) / 3; /* further away is no slip of the finger */
    for (int i = 0; i < count; i++) {
        int d = edit_distance(name, names[i]);
        if (d <= least) {
            least = d - 1;
            best = names[i];
        }
    }
    return best;
}

const char *ts_setting_nearest(const char *name)
{
    const char *names[TS_SETTING_COUNT_];
    int count = 0;
    for (int i = 0; i < TS_SETTING_COUNT_; i++) {
        if ((settings[i].flags & TS_SET_HIDDEN) == 0)
            names[count++] = settings[i].name;
    }
    return ts_nearest(name, names, count);
}
