/* Query parameters of our own API: what is unknown, repeated or ill-formed is an error. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "handlers/exchange.h"

static bool is_allowed(const char *key, const char *const *allowed)
{
    for (; *allowed != NULL; allowed++) {
        size_t n = strlen(*allowed);
        bool prefix = (*allowed)[n - 1] == '.';
        if (prefix ? strncmp(key, *allowed, n) == 0 && key[n] != '\0' : strcmp(key, *allowed) == 0)
            return true;
    }
    return false;
}

enum ts_err ts_args_check(const struct ts_exchange *x,
                          const char *const *allowed,
                          struct ts_error *err)
{
    for (int i = 0; i < x->arg_count; i++) {
        const char *key = x->args[i].key;
        if (!is_allowed(key, allowed))
            return ts_fail_param(err,
                                 TS_ERR_INVALID_PARAMETER,
                                 key,
                                 "unknown parameter '%.60s'; /openapi.json lists what there is",
                                 key);
        for (int j = 0; j < i; j++) {
            if (strcmp(x->args[j].key, key) == 0)
                return ts_fail_param(err,
                                     TS_ERR_INVALID_PARAMETER,
                                     key,
                                     "parameter '%.60s' is given more than once",
                                     key);
        }
    }
    return TS_OK;
}

const char *ts_arg(const struct ts_exchange *x, const char *key)
{
    for (int i = 0; i < x->arg_count; i++) {
        if (strcmp(x->args[i].key, key) == 0)
            return x->args[i].value != NULL ? x->args[i].value : "";
    }
    return NULL;
}

enum ts_err ts_arg_require(const struct ts_exchange *x, const char *key, struct ts_error *err)
{
    const char *value = ts_arg(x, key);
    if (value != NULL && *value != '\0')
        return TS_OK;
    return ts_fail_param(err, TS_ERR_INVALID_PARAMETER, key, "parameter %s is required", key);
}

enum ts_err ts_arg_int(const struct ts_exchange *x,
                       const char *key,
                       struct ts_whole bounds,
                       int64_t *out,
                       struct ts_error *err)
{
    const char *text = ts_arg(x, key);
    if (text == NULL) {
        *out = bounds.absent;
        return TS_OK;
    }
    bool digits = *text != '\0' && text[strspn(text, "0123456789")] == '\0';
    errno = 0;
    long long v = digits ? strtoll(text, NULL, 10) : 0;
    if (!digits || errno != 0 || v < bounds.min || v > bounds.max)
        return ts_fail_param(err,
                             TS_ERR_INVALID_PARAMETER,
                             key,
                             "%s must be a whole number from %" PRId64 " to %" PRId64
                             ", not '%.40s'",
                             key,
                             bounds.min,
                             bounds.max,
                             text);
    *out = v;
    return TS_OK;
}
