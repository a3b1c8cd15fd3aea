/*
 * The dashboard's files, compiled in: what build.mjs makes of this folder.
 *
 * A path is that of the URL below the base path ("/analytics/models",
 * "/analytics/assets/app-7QX3LKPA.js", "/static/feedback.js"). The files refer to each other and to
 * the API by relative addresses only, so they work below any base path; a page must therefore be
 * served at exactly its path, without a slash at the end.
 *
 * Everything here is constant. Thread: any.
 */
#ifndef TS_STATIC_ASSETS_H
#define TS_STATIC_ASSETS_H

#include <stdbool.h>
#include <stddef.h>

struct ts_asset {
    const char *path;
    const char *type; /* value of Content-Type */
    const char *etag; /* value of ETag, quotes included; of the uncompressed bytes */
    bool immutable;   /* the name changes with the content: cache for ever; else revalidate */
    bool embeddable;  /* made for pages of other origins: Cross-Origin-Resource-Policy */
    const unsigned char *raw;
    size_t raw_len;
    const unsigned char *gzip; /* NULL: compression does not help */
    size_t gzip_len;
};

/* Content-Security-Policy of every asset: the pages need nothing beyond it. */
#define TS_ASSET_CSP                                                                               \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "              \
    "font-src 'self'; connect-src 'self'; frame-src 'self'; base-uri 'none'; "                     \
    "form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"

/* Value of Cache-Control. */
#define TS_ASSET_CACHE_IMMUTABLE "public, max-age=31536000, immutable"
#define TS_ASSET_CACHE_REVALIDATE "no-cache"

/* The asset at exactly this path, or NULL. */
const struct ts_asset *ts_asset_find(const char *path);

/* All of them, sorted by path (strcmp). */
extern const struct ts_asset ts_asset_table[];
extern const size_t ts_asset_count;

#endif
