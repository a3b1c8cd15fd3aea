#include "server/duckdb.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

enum { LEAST_MAJOR = 1, LEAST_MINOR = 0 };
#define LEAST_VERSION "1.0"

/* -- the C API --------------------------------------------------------------------------------- */

/* duckdb_state: anything else is a failure. */
enum { DUCKDB_SUCCESS = 0 };

/* duckdb_result, by value: only its address is given. */
struct duckdb_result {
    uint64_t old_column_count;
    uint64_t old_row_count;
    uint64_t old_rows_changed;
    void *old_columns;
    char *old_error;
    void *internal;
};

struct api {
    const char *(*library_version)(void);
    int (*create_config)(void **config);
    int (*set_config)(void *config, const char *name, const char *option);
    void (*destroy_config)(void **config);
    int (*open_ext)(const char *path, void **db, void *config, char **error);
    void (*close)(void **db);
    int (*connect)(void *db, void **connection);
    void (*disconnect)(void **connection);
    int (*query)(void *connection, const char *sql, struct duckdb_result *out);
    const char *(*result_error)(struct duckdb_result *r);
    uint64_t (*row_count)(struct duckdb_result *r);
    char *(*value_varchar)(struct duckdb_result *r, uint64_t column, uint64_t row);
    void (*destroy_result)(struct duckdb_result *r);
    void (*free)(void *p);
};

struct ts_duckdb {
    void *library;
    struct api api;
    void *db;
    void *connection;
    char *file;
};

/* -- the library ------------------------------------------------------------------------------- */

static bool find_functions(void *library, struct api *api, const char **missing)
{
    const struct {
        const char *name;
        void *at; /* where its address goes: a pointer to a function is no pointer to an object */
    } functions[] = {
        {"duckdb_library_version", &api->library_version},
        {"duckdb_create_config", &api->create_config},
        {"duckdb_set_config", &api->set_config},
        {"duckdb_destroy_config", &api->destroy_config},
        {"duckdb_open_ext", &api->open_ext},
        {"duckdb_close", &api->close},
        {"duckdb_connect", &api->connect},
        {"duckdb_disconnect", &api->disconnect},
        {"duckdb_query", &api->query},
        {"duckdb_result_error", &api->result_error},
        {"duckdb_row_count", &api->row_count},
        {"duckdb_value_varchar", &api->value_varchar},
        {"duckdb_destroy_result", &api->destroy_result},
        {"duckdb_free", &api->free},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(functions); i++) {
        void *found = dlsym(library, functions[i].name);
        *missing = functions[i].name;
        if (found == NULL)
            return false;
        memcpy(functions[i].at, &found, sizeof(found));
    }
    return true;
}

/* "v1.5.6" -> whether it is new enough. A version that is not a number is a developer's own. */
static bool is_new_enough(const char *version)
{
    char *end = NULL;
    version += *version == 'v';
    long major = strtol(version, &end, 10);
    if (end == version || *end != '.')
        return true;
    long minor = strtol(end + 1, NULL, 10);
    return major > LEAST_MAJOR || (major == LEAST_MAJOR && minor >= LEAST_MINOR);
}

static enum ts_err load_library(struct ts_duckdb *d, const char *name, struct ts_error *err)
{
    const char *missing = NULL;
    d->library = dlopen(name != NULL ? name : "libduckdb.so", RTLD_NOW | RTLD_LOCAL);
    if (d->library == NULL) {
        const char *why = dlerror();
        return ts_fail(err,
                       TS_ERR_NOT_FOUND,
                       "the DuckDB library cannot be loaded: %s",
                       why != NULL ? why : "no reason is known");
    }
    if (!find_functions(d->library, &d->api, &missing))
        return ts_fail(err,
                       TS_ERR_CONFIG,
                       "%s has no function %s: it is no DuckDB library, or one older than "
                       "DuckDB " LEAST_VERSION,
                       name != NULL ? name : "libduckdb.so",
                       missing);
    const char *version = d->api.library_version();
    if (!is_new_enough(version))
        return ts_fail(err,
                       TS_ERR_CONFIG,
                       "%s is DuckDB %s; " LEAST_VERSION " or newer is needed",
                       name != NULL ? name : "libduckdb.so",
                       version);
    return TS_OK;
}

/* -- errors ------------------------------------------------------------------------------------ */

