#include "analytics/answer_code.h"

#include <stdio.h>

#include "analytics/file_path.h"
#include "base/attr.h"

/* One block as it stands. */
struct block {
    struct ts_slice info;   /* behind the fence; or the value of path="" */
    struct ts_slice before; /* the last line with anything in it before the block */
    struct ts_slice content;
    bool named; /* info is a path */
};

struct scan {
    struct ts_slice rest;
    struct ts_slice before;
};

/* -- lines ------------------------------------------------------------------------------------- */

static bool take_line(struct ts_slice *rest, struct ts_slice *line)
{
    if (rest->len == 0)
        return false;
    const char *end = memchr(rest->at, '\n', rest->len);
    size_t n = end != NULL ? (size_t)(end - rest->at) : rest->len;
    *line = (struct ts_slice){rest->at, n};
    size_t skip = end != NULL ? n + 1 : n;
    rest->at += skip;
    rest->len -= skip;
    if (line->len > 0 && line->at[line->len - 1] == '\r')
        line->len--;
    return true;
}

static bool begins(struct ts_slice s, const char *text)
{
    size_t n = strlen(text);
    return s.len >= n && strncasecmp(s.at, text, n) == 0;
}

/* -- fences ------------------------------------------------------------------------------------ */

struct fence {
    char mark;
    size_t length;
    struct ts_slice info;
};

/* CommonMark: at most three spaces, three or more of one mark, no ` behind ```. */
static bool opens(struct ts_slice line, struct fence *out)
{
    size_t at = 0;
    while (at < line.len && at < 3 && line.at[at] == ' ')
        at++;
    size_t from = at;
    char mark = at < line.len ? line.at[at] : '\0';
    if (mark != '`' && mark != '~')
        return false;
    while (at < line.len && line.at[at] == mark)
        at++;
    *out = (struct fence){mark, at - from, {line.at + at, line.len - at}};
    out->info = ts_slice_trim(out->info);
    return out->length >= 3 && (mark == '~' || memchr(out->info.at, '`', out->info.len) == NULL);
}

static bool closes(struct ts_slice line, const struct fence *open)
{
    struct fence f;
    return opens(line, &f) && f.mark == open->mark && f.length >= open->length && f.info.len == 0;
}

/* Up to the closing fence, or to the end of an answer that was cut. */
static struct ts_slice take_fenced(struct scan *s, const struct fence *open)
{
    const char *from = s->rest.at;
    struct ts_slice line;
    for (const char *at = from; take_line(&s->rest, &line); at = s->rest.at) {
        if (closes(line, open))
            return (struct ts_slice){from, (size_t)(at - from)};
    }
    return (struct ts_slice){from, (size_t)(s->rest.at - from)};
}

/* -- <file path="..."> ------------------------------------------------------------------------- */

/* The value of an attribute, quoted or not; empty: it is not there. */
static struct ts_slice attribute(struct ts_slice text, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i + n + 1 < text.len; i++) {
        bool apart = i == 0 || text.at[i - 1] == ' ' || text.at[i - 1] == '{';
        if (!apart || strncasecmp(text.at + i, name, n) != 0 || text.at[i + n] != '=')
            continue;
        const char *from = text.at + i + n + 1;
        size_t left = text.len - i - n - 1;
        char quote = left > 0 && (*from == '"' || *from == '\'') ? *from : '\0';
        if (quote == '\0') {
            size_t len = 0;
            while (len < left && from[len] != ' ' && from[len] != '}' && from[len] != '>')
                len++;
            return (struct ts_slice){from, len};
        }
        const char *end = memchr(from + 1, quote, left - 1);
        if (end != NULL)
            return (struct ts_slice){from + 1, (size_t)(end - from - 1)};
    }
    return (struct ts_slice){0};
}

static bool opens_element(struct ts_slice line, struct ts_slice *path, size_t *length)
{
    line = ts_slice_trim(line);
    const char *end = begins(line, "<file ") ? memchr(line.at, '>', line.len) : NULL;
    if (end == NULL)
        return false;
    *length = (size_t)(end - line.at) + 1;
    *path = attribute((struct ts_slice){line.at + 5, *length - 6}, "path");
    return path->len > 0;
}

/* From behind the tag up to </file>, without the line ends next to the tags. */
static struct ts_slice take_element(struct scan *s, const char *from)
{
    const char *end_of_all = s->rest.at + s->rest.len;
    const char *end = memmem(from, (size_t)(end_of_all - from), "</file>", 7);
    s->rest.at = end != NULL ? end + 7 : end_of_all;
    s->rest.len = (size_t)(end_of_all - s->rest.at);
    struct ts_slice content = {from, (size_t)((end != NULL ? end : end_of_all) - from)};
    if (content.len > 0 && content.at[0] == '\n') {
        content.at++;
        content.len--;
    }
    return content;
}

