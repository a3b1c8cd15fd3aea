#include "server/cleanup_command.h"

#include <stdio.h>
#include <sysexits.h>

#include "server/cleanup_verb.h"
#include "server/commands.h"
#include "server/meter.h"
#include "server/session.h"

const char ts_cleanup_text[] = "Deletes calls older than TOUCHSTONE_RETENTION_DAYS (or --days), "
                               "which the server also does by\n"
                               "itself: single calls with their attempts, ratings and reported "
                               "ids, in whole UTC days. What was\n"
                               "counted by day and all time stays.\n";

const struct ts_option ts_cleanup_options[] = {
    {.name = "days", .value = "N", .help = "keep the calls of the last N days"},
    {0},
};

static void show(void *ctx, int64_t done, int64_t total)
{
    (void)total;
    ts_meter_show(ctx, done, -1);
}

static enum ts_err ask(const struct ts_options *o, json_t **result, struct ts_error *err)
{
    TS_AUTO(ts_session_auto) struct ts_session *s = NULL;
    int64_t days = 0;
    enum ts_err e = ts_option_number(
        o,
        (struct ts_number_option){.name = "days", .min = 1, .max = TS_CLEANUP_DAYS_MAX},
        &days,
        err);
    if (e == TS_OK)
        e = ts_session_start(o, false, &s, err);
    if (e != TS_OK)
        return e;
    struct ts_meter meter = ts_meter_start("deleting", "calls", 0);
    const struct ts_session_listener listener = {.progress = show, .ctx = &meter};
    json_t *request = json_pack(
        "{s:s, s:o}", "verb", "cleanup", "days", days > 0 ? json_integer(days) : json_null());
    e = ts_session_ask(s, request, &listener, result, err);
    ts_meter_end(&meter);
    return e;
}

int ts_cleanup_command(const struct ts_options *o)
{
    struct ts_error err = TS_ERROR_INIT;
    json_t *result = NULL;
    if (ask(o, &result, &err) != TS_OK)
        return ts_command_fail(&err);
    const char *before = json_string_value(json_object_get(result, "before"));
    if (before == NULL)
        (void)printf(
            "nothing is deleted: TOUCHSTONE_RETENTION_DAYS is 0, and --days is not given\n");
    else
        (void)printf("%lld calls from before %s deleted\n",
                     (long long)json_integer_value(json_object_get(result, "deleted")),
                     before);
    json_decref(result);
    return EX_OK;
}