/* DuckDB has no codes: what it says of the cases that a person can do something about. */
static enum ts_err code_of(const char *why)
{
    static const struct {
        const char *words;
        enum ts_err code;
    } known[] = {
        {"Could not set lock", TS_ERR_IN_USE},
        {"Conflicting lock", TS_ERR_IN_USE},
        {"not a valid DuckDB", TS_ERR_FOREIGN_FILE},
        {"did not make", TS_ERR_FOREIGN_FILE},
        {"different version", TS_ERR_FOREIGN_FILE},
        {"newer version", TS_ERR_FOREIGN_FILE},
        {"Out of Memory", TS_ERR_NOMEM},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(known); i++) {
        if (strstr(why, known[i].words) != NULL)
            return known[i].code;
    }
    return TS_ERR_IO;
}

/* Its first line: what follows are stacks and hints for developers. */
static enum ts_err fail(const struct ts_duckdb *d, const char *why, struct ts_error *err)
{
    why = why != NULL ? why : "no reason is known";
    enum ts_err code = code_of(why);
    return ts_fail(err,
                   code,
                   "%s: %s%.*s",
                   d->file,
                   code == TS_ERR_IN_USE ? "another process has it open; close that. DuckDB says: "
                                         : "",
                   (int)strcspn(why, "\n"),
                   why);
}

/* -- the database ------------------------------------------------------------------------------ */

/* One thread and little memory, whatever the machine has. */
static enum ts_err open_file(struct ts_duckdb *d, struct ts_error *err)
{
    static const char *const options[][2] = {
        {"threads", "1"}, {"memory_limit", "512MB"}, {"preserve_insertion_order", "false"}};
    void *config = NULL;
    char *why = NULL;
    bool ok = d->api.create_config(&config) == DUCKDB_SUCCESS;
    for (size_t i = 0; ok && i < TS_ARRAY_LEN(options); i++)
        ok = d->api.set_config(config, options[i][0], options[i][1]) == DUCKDB_SUCCESS;
    bool opened = ok && d->api.open_ext(d->file, &d->db, config, &why) == DUCKDB_SUCCESS &&
                  d->api.connect(d->db, &d->connection) == DUCKDB_SUCCESS;
    enum ts_err e = opened ? TS_OK : fail(d, why, err);
    if (why != NULL)
        d->api.free(why);
    if (config != NULL)
        d->api.destroy_config(&config);
    return e;
}

enum ts_err ts_duckdb_open(const char *library,
                           const char *file,
                           struct ts_duckdb **out,
                           struct ts_error *err)
{
    TS_AUTO(ts_duckdb_auto) struct ts_duckdb *d = calloc(1, sizeof(*d));
    if (d == NULL || (d->file = strdup(file)) == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for DuckDB");
    enum ts_err e = load_library(d, library, err);
    if (e == TS_OK)
        e = open_file(d, err);
    if (e == TS_OK)
        *out = TS_TAKE(d);
    return e;
}

/* The library stays in memory: it has threads and destructors of its own. */
void ts_duckdb_close(struct ts_duckdb *d)
{
    if (d == NULL)
        return;
    if (d->connection != NULL)
        d->api.disconnect(&d->connection);
    if (d->db != NULL)
        d->api.close(&d->db);
    free(d->file);
    free(d);
}

const char *ts_duckdb_version(const struct ts_duckdb *d)
{
    return d->api.library_version();
}

/* -- asking it --------------------------------------------------------------------------------- */

enum ts_err ts_duckdb_text(struct ts_duckdb *d,
                           const char *sql,
                           struct ts_buf *out,
                           struct ts_error *err)
{
    struct duckdb_result r = {0};
    bool ok = d->api.query(d->connection, sql, &r) == DUCKDB_SUCCESS;
    enum ts_err e = ok ? TS_OK : fail(d, d->api.result_error(&r), err);
    char *value =
        ok && out != NULL && d->api.row_count(&r) > 0 ? d->api.value_varchar(&r, 0, 0) : NULL;
    if (value != NULL) {
        ts_buf_puts(out, value);
        d->api.free(value);
    }
    d->api.destroy_result(&r);
    if (e == TS_OK && out != NULL && !ts_buf_ok(out))
        return ts_fail(err, TS_ERR_NOMEM, "no memory for what DuckDB answers");
    return e;
}

enum ts_err ts_duckdb_run(struct ts_duckdb *d, const char *sql, struct ts_error *err)
{
    return ts_duckdb_text(d, sql, NULL, err);
}
