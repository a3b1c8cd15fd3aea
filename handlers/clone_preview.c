/*
 * GET /api/clones/{id}/preview, /api/previews/{ticket}: a page that a model made, where it can do
 * no harm.
 *
 * Nobody has read that page. Its policy lets its scripts run in an origin of its own, and lets it
 * load nothing, send nothing, open nothing and go nowhere (analytics/preview.h says how the last is
 * reached); also when somebody opens the address by itself, where no frame's attribute protects.
 */
#include <stdlib.h>
#include <string.h>

#include "analytics/preview.h"
#include "base/clock.h"
#include "base/json.h"
#include "handlers/clone_args.h"
#include "handlers/handlers.h"
#include "handlers/services.h"

enum { PREVIEW_MAX_BYTES = 2 * TS_MAX_SITE_BODY_BYTES };

static const struct ts_header guarded[] = {
    {"Content-Security-Policy",
     "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; "
     "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; form-action 'none'; "
     "base-uri 'none'; frame-ancestors 'self'; webrtc 'block'"},
    /* Nothing else keeps the peer connections of a frame within the page from sending packets:
     * webrtc 'block' is a standard that Chromium does not know. */
    {"Connection-Allowlist", "()"},
    {"Referrer-Policy", "no-referrer"},
    {"X-DNS-Prefetch-Control", "off"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Permissions-Policy",
     "camera=(), microphone=(), geolocation=(), display-capture=(), fullscreen=(), midi=(), "
     "payment=(), usb=(), serial=(), hid=(), bluetooth=(), clipboard-read=(), clipboard-write=()"},
    {NULL, NULL},
};

struct preview {
    struct ts_query query;
    struct ts_exchange *x;
    int64_t id;
    char *path; /* of the page */
    struct ts_buf page;
    struct ts_buf out;
    struct ts_reader_conn *conn; /* while it is read */
    json_t *file;                /* the one looked up last */
};

static void free_preview(struct preview *p)
{
    free(p->path);
    ts_buf_free(&p->page);
    ts_buf_free(&p->out);
    free(p);
}

/* -- on a reader thread ------------------------------------------------------------------------ */

static struct ts_slice find_file(void *ctx, const char *path)
{
    struct preview *p = ctx;
    struct ts_error ignored = TS_ERROR_INIT;
    json_decref(p->file);
    p->file = NULL;
    if (ts_query_code_file(p->conn, p->id, path, &p->file, &ignored) != TS_OK)
        return (struct ts_slice){0};
    const json_t *content = json_object_get(p->file, "content");
    return (struct ts_slice){json_string_value(content), json_string_length(content)};
}

static enum ts_err compose(struct preview *p, const json_t *file, struct ts_error *err)
{
    const json_t *content = json_object_get(file, "content");
    struct ts_slice html = {json_string_value(content), json_string_length(content)};
    ts_preview_inline(html, p->path, find_file, p, &p->page);
    json_decref(p->file);
    p->file = NULL;
    if (ts_buf_ok(&p->page))
        ts_preview_frame((struct ts_slice){ts_buf_text(&p->page), p->page.len}, &p->out);
    return ts_buf_ok(&p->page) && ts_buf_ok(&p->out)
               ? TS_OK
               : ts_fail(err, TS_ERR_NOMEM, "the page is too large for a preview");
}

static enum ts_err read_preview(struct ts_query *q, struct ts_reader_conn *c, struct ts_error *err)
{
    struct preview *p = TS_CONTAINER(q, struct preview, query);
    p->conn = c;
    enum ts_err rc = p->path == NULL ? ts_query_clone_page(c, p->id, &p->path, err) : TS_OK;
    if (rc == TS_OK && p->path == NULL)
        return ts_fail(err,
                       TS_ERR_NOT_FOUND,
                       "clone attempt %lld has no HTML page to show; GET /api/clones/%lld lists "
                       "its files",
                       (long long)p->id,
                       (long long)p->id);
    json_auto_t *file = NULL;
    if (rc == TS_OK)
        rc = ts_query_code_file(c, p->id, p->path, &file, err);
    return rc == TS_OK ? compose(p, file, err) : rc;
}

/* -- on the loop ------------------------------------------------------------------------------- */

static void settled(struct ts_post *post)
{
    struct ts_query *q = TS_CONTAINER(post, struct ts_query, post);
    struct preview *p = TS_CONTAINER(q, struct preview, query);
    const struct ts_head head = {
        .status = 200, .content_type = "text/html; charset=utf-8", .headers = guarded};
    if (q->result == TS_OK)
        p->x->ops->respond(p->x, &head, ts_buf_text(&p->out), p->out.len);
    else
        ts_reply_error(p->x, &q->error);
    free_preview(p);
}

static enum ts_err read_id(const struct ts_exchange *x, int64_t *id, struct ts_error *err)
{
    return ts_clone_id_arg(x, "clone attempt", id, err);
}

static enum ts_err read_ticket(const struct ts_exchange *x, int64_t *id, struct ts_error *err)
{
    if (ts_preview_ticket_read(x->services->preview_key, x->params[0], ts_wall_ms(), id))
        return TS_OK;
    return ts_fail(
        err,
        TS_ERR_NOT_FOUND,
        "this address of a preview is no longer good; GET /api/clones/{id} tells a new one");
}

/* Whose preview it is to be. */
typedef enum ts_err whose_fn(const struct ts_exchange *x, int64_t *id, struct ts_error *err);

static enum ts_err read_args(const struct ts_exchange *x,
                             whose_fn *whose,
                             struct preview *p,
                             struct ts_error *err)
{
    static const char *const allowed[] = {"path", NULL};
    const char *path = ts_arg(x, "path");
    enum ts_err rc = ts_args_check(x, allowed, err);
    if (rc == TS_OK)
        rc = whose(x, &p->id, err);
    if (rc != TS_OK || path == NULL)
        return rc;
    p->path = strdup(path);
    return p->path != NULL ? TS_OK : ts_fail(err, TS_ERR_NOMEM, "no memory for a preview");
}

static void show(struct ts_exchange *x, whose_fn *whose)
{
    struct ts_error err = TS_ERROR_INIT;
    struct preview *p = calloc(1, sizeof(*p));
    enum ts_err rc = p != NULL ? read_args(x, whose, p, &err)
                               : ts_fail(&err, TS_ERR_NOMEM, "no memory for a preview");
    if (rc != TS_OK) {
        ts_reply_error(x, &err);
        if (p != NULL)
            free_preview(p);
        return;
    }
    p->x = x;
    p->page = TS_BUF_INIT(PREVIEW_MAX_BYTES);
    p->out = TS_BUF_INIT(PREVIEW_MAX_BYTES);
    p->query.run = read_preview;
    p->query.post.fn = settled;
    p->query.home = x->poller;
    ts_store_query(x->services->store, &p->query);
}

void ts_handle_clone_preview(struct ts_exchange *x)
{
    show(x, read_id);
}

void ts_handle_preview(struct ts_exchange *x)
{
    show(x, read_ticket);
}