/* -- blocks ------------------------------------------------------------------------------------ */

static bool next_block(struct scan *s, struct block *out)
{
    struct ts_slice line;
    while (take_line(&s->rest, &line)) {
        struct fence f;
        struct ts_slice path;
        size_t tag = 0;
        struct ts_slice text = ts_slice_trim(line);
        *out = (struct block){.before = s->before};
        if (opens(line, &f)) {
            out->info = f.info;
            out->content = take_fenced(s, &f);
            s->before = (struct ts_slice){0};
            return true;
        }
        if (opens_element(line, &path, &tag)) {
            out->info = path;
            out->named = true;
            out->content = take_element(s, text.at + tag);
            s->before = (struct ts_slice){0};
            return true;
        }
        if (text.len > 0)
            s->before = text;
    }
    return false;
}

/* -- names ------------------------------------------------------------------------------------- */

/* A name of a file, not just any word: it ends in a dot and a known ending. */
static bool is_name(struct ts_slice s)
{
    return s.len > 0 && memchr(s.at, ' ', s.len) == NULL && ts_file_path_fault(s) == NULL &&
           strcmp(ts_file_type(s), "other") != 0;
}

static struct ts_slice without(struct ts_slice s, const char *characters)
{
    while (s.len > 0 && strchr(characters, s.at[0]) != NULL && s.at[0] != '\0') {
        s.at++;
        s.len--;
    }
    while (s.len > 0 && strchr(characters, s.at[s.len - 1]) != NULL && s.at[s.len - 1] != '\0')
        s.len--;
    return s;
}

/* "./src/App.jsx" is meant as "src/App.jsx". */
static struct ts_slice plain(struct ts_slice s)
{
    s = without(s, " \t*`#\"'():;,");
    return begins(s, "./") ? (struct ts_slice){s.at + 2, s.len - 2} : s;
}

/* The last word of a line that is a name. */
static struct ts_slice name_in(struct ts_slice line)
{
    struct ts_slice found = {0};
    while (line.len > 0) {
        const char *space = memchr(line.at, ' ', line.len);
        size_t n = space != NULL ? (size_t)(space - line.at) : line.len;
        struct ts_slice word = plain((struct ts_slice){line.at, n});
        if (is_name(word))
            found = word;
        size_t skip = space != NULL ? n + 1 : n;
        line.at += skip;
        line.len -= skip;
    }
    return found;
}

static struct ts_slice language_of(struct ts_slice info)
{
    size_t n = 0;
    while (n < info.len && strchr(" \t:{,", info.at[n]) == NULL)
        n++;
    return (struct ts_slice){info.at, n};
}

static struct ts_slice name_of_info(struct ts_slice info)
{
    static const char *const attributes[] = {"title", "filename", "file", "path", "name"};
    for (size_t i = 0; i < TS_ARRAY_LEN(attributes); i++) {
        struct ts_slice value = plain(attribute(info, attributes[i]));
        if (is_name(value))
            return value;
    }
    struct ts_slice language = language_of(info);
    struct ts_slice rest = {info.at + language.len, info.len - language.len};
    struct ts_slice behind = name_in(rest);
    return behind.len > 0 ? behind : is_name(plain(info)) ? plain(info) : behind;
}

/* A first line that is a comment with a name and nothing else. */
static struct ts_slice name_in_comment(struct ts_slice content)
{
    static const char *const marks[] = {"//", "/*", "<!--", "#", "--"};
    struct ts_slice line;
    if (!take_line(&content, &line))
        return (struct ts_slice){0};
    line = ts_slice_trim(line);
    for (size_t i = 0; i < TS_ARRAY_LEN(marks); i++) {
        if (!begins(line, marks[i]))
            continue;
        struct ts_slice text = without(line, "/*<>!-# \t");
        if (begins(text, "file:"))
            text = ts_slice_trim((struct ts_slice){text.at + 5, text.len - 5});
        else if (begins(text, "filename:"))
            text = ts_slice_trim((struct ts_slice){text.at + 9, text.len - 9});
        text = plain(text);
        if (is_name(text))
            return text;
    }
    return (struct ts_slice){0};
}

/* A heading of a file, not a sentence that speaks of one: short, and the name stands at its end. */
static struct ts_slice name_before(struct ts_slice line)
{
    struct ts_slice name = name_in(line);
    if (name.len == 0 || line.len > TS_MAX_FILE_PATH + 32)
        return (struct ts_slice){0};
    const char *end = line.at + line.len;
    struct ts_slice behind =
        plain((struct ts_slice){name.at + name.len, (size_t)(end - name.at) - name.len});
    return behind.len == 0 ? name : (struct ts_slice){0};
}

