/* Sites, attempts and files, as the API tells of them. */
#include <string.h>

#include "base/id.h"
#include "base/json.h"
#include "db/clone_query.h"
#include "db/filter.h"
#include "db/parts.h"

static json_t *text_json(struct ts_stmt *s)
{
    return ts_json_text(ts_col_text(s));
}

static json_t *count_json(struct ts_stmt *s)
{
    return ts_json_int(ts_col_known(s));
}

static json_t *flag_json(struct ts_stmt *s)
{
    return json_boolean(ts_col_i64(s) != 0);
}

static bool is_null(struct ts_stmt *s)
{
    return sqlite3_column_type(s->stmt, s->read) == SQLITE_NULL;
}

static json_t *score_json(struct ts_stmt *s)
{
    if (!is_null(s))
        return ts_json_num2(ts_col_double(s));
    s->read++;
    return json_null();
}

/* JSON that was stored as text; null where it is none. */
static json_t *stored_json(struct ts_stmt *s)
{
    const char *text = ts_col_text(s);
    json_t *value = text != NULL ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    return value != NULL ? value : json_null();
}

/* The members of an object, in the order of a statement's columns. */
struct column {
    const char *name;
    json_t *(*json)(struct ts_stmt *s);
};

static bool put_columns(json_t *o, struct ts_stmt *s, const struct column *columns, size_t count)
{
    bool ok = true;
    for (size_t i = 0; i < count; i++)
        ok = json_object_set_new(o, columns[i].name, columns[i].json(s)) == 0 && ok;
    return ok;
}

/* -- lists ------------------------------------------------------------------------------------- */

/* Rows into an array, at most page->limit; one more is asked for, which tells of a next page. */
static enum ts_err read_page(struct ts_stmt *s,
                             struct ts_clone_page *page,
                             json_t *(*row_json)(struct ts_stmt *s, void *ctx),
                             void *ctx,
                             json_t **out,
                             struct ts_error *err)
{
    json_auto_t *rows = json_array();
    enum ts_step step = TS_DONE;
    int64_t last = 0;
    page->next = 0;
    for (int n = 0; (step = ts_step(s)) == TS_ROW; n++) {
        if (n == page->limit) {
            page->next = last;
            break;
        }
        last = sqlite3_column_int64(s->stmt, 0);
        if (json_array_append_new(rows, row_json(s, ctx)) != 0)
            return ts_fail(err, TS_ERR_NOMEM, "no memory for a list");
    }
    if (step == TS_FAILED)
        return ts_filter_fail(s, err);
    *out = json_incref(rows);
    return TS_OK;
}

static void bind_before(struct ts_stmt *s, const struct ts_clone_page *page)
{
    ts_bind_i64(s, page->before != 0 ? page->before : INT64_MAX);
}

/* -- sites ------------------------------------------------------------------------------------- */

static const struct column site_columns[] = {
    {"id", count_json},
    {"url", text_json},
    {"domain", text_json},
    {"title", text_json},
    {"description", text_json},
    {"status", text_json},
    {"contentLength", count_json},
    {"wordCount", count_json},
    {"screenshotUrl", text_json},
    {"scrapedAt", text_json},
    {"sample", flag_json},
    {"cloneAttempts", count_json},
    {"successfulAttempts", count_json},
};

static const struct column content_columns[] = {
    {"metadata", stored_json},
    {"markdown", text_json},
    {"html", text_json},
};

static json_t *site_json(struct ts_stmt *s, void *ctx)
{
    const struct ts_site_limits *limits = ctx;
    json_t *o = json_object();
    bool ok = put_columns(o, s, site_columns, TS_ARRAY_LEN(site_columns));
    int64_t timed = ts_col_i64(s);
    int64_t time_ms = ts_col_i64(s);
    json_t *average = timed > 0 ? ts_json_num2((double)time_ms / (double)timed) : json_null();
    const json_t *words = json_object_get(o, "wordCount");
    enum ts_complexity complexity = ts_site_complexity(
        limits, json_is_integer(words) ? (int64_t)json_integer_value(words) : TS_UNKNOWN);
    ok = json_object_set_new(o, "avgGenerationTimeMs", average) == 0 && ok;
    ok = json_object_set_new(o, "complexity", ts_json_text(ts_complexity_name(complexity))) == 0 &&
         ok;
    if (ok)
        return o;
    json_decref(o);
    return NULL;
}

enum ts_err ts_query_websites(struct ts_reader_conn *c,
                              const struct ts_website_filter *f,
                              struct ts_clone_page *page,
                              json_t **out,
                              struct ts_error *err)
{
    struct ts_site_limits limits = f->limits;
    TS_LEASE(s, c->conn, TS_SQL_WEBSITE_PAGE);
    bind_before(&s, page);
    ts_bind_text(&s, f->url);
    ts_bind_text(&s, f->domain);
    ts_bind_text(&s, f->status);
    ts_bind_i64(&s, f->words_from);
    ts_bind_known(&s, f->words_to == INT64_MAX ? TS_UNKNOWN : f->words_to);
    ts_bind_i64(&s, page->limit + 1);
    return read_page(&s, page, site_json, &limits, out, err);
}

