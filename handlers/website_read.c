/* Sites as clients and scrapers tell of them. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"
#include "handlers/clone_read.h"
#include "handlers/fields.h"

enum { DESCRIPTION_MAX = 5000, METADATA_MAX_BYTES = 256 * 1024 };

/* Where the members are: of our own body, of a scraper's answer, and of its metadata. */
struct scrape {
    json_t *body;
    json_t *data;
    json_t *metadata; /* NULL: none */
};

/* A text at any of @names (ends with NULL) in @o; of a list, its first. NULL: none that is not
 * empty. */
static const char *find_text(json_t *o, const char *const *names)
{
    for (; o != NULL && *names != NULL; names++) {
        json_t *v = json_object_get(o, *names);
        if (json_is_array(v))
            v = json_array_get(v, 0);
        if (json_is_string(v) && json_string_length(v) > 0)
            return json_string_value(v);
    }
    return NULL;
}

static struct ts_slice find_slice(json_t *o, const char *const *names)
{
    return ts_slice_str(find_text(o, names));
}

static enum ts_err wrong(struct ts_error *err, const char *param, const char *what)
{
    return ts_fail_param(err, TS_ERR_INVALID_FIELD, param, "%s %s", param, what);
}

/* -- what kind of body ------------------------------------------------------------------------- */

static const char *const known[] = {"url",
                                    "title",
                                    "description",
                                    "status",
                                    "markdown",
                                    "markdownContent",
                                    "html",
                                    "htmlContent",
                                    "screenshotUrl",
                                    "scrapedAt",
                                    NULL};

/* Our own form is strict: a misspelt member is no scraper's addition. */
static enum ts_err check_own(json_t *body, struct ts_error *err)
{
    struct ts_fields f = ts_fields_of(body, -1, known, err);
    ts_fields_require(&f, "url");
    (void)ts_fields_text(&f, "url", TS_MAX_URL);
    for (size_t i = 1; known[i] != NULL && f.rc == TS_OK; i++) {
        const json_t *v = json_object_get(body, known[i]);
        if (v != NULL && !json_is_null(v) && !json_is_string(v))
            (void)ts_fields_fault(&f, known[i], "must be a text");
    }
    return f.rc;
}

static enum ts_err find_scrape(json_t *body, struct scrape *out, struct ts_error *err)
{
    *out = (struct scrape){.body = body, .data = body};
    if (!json_is_object(body))
        return ts_fail(err, TS_ERR_INVALID_FIELD, "the body must be an object");
    if (json_is_false(json_object_get(body, "success"))) {
        const char *why = find_text(body, (const char *const[]){"error", "message", NULL});
        return ts_fail_param(err,
                             TS_ERR_INVALID_FIELD,
                             "success",
                             "success is false: the scrape failed (%.200s); scrape the site again",
                             why != NULL ? why : "it does not say why");
    }
    json_t *data = json_object_get(body, "data");
    if (data != NULL && !json_is_object(data))
        return wrong(err, "data", "must be the object of a scrape answer");
    out->data = data != NULL ? data : body;
    json_t *metadata = json_object_get(out->data, "metadata");
    if (metadata != NULL && !json_is_null(metadata) && !json_is_object(metadata))
        return wrong(err, "metadata", "must be an object");
    out->metadata = json_is_object(metadata) ? metadata : NULL;
    bool own = data == NULL && out->metadata == NULL;
    return own ? check_own(body, err) : TS_OK;
}

/* -- what it says ------------------------------------------------------------------------------ */

static enum ts_err read_url(const struct scrape *s,
                            struct ts_website_input *in,
                            struct ts_error *err)
{
    static const char *const own[] = {"url", NULL};
    static const char *const source[] = {"sourceURL", "sourceUrl", "url", "ogUrl", NULL};
    const char *url = find_text(s->data, own);
    if (url == NULL)
        url = find_text(s->body, own);
    if (url == NULL)
        url = find_text(s->metadata, source);
    if (url == NULL)
        return wrong(err, "url", "is required (or metadata.sourceURL of a scrape answer)");
    in->site.url = in->url;
    in->site.domain = in->domain;
    return ts_url_check(url, TS_ERR_INVALID_FIELD, "url", in->url, in->domain, err);
}

static enum ts_err read_status(const struct scrape *s, const char **out, struct ts_error *err)
{
    static const char *const names[] = {"scraped", "processed", "cloned"};
    const json_t *given = json_object_get(s->data, "status");
    *out = names[0];
    if (!json_is_string(given))
        return TS_OK;
    for (size_t i = 0; i < TS_ARRAY_LEN(names); i++) {
        if (strcmp(json_string_value(given), names[i]) == 0) {
            *out = names[i];
            return TS_OK;
        }
    }
    return wrong(err, "status", "must be scraped, processed or cloned");
}

