#include "server/verbs.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "server/backup_verb.h"
#include "server/cleanup_verb.h"
#include "server/import_verb.h"
#include "server/rebuild_command.h"
#include "server/sync_verb.h"

enum { PROGRESS_EVERY_US = 250 * 1000 };

/* Who is there: the first word on every connection. */
static enum ts_err hello(struct ts_verb_call *call, struct ts_error *err)
{
    call->result = json_pack(
        "{s:s, s:i, s:s}", "version", TS_VERSION, "pid", (int)getpid(), "db", call->env->db_path);
    return call->result != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory to answer");
}

static const struct ts_verb verbs[] = {
    {"hello", hello},
    {"import-begin", ts_import_begin_verb},
    {"import", ts_import_verb},
    {"cleanup", ts_cleanup_verb},
    {"backup", ts_backup_verb},
    {"rebuild-rollups", ts_rebuild_verb},
    {"sync-begin", ts_sync_begin_verb},
    {"sync-done", ts_sync_done_verb},
};

const struct ts_verb *ts_verb_find(const char *name)
{
    for (size_t i = 0; i < TS_ARRAY_LEN(verbs); i++) {
        if (strcmp(name, verbs[i].name) == 0)
            return &verbs[i];
    }
    return NULL;
}

enum ts_err ts_verb_run(struct ts_verb_call *call, struct ts_error *err)
{
    const char *name = json_string_value(json_object_get(call->request, "verb"));
    const struct ts_verb *verb = name != NULL ? ts_verb_find(name) : NULL;
    if (verb == NULL)
        return ts_fail_param(err,
                             TS_ERR_INVALID_FIELD,
                             "verb",
                             "this touchstone (" TS_VERSION ") knows no verb '%.40s'",
                             name != NULL ? name : "");
    call->told_us = ts_now_us();
    return verb->run(call, err);
}

bool ts_verb_progress(struct ts_verb_call *call, int64_t done, int64_t total)
{
    int64_t now_us = ts_now_us();
    if (call->told == NULL || now_us - call->told_us < PROGRESS_EVERY_US)
        return true;
    call->told_us = now_us;
    return call->told(call, done, total);
}

enum ts_err ts_verb_left(struct ts_error *err)
{
    return ts_fail(err, TS_ERR_DRAINING, "the server stops before this was done");
}