static bool is_page(struct ts_slice content)
{
    content = without(content, " \t\r\n");
    return begins(content, "<!doctype html") || begins(content, "<html") ||
           begins(content, "<body") || begins(content, "<div") || begins(content, "<main");
}

static bool has(struct ts_slice s, const char *text)
{
    return s.len > 0 && memmem(s.at, s.len, text, strlen(text)) != NULL;
}

static bool is_component(struct ts_slice content)
{
    return has(content, "export default") || has(content, "from 'react'") ||
           has(content, "from \"react\"") || has(content, "className=");
}

/* What is run in a shell or printed by one. */
static bool is_no_file(struct ts_slice language)
{
    static const char *const names[] = {"bash",
                                        "sh",
                                        "shell",
                                        "zsh",
                                        "console",
                                        "terminal",
                                        "diff",
                                        "text",
                                        "plaintext",
                                        "txt",
                                        "output",
                                        "powershell",
                                        "cmd",
                                        "mermaid",
                                        "log"};
    for (size_t i = 0; i < TS_ARRAY_LEN(names); i++) {
        if (ts_slice_same_nocase(language, ts_slice_str(names[i])))
            return true;
    }
    return false;
}

/* -- the list ---------------------------------------------------------------------------------- */

static struct ts_answer_file *find(struct ts_answer_code *out, const char *path)
{
    for (int i = 0; i < out->count; i++) {
        if (strcmp(out->files[i].path, path) == 0)
            return &out->files[i];
    }
    return NULL;
}

static enum ts_err put(struct ts_answer_code *out,
                       struct ts_slice path,
                       struct ts_slice content,
                       struct ts_error *err)
{
    const char *name = ts_arena_copy(out->arena, path);
    if (name == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for the names of files");
    struct ts_answer_file *there = find(out, name);
    if (content.len > TS_MAX_CODE_FILE_BYTES ||
        (there == NULL && out->count == TS_MAX_CODE_FILES)) {
        out->dropped++;
        return TS_OK;
    }
    if (there == NULL)
        there = &out->files[out->count++];
    *there = (struct ts_answer_file){name, content};
    return TS_OK;
}

/* index.html, then index-2.html, ... */
static enum ts_err put_nameless(struct ts_answer_code *out,
                                const char *ending,
                                struct ts_slice content,
                                struct ts_error *err)
{
    static const char *const stems[][2] = {
        {"html", "index"},
        {"css", "styles"},
        {"js", "script"},
        {"jsx", "App"},
        {"tsx", "App"},
        {"vue", "App"},
        {"svelte", "App"},
        {"md", "README"},
    };
    const char *stem = "code";
    for (size_t i = 0; i < TS_ARRAY_LEN(stems); i++) {
        if (strcmp(stems[i][0], ending) == 0)
            stem = stems[i][1];
    }
    char name[48];
    (void)snprintf(name, sizeof(name), "%s.%s", stem, ending);
    for (int n = 2; find(out, name) != NULL; n++)
        (void)snprintf(name, sizeof(name), "%s-%d.%s", stem, n, ending);
    return put(out, ts_slice_str(name), content, err);
}

static const char *guess_ending(struct ts_slice content)
{
    return is_page(content) ? "html" : is_component(content) ? "jsx" : NULL;
}

static enum ts_err put_block(struct ts_answer_code *out,
                             const struct block *b,
                             struct ts_error *err)
{
    if (without(b->content, " \t\r\n").len == 0)
        return TS_OK;
    struct ts_slice language = b->named ? (struct ts_slice){0} : language_of(b->info);
    struct ts_slice name = b->named ? plain(b->info) : name_of_info(b->info);
    if (b->named && ts_file_path_fault(name) != NULL)
        name = (struct ts_slice){0};
    if (name.len == 0 && !b->named && is_no_file(language))
        return TS_OK;
    if (name.len == 0 && !b->named)
        name = name_before(b->before);
    if (name.len == 0)
        name = name_in_comment(b->content);
    if (name.len > 0)
        return put(out, name, b->content, err);
    const char *ending = ts_file_ending(language);
    if (ending == NULL)
        ending = guess_ending(b->content);
    return put_nameless(out, ending != NULL ? ending : "txt", b->content, err);
}

enum ts_err ts_answer_code(struct ts_slice text,
                           bool all,
                           struct ts_answer_code *out,
                           struct ts_error *err)
{
    struct scan s = {.rest = text};
    struct block b;
    bool any = false;
    out->count = out->dropped = 0;
    while (next_block(&s, &b)) {
        any = true;
        enum ts_err rc = put_block(out, &b, err);
        if (rc != TS_OK)
            return rc;
    }
    if (any || without(text, " \t\r\n").len == 0)
        return TS_OK;
    const char *ending = guess_ending(text);
    if (ending == NULL && all)
        ending = "txt";
    return ending != NULL ? put_nameless(out, ending, text, err) : TS_OK;
}
