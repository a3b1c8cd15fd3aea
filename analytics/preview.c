#include "analytics/preview.h"

#include <ctype.h>

#include "analytics/file_path.h"
#include "base/attr.h"
#include "base/limits.h"

struct tag {
    struct ts_slice all; /* "<link ...>" */
    struct ts_slice link;
};

static bool begins(struct ts_slice s, const char *text)
{
    size_t n = strlen(text);
    return s.len >= n && strncasecmp(s.at, text, n) == 0;
}

static bool begins_tag(struct ts_slice s, const char *name)
{
    size_t n = strlen(name);
    return begins(s, name) && s.len > n && (isspace((unsigned char)s.at[n]) || s.at[n] == '>');
}

/* The value of an attribute in a tag, where it stands quoted; absent otherwise. */
static struct ts_slice attribute(struct ts_slice tag, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 1; i + n + 2 < tag.len; i++) {
        if (!isspace((unsigned char)tag.at[i - 1]) || strncasecmp(tag.at + i, name, n) != 0)
            continue;
        char quote = tag.at[i + n + 1];
        if (tag.at[i + n] != '=' || (quote != '"' && quote != '\''))
            continue;
        const char *from = tag.at + i + n + 2;
        const char *end = memchr(from, quote, (size_t)(tag.at + tag.len - from));
        if (end != NULL)
            return (struct ts_slice){from, (size_t)(end - from)};
    }
    return (struct ts_slice){0};
}

/* -- paths ------------------------------------------------------------------------------------- */

static void drop_part(char *path, size_t *len)
{
    while (*len > 0 && path[*len - 1] != '/')
        (*len)--;
    if (*len > 0)
        (*len)--;
}

/* Appends the parts of @link to the folder of @len bytes in @path. False: it leads nowhere here. */
static bool append_parts(char path[static TS_MAX_FILE_PATH + 1], size_t len, struct ts_slice link)
{
    while (link.len > 0) {
        const char *slash = memchr(link.at, '/', link.len);
        size_t n = slash != NULL ? (size_t)(slash - link.at) : link.len;
        struct ts_slice part = {link.at, n};
        if (ts_slice_is(part, "..")) {
            drop_part(path, &len);
        } else if (n > 0 && !ts_slice_is(part, ".")) {
            if (len + 1 + n > TS_MAX_FILE_PATH)
                return false;
            if (len > 0)
                path[len++] = '/';
            memcpy(path + len, part.at, n);
            len += n;
        }
        size_t skip = slash != NULL ? n + 1 : n;
        link.at += skip;
        link.len -= skip;
    }
    path[len] = '\0';
    return ts_file_path_fault((struct ts_slice){path, len}) == NULL;
}

/* What a link of the page at @page means among the attempt's own files. */
static bool resolve(const char *page, struct ts_slice link, char out[static TS_MAX_FILE_PATH + 1])
{
    size_t n = 0;
    while (n < link.len && link.at[n] != '?' && link.at[n] != '#')
        n++;
    link.len = n;
    if (link.len == 0 || begins(link, "//") || memchr(link.at, ':', link.len) != NULL)
        return false;
    size_t folder = strlen(page);
    if (folder > TS_MAX_FILE_PATH)
        return false;
    memcpy(out, page, folder);
    drop_part(out, &folder);
    return append_parts(out, link.at[0] == '/' ? 0 : folder, link);
}

/* -- putting in -------------------------------------------------------------------------------- */

/* The text of a style or script element: what would end it is written so that it does not. */
static void put_raw(struct ts_buf *out, struct ts_slice text)
{
    while (text.len > 0) {
        const char *end = memmem(text.at, text.len, "</", 2);
        size_t n = end != NULL ? (size_t)(end - text.at) : text.len;
        ts_buf_put(out, text.at, n);
        if (end != NULL)
            ts_buf_puts(out, "<\\/");
        size_t skip = end != NULL ? n + 2 : n;
        text.at += skip;
        text.len -= skip;
    }
}

/* A script's tag without its src. */
static void put_script_tag(struct ts_buf *out, struct ts_slice tag, struct ts_slice src)
{
    const char *from = src.at - 1; /* the quote; before it src= */
    while (from > tag.at && !isspace((unsigned char)from[-1]))
        from--;
    const char *behind = src.at + src.len + 1;
    ts_buf_put(out, tag.at, (size_t)(from - tag.at));
    ts_buf_put(out, behind, (size_t)(tag.at + tag.len - behind));
}

