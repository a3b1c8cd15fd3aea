#include "analytics/file_path.h"

#include "base/attr.h"
#include "base/limits.h"
#include "base/utf8.h"

/* -- what is taken ----------------------------------------------------------------------------- */

static const char *part_fault(struct ts_slice part)
{
    if (part.len == 0)
        return "must not have empty parts (// or a slash at its beginning or end)";
    if (ts_slice_is(part, ".") || ts_slice_is(part, ".."))
        return "must not have . or .. in it";
    return NULL;
}

static const char *character_fault(struct ts_slice path)
{
    bool first_part = true;
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.at[i];
        if (c < 0x20 || c == 0x7f)
            return "must not have control characters in it";
        if (c == '\\')
            return "must not have backslashes in it; parts are separated by /";
        if (c == ':' && first_part)
            return "must be relative: no drive and no scheme";
        first_part = first_part && c != '/';
    }
    return NULL;
}

const char *ts_file_path_fault(struct ts_slice path)
{
    if (path.len == 0)
        return "must not be empty";
    if (path.len > TS_MAX_FILE_PATH)
        return "must not be longer than 255 bytes";
    if (!ts_utf8_valid(path.at, path.len))
        return "must be UTF-8";
    if (path.at[0] == '/')
        return "must be relative: no slash at its beginning";
    const char *fault = character_fault(path);
    while (fault == NULL) {
        const char *slash = memchr(path.at, '/', path.len);
        size_t n = slash != NULL ? (size_t)(slash - path.at) : path.len;
        fault = part_fault((struct ts_slice){path.at, n});
        if (slash == NULL)
            break;
        path.at += n + 1;
        path.len -= n + 1;
    }
    return fault;
}

/* -- what it says ------------------------------------------------------------------------------ */

/* The first ending of a type is the one that files without a name get. */
static const struct {
    const char *ending;
    const char *type;
    const char *language; /* in fences, besides the ending and the type */
} kinds[] = {
    {"html", "html", "xhtml"},
    {"htm", "html", NULL},
    {"css", "css", NULL},
    {"scss", "scss", "sass"},
    {"less", "less", NULL},
    {"js", "javascript", "node"},
    {"mjs", "javascript", NULL},
    {"cjs", "javascript", NULL},
    {"jsx", "jsx", "react"},
    {"ts", "typescript", NULL},
    {"mts", "typescript", NULL},
    {"tsx", "tsx", NULL},
    {"vue", "vue", NULL},
    {"svelte", "svelte", NULL},
    {"json", "json", "jsonc"},
    {"md", "markdown", NULL},
    {"mdx", "markdown", NULL},
    {"svg", "svg", NULL},
    {"xml", "xml", NULL},
    {"yaml", "yaml", NULL},
    {"yml", "yaml", NULL},
    {"toml", "toml", NULL},
    {"py", "python", NULL},
    {"php", "php", NULL},
    {"rb", "ruby", NULL},
    {"go", "go", "golang"},
    {"rs", "rust", NULL},
    {"java", "java", NULL},
    {"c", "c", NULL},
    {"sql", "sql", NULL},
    {"graphql", "graphql", NULL},
    {"astro", "astro", NULL},
};

static bool is_word(struct ts_slice s, const char *word)
{
    return word != NULL && ts_slice_same_nocase(s, ts_slice_str(word));
}

const char *ts_file_type(struct ts_slice path)
{
    struct ts_slice ending = {.at = path.at + path.len, .len = 0};
    while (ending.len < path.len && ending.at[-1] != '.' && ending.at[-1] != '/') {
        ending.at--;
        ending.len++;
    }
    bool dotted = ending.len < path.len && ending.at[-1] == '.';
    for (size_t i = 0; dotted && i < TS_ARRAY_LEN(kinds); i++) {
        if (is_word(ending, kinds[i].ending))
            return kinds[i].type;
    }
    return "other";
}

bool ts_file_is_component(const char *type)
{
    static const char *const types[] = {"jsx", "tsx", "vue", "svelte"};
    for (size_t i = 0; i < TS_ARRAY_LEN(types); i++) {
        if (strcmp(type, types[i]) == 0)
            return true;
    }
    return false;
}

const char *ts_file_ending(struct ts_slice language)
{
    for (size_t i = 0; i < TS_ARRAY_LEN(kinds); i++) {
        if (is_word(language, kinds[i].ending) || is_word(language, kinds[i].type) ||
            is_word(language, kinds[i].language))
            return kinds[i].ending;
    }
    return NULL;
}

size_t ts_lines_of_code(struct ts_slice content)
{
    size_t lines = 0;
    bool blank = true;
    for (size_t i = 0; i < content.len; i++) {
        char c = content.at[i];
        if (c == '\n')
            blank = true;
        else if (blank && c != ' ' && c != '\t' && c != '\r' && c != '\f' && c != '\v') {
            blank = false;
            lines++;
        }
    }
    return lines;
}
