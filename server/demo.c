#include "server/demo.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/latch.h"
#include "base/log.h"
#include "db/clone.h"
#include "server/demo_history.h"
#include "server/demo_server.h"
#include "server/demo_traffic.h"

enum { MAX_PATH = 512 };

struct ts_demo {
    struct ts_demo_options options;
    char folder[MAX_PATH]; /* "": not made */
    char db_path[MAX_PATH + 32];
    struct ts_demo_server *servers[TS_DEMO_SERVERS];
    struct ts_demo_traffic *traffic;
};

static enum ts_err make_folder(struct ts_demo *d, struct ts_error *err)
{
    const char *tmp = getenv("TMPDIR");
    char folder[MAX_PATH];
    int n =
        snprintf(folder, sizeof(folder), "%s/touchstone-demo-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (n < 0 || (size_t)n >= sizeof(folder) || mkdtemp(folder) == NULL)
        return ts_fail(err, TS_ERR_IO, "cannot create a folder in %s", tmp != NULL ? tmp : "/tmp");
    memcpy(d->folder, folder, sizeof(folder));
    (void)snprintf(d->db_path, sizeof(d->db_path), "%s/touchstone.db", folder);
    return TS_OK;
}

/* The folder is flat: the database, its companions, its lock, its spool. */
static void remove_folder(const char *folder)
{
    if (folder[0] == '\0')
        return;
    DIR *dir = opendir(folder);
    if (dir != NULL) {
        struct dirent *entry = NULL;
        while ((entry = readdir(dir)) != NULL) {
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                (void)unlinkat(dirfd(dir), entry->d_name, 0);
        }
        (void)closedir(dir);
    }
    if (rmdir(folder) != 0)
        ts_log(TS_LOG_WARN, "cannot remove %s", folder);
}

enum ts_err ts_demo_new(const struct ts_demo_options *o, struct ts_demo **out, struct ts_error *err)
{
    TS_AUTO(ts_demo_auto) struct ts_demo *d = calloc(1, sizeof(*d));
    if (d == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the demo");
    d->options = *o;
    enum ts_err e = make_folder(d, err);
    if (e == TS_OK)
        *out = TS_TAKE(d);
    return e;
}

const char *ts_demo_db_path(const struct ts_demo *d)
{
    return d->db_path;
}

static enum ts_err add_server(struct ts_registry *r, int index, int port, struct ts_error *err)
{
    const struct ts_kind *kind = ts_demo_kind((enum ts_demo_server_id)index);
    char url[64];
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d", port);
    struct ts_provider p = {
        .kind = kind,
        .name = kind->name,
        .base_url = url,
        .configured = true,
        .simulated = true,
        .connect_timeout_ms = 2000,
        .first_token_timeout_ms = TS_DEMO_FIRST_TOKEN_TIMEOUT_MS,
        .gap_timeout_ms = 10000,
        .price = TS_PRICE_UNKNOWN,
        .price_per_hour_usd = ts_demo_price_per_hour((enum ts_demo_server_id)index),
        .weight = 1,
    };
    return ts_registry_add(r, &p, err);
}

enum ts_err ts_demo_register(struct ts_demo *d, struct ts_registry *r, struct ts_error *err)
{
    enum ts_err e = TS_OK;
    for (int i = 0; e == TS_OK && i < TS_DEMO_SERVERS; i++) {
        uint64_t seed = d->options.seed + (uint64_t)i;
        e = ts_demo_server_start((enum ts_demo_server_id)i, seed, &d->servers[i], err);
        if (e == TS_OK)
            e = add_server(r, i, ts_demo_server_port(d->servers[i]), err);
    }
    return e;
}

/* The sample sites and what models made of them. */
static enum ts_err add_clones(struct ts_store *s, struct ts_error *err)
{
    struct ts_latch latch;
    ts_latch_init(&latch);
    struct ts_store_clone_samples samples = {.job.latch = &latch};
    ts_store_clone_samples(s, &samples);
    ts_latch_wait(&latch);
    ts_latch_deinit(&latch);
    if (samples.job.result != TS_OK)
        *err = samples.job.error;
    return samples.job.result;
}

enum ts_err ts_demo_fill(struct ts_demo *d, struct ts_store *s, struct ts_error *err)
{
    enum ts_err e = ts_demo_history(s, d->options.seed, d->options.days, ts_wall_ms(), err);
    return e == TS_OK ? add_clones(s, err) : e;
}

enum ts_err ts_demo_start_traffic(struct ts_demo *d,
                                  const struct ts_address *at,
                                  const char *base_path,
                                  struct ts_error *err)
{
    if (!d->options.traffic)
        return TS_OK;
    return ts_demo_traffic_start(at, base_path, d->options.seed, &d->traffic, err);
}

void ts_demo_stop(struct ts_demo *d)
{
    ts_demo_traffic_stop(TS_TAKE(d->traffic));
    for (int i = 0; i < TS_DEMO_SERVERS; i++)
        ts_demo_server_stop(TS_TAKE(d->servers[i]));
}

void ts_demo_free(struct ts_demo *d)
{
    if (d == NULL)
        return;
    ts_demo_stop(d);
    remove_folder(d->folder);
    free(d);
}
