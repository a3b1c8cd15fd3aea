#include "handlers/clone_args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000, NUMBER_DIGITS = 18 };

/* A number above 0, as it stands in a path or a cursor. */
static bool read_number(const char *text, int64_t *out)
{
    size_t n = strspn(text, "0123456789");
    if (n == 0 || n > NUMBER_DIGITS || text[n] != '\0')
        return false;
    *out = strtoll(text, NULL, 10);
    return *out > 0;
}

enum ts_err ts_clone_page_args(const struct ts_exchange *x,
                               struct ts_clone_page *page,
                               struct ts_error *err)
{
    int64_t limit = 0;
    enum ts_err rc =
        ts_arg_int(x, "limit", (struct ts_whole){1, LIMIT_MAX, LIMIT_DEFAULT}, &limit, err);
    const char *cursor = ts_arg(x, "cursor");
    *page = (struct ts_clone_page){.limit = (int)limit};
    if (rc != TS_OK || cursor == NULL || read_number(cursor, &page->before))
        return rc;
    return ts_fail_param(err,
                         TS_ERR_INVALID_PARAMETER,
                         "cursor",
                         "cursor must be the nextCursor of an earlier answer, not '%.40s'",
                         cursor);
}

json_t *ts_clone_page_json(const char *name, json_t *rows, const struct ts_clone_page *page)
{
    char cursor[24];
    (void)snprintf(cursor, sizeof(cursor), "%lld", (long long)page->next);
    return json_pack("{s:o, s:o}",
                     name,
                     rows,
                     "nextCursor",
                     page->next != 0 ? ts_json_text(cursor) : json_null());
}

enum ts_err ts_clone_id_arg(const struct ts_exchange *x,
                            const char *what,
                            int64_t *id,
                            struct ts_error *err)
{
    if (read_number(x->params[0], id))
        return TS_OK;
    return ts_fail(err,
                   TS_ERR_NOT_FOUND,
                   "there is no %s '%.60s': they are numbered from 1 on",
                   what,
                   x->params[0]);
}

enum ts_err ts_word_arg(const struct ts_exchange *x,
                        const char *key,
                        const char *const *words,
                        const char **out,
                        struct ts_error *err)
{
    const char *given = ts_arg(x, key);
    *out = NULL;
    if (given == NULL)
        return TS_OK;
    TS_AUTO(ts_buf_free) struct ts_buf list = TS_BUF_INIT(256);
    for (size_t i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], given) == 0) {
            *out = words[i];
            return TS_OK;
        }
        ts_buf_printf(&list, "%s%s", i == 0 ? "" : words[i + 1] != NULL ? ", " : " or ", words[i]);
    }
    return ts_fail_param(err,
                         TS_ERR_INVALID_PARAMETER,
                         key,
                         "%s must be %s, not '%.40s'",
                         key,
                         ts_buf_text(&list),
                         given);
}
