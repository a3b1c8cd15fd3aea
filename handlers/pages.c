/* The dashboard: pages and assets as they are compiled in. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "handlers/etag.h"
#include "handlers/handlers.h"
#include "handlers/services.h"
#include "static/assets.h"

enum { LOCATION_SIZE = 1024 };

/* The page that @path, which is no page, leads to. */
static const char *page_of(const char *path)
{
    return strcmp(path, "/analytics/clones/") == 0 ? "clones" : "models";
}

/* The way to it as seen from @path: "/", "/analytics", "/analytics/" or a page with a slash behind.
 */
static const char *way_from(const char *path)
{
    static const char folder[] = "/analytics/";
    if (strncmp(path, folder, sizeof(folder) - 1) != 0)
        return "analytics/";
    return path[sizeof(folder) - 1] == '\0' ? "" : "../";
}

/*
 * To the dashboard. Where a base path is set it is named; without one the address is relative, so
 * that it also holds behind a proxy that cuts a prefix off and did not tell us.
 */
void ts_handle_home(struct ts_exchange *x)
{
    const char *base = x->services->base_path;
    char location[LOCATION_SIZE];
    (void)snprintf(location,
                   sizeof(location),
                   "%s%s%s",
                   base,
                   base[0] != '\0' ? "/analytics/" : way_from(x->path),
                   page_of(x->path));
    const struct ts_header headers[] = {{"Location", location}, {NULL, NULL}};
    const struct ts_head head = {
        .status = 302, .content_type = "text/plain; charset=utf-8", .headers = headers};
    x->ops->respond_static(x, &head, "", 0);
}

/* Whether a comma list names @token; a weight of zero ("gzip;q=0") means no. */
static bool list_names(const char *list, const char *token)
{
    size_t n = strlen(token);
    while (list != NULL && *list != '\0') {
        list += strspn(list, " \t,");
        size_t len = strcspn(list, ",");
        if (len >= n && strncasecmp(list, token, n) == 0 &&
            (len == n || strchr(" \t;", list[n]) != NULL)) {
            const char *q = memmem(list, len, "q=0", 3);
            return q == NULL || memchr("123456789", q[3 + strspn(q + 3, ".0")], 9) != NULL;
        }
        list += len;
    }
    return false;
}

static void respond_asset(struct ts_exchange *x, const struct ts_asset *a)
{
    bool gzip = a->gzip != NULL && list_names(x->ops->header(x, "Accept-Encoding"), "gzip");
    bool same = ts_etag_matches(x, a->etag);
    const struct ts_header headers[] = {
        {"ETag", a->etag},
        {"Cache-Control", a->immutable ? TS_ASSET_CACHE_IMMUTABLE : TS_ASSET_CACHE_REVALIDATE},
        {"Vary", "Accept-Encoding"},
        {"Content-Security-Policy", TS_ASSET_CSP},
        {"Cross-Origin-Resource-Policy", a->embeddable ? "cross-origin" : "same-origin"},
        {gzip && !same ? "Content-Encoding" : NULL, "gzip"},
        {NULL, NULL},
    };
    const struct ts_head head = {
        .status = same ? 304 : 200, .content_type = a->type, .headers = headers};
    const unsigned char *bytes = gzip ? a->gzip : a->raw;
    size_t n = gzip ? a->gzip_len : a->raw_len;
    x->ops->respond_static(x, &head, (const char *)bytes, same ? 0 : n);
}

/* A page for many addresses stands in the table under its route: "/analytics/clones/{id}". */
void ts_handle_page(struct ts_exchange *x)
{
    respond_asset(x, ts_asset_find(x->route->path));
}

void ts_handle_asset(struct ts_exchange *x)
{
    const struct ts_asset *a = ts_asset_find(x->path);
    if (a != NULL) {
        respond_asset(x, a);
        return;
    }
    struct ts_error err;
    (void)ts_fail(&err, TS_ERR_NOT_FOUND, "there is no page at %.200s", x->path);
    ts_reply_error(x, &err);
}