/* Too long a text is no reason to refuse a scrape: it is cut, between characters. */
static const char *cut(json_t *owner, const char *text, size_t max, const char *keep_as)
{
    size_t len = text != NULL ? strlen(text) : 0;
    if (len <= max)
        return text;
    json_t *shorter = json_stringn(text, ts_utf8_cut(text, len, max));
    if (json_object_set_new(owner, keep_as, shorter) != 0)
        return NULL;
    return json_string_value(shorter);
}

static void read_names(const struct scrape *s, struct ts_website *w)
{
    static const char *const title[] = {"title", "ogTitle", "og:title", NULL};
    static const char *const description[] = {
        "description", "ogDescription", "og:description", NULL};
    static const char *const screenshot[] = {"screenshotUrl", "screenshot", "screenshot_url", NULL};
    w->title = find_text(s->data, title);
    if (w->title == NULL)
        w->title = find_text(s->metadata, title);
    w->description = find_text(s->data, description);
    if (w->description == NULL)
        w->description = find_text(s->metadata, description);
    w->title = cut(s->body, w->title, TS_MAX_TITLE, "title kept");
    w->description = cut(s->body, w->description, DESCRIPTION_MAX, "description kept");
    /* pictures inside of the answer (data:) are not kept */
    char url[TS_MAX_URL + 1];
    char domain[TS_MAX_URL + 1];
    const char *shot = find_text(s->data, screenshot);
    if (shot != NULL && ts_site_url(ts_slice_str(shot), url, domain) == NULL)
        w->screenshot_url = shot;
}

static void read_content(const struct scrape *s, struct ts_website *w)
{
    static const char *const markdown[] = {"markdown", "markdownContent", "content", NULL};
    static const char *const html[] = {"html", "htmlContent", "rawHtml", NULL};
    w->markdown = find_slice(s->data, markdown);
    w->html = find_slice(s->data, html);
    w->content_length = w->html.at != NULL       ? (int64_t)w->html.len
                        : w->markdown.at != NULL ? (int64_t)w->markdown.len
                                                 : TS_UNKNOWN;
    w->word_count = w->markdown.at != NULL ? ts_count_words(w->markdown)
                    : w->html.at != NULL   ? ts_count_words_html(w->html)
                                           : TS_UNKNOWN;
}

static enum ts_err read_moment(const struct scrape *s, int64_t *out, struct ts_error *err)
{
    static const char *const names[] = {"scrapedAt", NULL};
    const char *text = find_text(s->data, names);
    *out = ts_wall_ms();
    if (text == NULL || ts_rfc3339_parse(text, strlen(text), out) == 0)
        return TS_OK;
    return wrong(err, "scrapedAt", "must be a time like 2026-11-20T21:33:55Z");
}

static enum ts_err keep_metadata(const struct scrape *s,
                                 struct ts_website_input *in,
                                 struct ts_error *err)
{
    if (s->metadata == NULL)
        return TS_OK;
    in->metadata_json = json_dumps(s->metadata, JSON_COMPACT | JSON_REAL_PRECISION(15));
    if (in->metadata_json == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a website");
    in->site.metadata_json = in->metadata_json;
    return strlen(in->metadata_json) <= METADATA_MAX_BYTES
               ? TS_OK
               : wrong(err, "metadata", "must not be longer than 262144 bytes");
}

enum ts_err ts_website_read(struct ts_slice text, struct ts_website_input *in, struct ts_error *err)
{
    struct scrape s;
    enum ts_err rc = ts_json_parse(text.at, text.len, &in->body, err);
    if (rc == TS_OK)
        rc = find_scrape(in->body, &s, err);
    if (rc == TS_OK)
        rc = read_url(&s, in, err);
    if (rc == TS_OK)
        rc = read_status(&s, &in->site.status, err);
    if (rc == TS_OK)
        rc = read_moment(&s, &in->site.at_ms, err);
    if (rc == TS_OK)
        rc = keep_metadata(&s, in, err);
    if (rc != TS_OK)
        return rc;
    read_names(&s, &in->site);
    read_content(&s, &in->site);
    return TS_OK;
}

void ts_website_input_deinit(struct ts_website_input *in)
{
    json_decref(in->body);
    free(in->metadata_json);
}
