#include "server/rebuild_command.h"

#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "server/commands.h"
#include "server/meter.h"
#include "server/session.h"

enum { LOOK_EVERY_US = 20 * 1000 };

/* clang-format off */
const char ts_rebuild_text[] =
    "The analytics read roll-ups: what the calls of each hour and day add up to. They are kept in\n"
    "step with the calls, compared with them after every start, and mended where they do not agree;\n"
    "this command makes all of them anew. Days of which retention has deleted calls stay as they are.\n"
    "\n"
    "While a server runs, it does the work, between other work, and answers the same figures\n"
    "meanwhile, only slower. It goes on where it was when it is interrupted.\n";
/* clang-format on */

enum ts_err ts_rebuild_verb(struct ts_verb_call *call, struct ts_error *err)
{
    struct ts_store *store = call->env->store;
    ts_store_rebuild_rollups(store);
    struct ts_store_health h = ts_store_health(store);
    for (; h.rollups_due > 0; h = ts_store_health(store)) {
        if (!h.writable)
            return ts_fail(err, TS_ERR_STORAGE_UNAVAILABLE, "%s", h.why);
        int done = h.rollups_asked > h.rollups_due ? h.rollups_asked - h.rollups_due : 0;
        if (!ts_verb_progress(call, done, h.rollups_asked))
            return ts_verb_left(err);
        (void)usleep(LOOK_EVERY_US);
    }
    call->result = json_pack("{s:i}", "days", h.rollups_asked);
    return call->result != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory to answer");
}

static void show(void *meter, int64_t done, int64_t total)
{
    ts_meter_show(meter, done, total > 0 ? (double)done / (double)total : -1);
}

int ts_rebuild_command(const struct ts_options *o)
{
    struct ts_error err = TS_ERROR_INIT;
    TS_AUTO(ts_session_auto) struct ts_session *s = NULL;
    json_auto_t *result = NULL;
    enum ts_err e = ts_session_start(o, false, &s, &err);
    struct ts_meter meter = ts_meter_start("counting", "days", 0);
    const struct ts_session_listener listener = {.progress = show, .ctx = &meter};
    if (e == TS_OK)
        e = ts_session_ask(
            s, json_pack("{s:s}", "verb", "rebuild-rollups"), &listener, &result, &err);
    ts_meter_end(&meter);
    if (e != TS_OK)
        return ts_command_fail(&err);
    (void)printf("the roll-ups of %lld days were made anew\n",
                 (long long)json_integer_value(json_object_get(result, "days")));
    return EX_OK;
}
