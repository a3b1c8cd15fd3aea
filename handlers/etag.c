#include "handlers/etag.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "handlers/services.h"

void ts_etag_add(struct ts_etag *e, const void *bytes, size_t n)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < n; i++)
        e->hash = (e->hash ^ at[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
}

void ts_etag_add_text(struct ts_etag *e, const char *text)
{
    /* with its end, so that "ab" and "c" are not "a" and "bc" */
    if (text != NULL)
        ts_etag_add(e, text, strlen(text) + 1);
    else
        ts_etag_add(e, "\xff", 1);
}

struct ts_etag ts_etag_of(const struct ts_exchange *x)
{
    const struct ts_services *s = x->services;
    int64_t commits = ts_store_health(s->store).commits;
    struct ts_etag e = {.hash = UINT64_C(0xcbf29ce484222325)};
    ts_etag_add_text(&e, s->version);
    ts_etag_add(&e, &s->started_ms, sizeof(s->started_ms));
    ts_etag_add(&e, &s->id_tag, sizeof(s->id_tag));
    ts_etag_add(&e, &commits, sizeof(commits));
    ts_etag_add_text(&e, x->path);
    for (int i = 0; i < x->arg_count; i++) {
        ts_etag_add_text(&e, x->args[i].key);
        ts_etag_add_text(&e, x->args[i].value);
    }
    return e;
}

char *ts_etag_text(const struct ts_etag *e, char out[static TS_ETAG_SIZE])
{
    (void)snprintf(out, TS_ETAG_SIZE, "W/\"%016" PRIx64 "\"", e->hash);
    return out;
}

bool ts_etag_matches(const struct ts_exchange *x, const char *etag)
{
    const char *list = x->ops->header(x, "If-None-Match");
    const char *opaque = strchr(etag, '"');
    return list != NULL && (strstr(list, opaque) != NULL || strcmp(list, "*") == 0);
}

void ts_reply_unchanged(struct ts_exchange *x, const char *etag)
{
    const struct ts_header headers[] = {{"ETag", etag}, {NULL, NULL}};
    const struct ts_head head = {
        .status = 304, .content_type = "application/json", .headers = headers};
    x->ops->respond_static(x, &head, "", 0);
}