/* Appends what stands for a tag; false: it stays as it is. */
static bool put_in(
    struct ts_slice tag, const char *page, ts_preview_file_fn *file, void *ctx, struct ts_buf *out)
{
    bool script = begins_tag(tag, "<script");
    bool sheet = begins_tag(tag, "<link") &&
                 ts_slice_same_nocase(attribute(tag, "rel"), TS_SLICE_LIT("stylesheet"));
    struct ts_slice link = script ? attribute(tag, "src") : attribute(tag, "href");
    char path[TS_MAX_FILE_PATH + 1];
    if ((!script && !sheet) || link.at == NULL || !resolve(page, link, path))
        return false;
    struct ts_slice content = file(ctx, path);
    if (content.at == NULL)
        return false;
    if (script)
        put_script_tag(out, tag, link);
    else
        ts_buf_puts(out, "<style>");
    put_raw(out, content);
    if (!script) /* a script's own end tag follows in the page */
        ts_buf_puts(out, "</style>");
    return true;
}

void ts_preview_inline(
    struct ts_slice html, const char *path, ts_preview_file_fn *file, void *ctx, struct ts_buf *out)
{
    while (html.len > 0) {
        const char *open = memchr(html.at, '<', html.len);
        size_t n = open != NULL ? (size_t)(open - html.at) : html.len;
        ts_buf_put(out, html.at, n);
        html.at += n;
        html.len -= n;
        bool known = begins_tag(html, "<script") || begins_tag(html, "<link");
        const char *close = known ? memchr(html.at, '>', html.len) : NULL;
        size_t length = close != NULL ? (size_t)(close - html.at) + 1 : html.len > 0;
        struct ts_slice tag = {html.at, length};
        if (close == NULL || !put_in(tag, path, file, ctx, out))
            ts_buf_put(out, tag.at, tag.len);
        html.at += length;
        html.len -= length;
    }
}

/* As the value of an attribute in double quotes. */
static void put_escaped(struct ts_buf *out, struct ts_slice text)
{
    for (size_t i = 0, from = 0; i <= text.len; i++) {
        bool special = i < text.len && (text.at[i] == '&' || text.at[i] == '"');
        if (i < text.len && !special)
            continue;
        ts_buf_put(out, text.at + from, i - from);
        if (special)
            ts_buf_puts(out, text.at[i] == '&' ? "&amp;" : "&quot;");
        from = i + 1;
    }
}

/* In a srcdoc `#part` means a part of the document around it: links within the page would lead
 * away, where they may not go, and leave an error in its place. */
static const char stay[] =
    "<script>addEventListener('click',e=>{"
    "const a=e.target instanceof Element&&e.target.closest('a[href],area[href]');if(!a)return;"
    "e.preventDefault();const to=a.getAttribute('href');if(to[0]!=='#')return;"
    "const part=to==='#'?document.documentElement:document.getElementById(to.slice(1));"
    "part&&part.scrollIntoView()},true)</script>";

/* Peer connections are the one way to a network that a content policy does not shut. Browsers that
 * know Connection-Allowlist shut it (handlers/clone_preview.c), Chromium 156 by ending the whole
 * tab; so a page does not get them in the first place. In a srcdoc a script before the doctype
 * changes nothing. */
static const char quiet[] = "<script>delete self.RTCPeerConnection;"
                            "delete self.webkitRTCPeerConnection</script>";

void ts_preview_frame(struct ts_slice page, struct ts_buf *out)
{
    ts_buf_puts(out,
                "<!doctype html><html><head><meta charset=\"utf-8\"><title>Preview</title><style>"
                "html,body,iframe{margin:0;padding:0;border:0;width:100%;height:100%;"
                "display:block}body{overflow:hidden}</style></head><body>"
                "<iframe sandbox=\"allow-scripts\" title=\"What the model made\" srcdoc=\"");
    put_escaped(out, TS_SLICE_LIT(quiet));
    put_escaped(out, page);
    put_escaped(out, TS_SLICE_LIT(stay));
    ts_buf_puts(out, "\"></iframe></body></html>\n");
}