enum ts_err ts_query_website(struct ts_reader_conn *c,
                             int64_t id,
                             const struct ts_site_limits *limits,
                             json_t **out,
                             struct ts_error *err)
{
    struct ts_site_limits given = *limits;
    TS_LEASE(s, c->conn, TS_SQL_WEBSITE_ONE);
    ts_bind_i64(&s, id);
    switch (ts_step(&s)) {
    case TS_FAILED:
        return ts_filter_fail(&s, err);
    case TS_DONE:
        return ts_fail(err,
                       TS_ERR_NOT_FOUND,
                       "there is no website %lld; GET /api/websites lists them",
                       (long long)id);
    case TS_ROW:
        break;
    }
    json_auto_t *o = site_json(&s, &given);
    if (o == NULL || !put_columns(o, &s, content_columns, TS_ARRAY_LEN(content_columns)))
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a website");
    *out = json_incref(o);
    return TS_OK;
}

/* -- attempts ---------------------------------------------------------------------------------- */

static const struct column clone_columns[] = {
    {"id", count_json},
    {"websiteId", count_json},
    {"url", text_json},
    {"title", text_json},
    {"provider", text_json},
    {"model", text_json},
    {"status", text_json},
    {"generationTimeMs", count_json},
    {"codeSizeBytes", count_json},
    {"componentCount", count_json},
    {"createdAt", text_json},
};

static const struct column clone_more_columns[] = {
    {"qualityScore", score_json},
    {"sample", flag_json},
    {"sandboxUrl", text_json},
    {"styleSelected", text_json},
    {"additionalInstructions", text_json},
    {"errorMessage", text_json},
    {"fileCount", count_json},
};

static const struct column clone_text_columns[] = {
    {"quality", stored_json},
    {"generatedCode", text_json},
};

static const struct column file_columns[] = {
    {"path", text_json},
    {"type", text_json},
    {"linesOfCode", count_json},
    {"sizeBytes", count_json},
    {"qualityScore", score_json},
    {"quality", stored_json},
    {"metadata", stored_json},
};

static json_t *call_json(struct ts_stmt *s, uint64_t tag)
{
    int64_t id = ts_col_known(s);
    char text[TS_ID_TEXT_SIZE];
    return id != TS_UNKNOWN ? ts_json_text(ts_id_format(id, tag, text)) : json_null();
}

static json_t *clone_json(struct ts_stmt *s, void *ctx)
{
    const uint64_t *tag = ctx;
    json_t *o = json_object();
    bool ok = put_columns(o, s, clone_columns, TS_ARRAY_LEN(clone_columns));
    ok = json_object_set_new(o, "requestId", call_json(s, *tag)) == 0 && ok;
    ok = put_columns(o, s, clone_more_columns, TS_ARRAY_LEN(clone_more_columns)) && ok;
    if (ok)
        return o;
    json_decref(o);
    return NULL;
}

/* "ollama/llama3.2:7b" asks for one provider's; "meta-llama/CodeLlama" is a name as it is. */
static bool splits(struct ts_reader_conn *c, const char *model, const char *slash)
{
    TS_LEASE(s, c->conn, TS_SQL_CLONE_MODEL_THERE);
    ts_bind_text_n(&s, model, (size_t)(slash - model));
    ts_bind_text(&s, slash + 1);
    return ts_step(&s) == TS_ROW;
}

/* The page of whichever index serves the filter best. */
static enum ts_err read_clones(struct ts_reader_conn *c,
                               const struct ts_clone_filter *f,
                               uint64_t tag,
                               struct ts_clone_page *page,
                               json_t **out,
                               struct ts_error *err)
{
    const char *slash = f->model != NULL ? strchr(f->model, '/') : NULL;
    bool split = slash != NULL && splits(c, f->model, slash);
    enum ts_sql query = f->model != NULL     ? TS_SQL_CLONE_PAGE_OF_MODEL
                        : f->website_id != 0 ? TS_SQL_CLONE_PAGE_OF_SITE
                                             : TS_SQL_CLONE_PAGE;
    TS_LEASE(s, c->conn, query);
    bind_before(&s, page);
    if (split)
        ts_bind_text_n(&s, f->model, (size_t)(slash - f->model));
    else
        ts_bind_text(&s, f->provider);
    ts_bind_text(&s, f->status);
    ts_bind_i64(&s, page->limit + 1);
    if (f->model != NULL)
        ts_bind_text(&s, split ? slash + 1 : f->model);
    if (f->model != NULL)
        ts_bind_known(&s, f->website_id != 0 ? f->website_id : TS_UNKNOWN);
    else if (f->website_id != 0)
        ts_bind_i64(&s, f->website_id);
    return read_page(&s, page, clone_json, &tag, out, err);
}

