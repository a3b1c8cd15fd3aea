#include "server/reading.h"

#include <stdlib.h>

#include "handlers/auto_model.h"
#include "server/db_path.h"
#include "server/insight_limits.h"
#include "server/providers.h"

struct ts_reading {
    struct ts_config config;
    char path[TS_DB_PATH_SIZE];
    struct ts_registry *registry;
    struct ts_readonly *db;
};

enum ts_err ts_reading_open(const struct ts_options *o,
                            struct ts_reading **out,
                            struct ts_error *err)
{
    TS_AUTO(ts_reading_auto) struct ts_reading *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory to start");
    enum ts_err e = ts_command_config(o, &r->config, err);
    if (e == TS_OK)
        e = ts_db_path(&r->config, r->path, err);
    if (e == TS_OK && ts_registry_new(&r->registry) != TS_OK)
        e = ts_fail(err, TS_ERR_NOMEM, "no memory for the providers");
    if (e == TS_OK)
        e = ts_providers_add(r->registry, &r->config, err);
    if (e == TS_OK)
        e = ts_readonly_open(r->path, &r->db, err);
    if (e == TS_OK)
        *out = TS_TAKE(r);
    return e;
}

void ts_reading_close(struct ts_reading *r)
{
    if (r == NULL)
        return;
    ts_readonly_close(r->db);
    ts_registry_free(r->registry);
    ts_config_deinit(&r->config);
    free(r);
}

struct ts_readonly *ts_reading_db(const struct ts_reading *r)
{
    return r->db;
}

const char *ts_reading_path(const struct ts_reading *r)
{
    return r->path;
}

static bool is_local(const void *registry, const char *provider)
{
    return ts_provider_is_local(registry, provider);
}

struct ts_locality ts_reading_locality(const struct ts_reading *r)
{
    return (struct ts_locality){.is_local = is_local, .ctx = r->registry};
}

struct ts_insight_limits ts_reading_limits(const struct ts_reading *r)
{
    return ts_insight_limits(&r->config);
}