enum ts_err ts_query_clones(struct ts_reader_conn *c,
                            const struct ts_clone_filter *f,
                            uint64_t tag,
                            struct ts_clone_page *page,
                            json_t **out,
                            struct ts_error *err)
{
    struct ts_clone_filter filter = *f;
    if (f->url != NULL) {
        TS_LEASE(s, c->conn, TS_SQL_WEBSITE_ID_OF_URL);
        ts_bind_text(&s, f->url);
        enum ts_step step = ts_step(&s);
        if (step == TS_FAILED)
            return ts_filter_fail(&s, err);
        int64_t id = step == TS_ROW ? ts_col_i64(&s) : TS_UNKNOWN;
        bool other = f->website_id != 0 && f->website_id != id;
        filter.website_id = other ? TS_UNKNOWN : id; /* no site has the number -1 */
    }
    if (filter.website_id == TS_UNKNOWN) {
        page->next = 0;
        *out = json_array();
        return *out != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for a list");
    }
    return read_clones(c, &filter, tag, page, out, err);
}

static enum ts_err no_clone(int64_t id, struct ts_error *err)
{
    return ts_fail(err,
                   TS_ERR_NOT_FOUND,
                   "there is no clone attempt %lld; GET /api/clones lists them",
                   (long long)id);
}

/* -- files ------------------------------------------------------------------------------------- */

static json_t *file_json(struct ts_stmt *s, bool content)
{
    json_t *o = json_object();
    bool ok = put_columns(o, s, file_columns, TS_ARRAY_LEN(file_columns));
    if (content)
        ok = json_object_set_new(o, "content", text_json(s)) == 0 && ok;
    if (ok)
        return o;
    json_decref(o);
    return NULL;
}

static enum ts_err read_files(struct ts_reader_conn *c,
                              int64_t id,
                              json_t **out,
                              struct ts_error *err)
{
    json_auto_t *files = json_array();
    TS_LEASE(s, c->conn, TS_SQL_CODE_FILES_OF_CLONE);
    ts_bind_i64(&s, id);
    enum ts_step step = TS_DONE;
    while ((step = ts_step(&s)) == TS_ROW) {
        if (json_array_append_new(files, file_json(&s, false)) != 0)
            return ts_fail(err, TS_ERR_NOMEM, "no memory for the files of a clone");
    }
    if (step == TS_FAILED)
        return ts_filter_fail(&s, err);
    *out = json_incref(files);
    return TS_OK;
}

enum ts_err ts_query_clone(
    struct ts_reader_conn *c, int64_t id, uint64_t tag, json_t **out, struct ts_error *err)
{
    json_auto_t *files = NULL;
    enum ts_err e = read_files(c, id, &files, err);
    if (e != TS_OK)
        return e;
    TS_LEASE(s, c->conn, TS_SQL_CLONE_ONE);
    ts_bind_i64(&s, id);
    switch (ts_step(&s)) {
    case TS_FAILED:
        return ts_filter_fail(&s, err);
    case TS_DONE:
        return no_clone(id, err);
    case TS_ROW:
        break;
    }
    json_auto_t *o = clone_json(&s, &tag);
    if (o == NULL || !put_columns(o, &s, clone_text_columns, TS_ARRAY_LEN(clone_text_columns)) ||
        json_object_set(o, "files", files) != 0)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a clone");
    *out = json_incref(o);
    return TS_OK;
}

static enum ts_err check_clone(struct ts_reader_conn *c, int64_t id, struct ts_error *err)
{
    TS_LEASE(s, c->conn, TS_SQL_CLONE_THERE);
    ts_bind_i64(&s, id);
    enum ts_step step = ts_step(&s);
    if (step == TS_FAILED)
        return ts_filter_fail(&s, err);
    return step == TS_ROW ? TS_OK : no_clone(id, err);
}

enum ts_err ts_query_code_file(struct ts_reader_conn *c,
                               int64_t clone_id,
                               const char *path,
                               json_t **out,
                               struct ts_error *err)
{
    enum ts_err e = check_clone(c, clone_id, err);
    if (e != TS_OK)
        return e;
    TS_LEASE(s, c->conn, TS_SQL_CODE_FILE_ONE);
    ts_bind_i64(&s, clone_id);
    ts_bind_text(&s, path);
    switch (ts_step(&s)) {
    case TS_FAILED:
        return ts_filter_fail(&s, err);
    case TS_DONE:
        return ts_fail(err,
                       TS_ERR_NOT_FOUND,
                       "clone attempt %lld has no file '%.100s'; GET /api/clones/%lld lists them",
                       (long long)clone_id,
                       path,
                       (long long)clone_id);
    case TS_ROW:
        break;
    }
    *out = file_json(&s, true);
    return *out != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for a file");
}

enum ts_err ts_query_clone_page(struct ts_reader_conn *c,
                                int64_t id,
                                char **path,
                                struct ts_error *err)
{
    enum ts_err e = check_clone(c, id, err);
    *path = NULL;
    if (e != TS_OK)
        return e;
    TS_LEASE(s, c->conn, TS_SQL_CLONE_FIRST_PAGE);
    ts_bind_i64(&s, id);
    enum ts_step step = ts_step(&s);
    if (step == TS_FAILED)
        return ts_filter_fail(&s, err);
    if (step == TS_DONE)
        return TS_OK;
    *path = strdup(ts_col_text(&s));
    return *path != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for a path");
}
