#include "analytics/code_quality.h"

#include <stdlib.h>

#include "analytics/code_tree.h"

/* Where a part begins to take points, and where it has taken all (docs/code-quality.md). */
enum {
    MAX_BLOCKS = 4,
    MAX_FUNCTIONS = 4,
    MAX_ELEMENTS = 32,
    MAX_FUNCTION_LINES = 50,
    MAX_FILE_LINES = 300,
    LENGTH_ALL = 4, /* times the limit */
    POINTS_PER_ERROR = 10,
    POINTS_FUNCTION = 10, /* of the 15 of length */
    POINTS_FILE = 5,
};

static const double repeats_all = 0.5; /* share of the text */

const char *ts_code_language_name(enum ts_code_language l)
{
    static const char *const names[] = {
#define X(id, name) name,
        TS_CODE_LANGUAGE_TABLE(X)
#undef X
    };
    return l < TS_CODE_LANGUAGE_COUNT_ ? names[l] : "none";
}

const char *ts_code_part_name(enum ts_code_part p)
{
    static const char *const names[] = {
#define X(id, name, most) name,
        TS_CODE_PART_TABLE(X)
#undef X
    };
    return names[p];
}

double ts_code_part_most(enum ts_code_part p)
{
    static const double most[] = {
#define X(id, name, points) points,
        TS_CODE_PART_TABLE(X)
#undef X
    };
    return most[p];
}

const char *ts_code_verdict_text(enum ts_code_verdict v)
{
    static const char *const texts[] = {
#define X(id, text) text,
        TS_CODE_VERDICT_TABLE(X)
#undef X
    };
    return texts[v];
}

enum ts_code_language ts_code_language_of(struct ts_slice path)
{
    static const struct {
        const char *ending;
        enum ts_code_language language;
    } endings[] = {{".html", TS_CODE_HTML},
                   {".htm", TS_CODE_HTML},
                   {".xhtml", TS_CODE_HTML},
                   {".css", TS_CODE_CSS},
                   {".js", TS_CODE_JAVASCRIPT},
                   {".mjs", TS_CODE_JAVASCRIPT},
                   {".cjs", TS_CODE_JAVASCRIPT},
                   {".jsx", TS_CODE_JAVASCRIPT},
                   {".ts", TS_CODE_TYPESCRIPT},
                   {".mts", TS_CODE_TYPESCRIPT},
                   {".cts", TS_CODE_TYPESCRIPT},
                   {".tsx", TS_CODE_TSX}};
    for (size_t i = 0; i < TS_ARRAY_LEN(endings); i++) {
        struct ts_slice ending = ts_slice_str(endings[i].ending);
        if (path.len <= ending.len)
            continue;
        struct ts_slice tail = {.at = path.at + path.len - ending.len, .len = ending.len};
        if (ts_slice_same_nocase(tail, ending))
            return endings[i].language;
    }
    return TS_CODE_LANGUAGE_COUNT_;
}

bool ts_code_has_grammar(enum ts_code_language l)
{
    return ts_code_tree_reads(l);
}

void ts_code_survey_init(struct ts_code_survey *s)
{
    *s = (struct ts_code_survey){.insets =
                                     TS_BUF_INIT(sizeof(struct ts_code_inset) * TS_CODE_MAX_BYTES)};
    ts_code_repeats_init(&s->repeats);
    ts_code_labels_init(&s->labels);
}

void ts_code_survey_deinit(struct ts_code_survey *s)
{
    ts_code_repeats_deinit(&s->repeats);
    ts_code_labels_deinit(&s->labels);
    ts_buf_free(&s->insets);
}

/* -- the formula ------------------------------------------------------------------------------- */

static double at_most(double v, double most)
{
    return v < most ? v : most;
}

/* 0 up to the limit, 1 from @all times the limit on, straight between. */
static double excess(double v, double limit, double all)
{
    double over = v / limit - 1;
    return over <= 0 ? 0 : at_most(over / (all - 1), 1);
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static double share(int64_t part, int64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0;
}

/* How much of its most a part takes: 0-1. */
static double weigh(enum ts_code_part p, const struct ts_code_figures *f)
{
    switch (p) {
    case TS_CODE_PART_ERRORS:
        return at_most((double)f->errors * POINTS_PER_ERROR / ts_code_part_most(p) +
                           share(f->error_bytes, f->bytes),
                       1);
    case TS_CODE_PART_NESTING:
        return larger(
            excess(f->blocks, MAX_BLOCKS, 2),
            larger(excess(f->functions, MAX_FUNCTIONS, 2), excess(f->elements, MAX_ELEMENTS, 2)));
    case TS_CODE_PART_LENGTH:
        return (POINTS_FUNCTION * excess(f->function_lines, MAX_FUNCTION_LINES, LENGTH_ALL) +
                POINTS_FILE * excess(f->lines, MAX_FILE_LINES, LENGTH_ALL)) /
               (POINTS_FUNCTION + POINTS_FILE);
    case TS_CODE_PART_REPEATS:
        return at_most(share(f->repeated_bytes, f->bytes) / repeats_all, 1);
    case TS_CODE_PART_LABELS:
        return share(f->pictures_bare + f->controls_bare, f->pictures + f->controls);
    case TS_CODE_PART_COUNT_:
        break;
    }
    abort();
}

static void judge(struct ts_code_quality *q)
{
    q->score = 100;
    for (int i = 0; i < TS_CODE_PART_COUNT_; i++) {
        enum ts_code_part p = (enum ts_code_part)i;
        q->points[p] = ts_code_part_most(p) * weigh(p, &q->figures);
        q->score -= q->points[p];
    }
    q->score = larger(q->score, 0);
}

/* -- one file ---------------------------------------------------------------------------------- */

static bool is_blank(struct ts_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (memchr(" \t\r\n\f\v", text.at[i], 6) == NULL)
            return false;
    }
    return true;
}

static enum ts_code_verdict refuse(enum ts_code_language l, struct ts_slice text)
{
    if (l == TS_CODE_LANGUAGE_COUNT_)
        return TS_CODE_UNKNOWN_TYPE;
    if (!ts_code_has_grammar(l))
        return TS_CODE_NO_GRAMMAR;
    if (text.len > TS_CODE_MAX_BYTES)
        return TS_CODE_TOO_LARGE;
    if (is_blank(text))
        return TS_CODE_EMPTY;
    if (memchr(text.at, '\0', text.len) != NULL)
        return TS_CODE_NOT_TEXT;
    return TS_CODE_SCORED;
}

static uint32_t count_lines(struct ts_slice text)
{
    uint32_t lines = text.at[text.len - 1] != '\n' ? 1 : 0;
    for (size_t i = 0; i < text.len; i++)
        lines += text.at[i] == '\n' ? 1 : 0;
    return lines;
}

/* The file's own text, then the scripts and styles that were found in it. */
static enum ts_code_verdict survey_all(struct ts_code_survey *s,
                                       enum ts_code_language l,
                                       struct ts_slice text)
{
    struct ts_code_inset whole = {.language = l, .len = (uint32_t)text.len};
    enum ts_code_verdict v = ts_code_tree_survey(s, l, text, whole);
    size_t count = s->insets.len / sizeof(struct ts_code_inset);
    for (size_t i = 0; i < count && v == TS_CODE_SCORED; i++) {
        struct ts_code_inset inset =
            ((const struct ts_code_inset *)(const void *)s->insets.data)[i];
        if (!is_blank((struct ts_slice){.at = text.at + inset.start, .len = inset.len}))
            v = ts_code_tree_survey(s, inset.language, text, inset);
    }
    bool is_whole = ts_buf_ok(&s->insets) && ts_buf_ok(&s->repeats.spans) &&
                    ts_buf_ok(&s->labels.goals) && ts_buf_ok(&s->labels.waiting);
    return v == TS_CODE_SCORED && !is_whole ? TS_CODE_NO_MEMORY : v;
}

enum ts_code_verdict ts_code_score(struct ts_slice path,
                                   struct ts_slice text,
                                   struct ts_code_quality *q)
{
    TS_AUTO(ts_code_survey_deinit) struct ts_code_survey s = {.figures = {.bytes = 0}};
    enum ts_code_language l = ts_code_language_of(path);
    enum ts_code_verdict v = refuse(l, text);
    if (v != TS_CODE_SCORED)
        return v;
    ts_code_survey_init(&s);
    v = survey_all(&s, l, text);
    if (v != TS_CODE_SCORED)
        return v;
    ts_code_labels_finish(&s.labels, &s.figures);
    s.figures.bytes = (int64_t)text.len;
    s.figures.lines = count_lines(text);
    s.figures.repeated_bytes = ts_code_repeats_bytes(&s.repeats);
    *q = (struct ts_code_quality){.files = 1, .figures = s.figures};
    judge(q);
    return TS_CODE_SCORED;
}

/* -- a site ------------------------------------------------------------------------------------ */

static void keep_most(uint32_t *most, uint32_t v)
{
    if (v > *most)
        *most = v;
}

static void add_figures(struct ts_code_figures *to, const struct ts_code_figures *f)
{
    to->bytes += f->bytes;
    to->errors += f->errors;
    to->error_bytes += f->error_bytes;
    to->repeated_bytes += f->repeated_bytes;
    to->pictures += f->pictures;
    to->pictures_bare += f->pictures_bare;
    to->controls += f->controls;
    to->controls_bare += f->controls_bare;
    keep_most(&to->lines, f->lines);
    keep_most(&to->function_lines, f->function_lines);
    keep_most(&to->blocks, f->blocks);
    keep_most(&to->functions, f->functions);
    keep_most(&to->elements, f->elements);
}

void ts_code_add(struct ts_code_quality *site, const struct ts_code_quality *file)
{
    double weight = share(file->figures.bytes, site->figures.bytes + file->figures.bytes);
    site->score += (file->score - site->score) * weight;
    for (int i = 0; i < TS_CODE_PART_COUNT_; i++)
        site->points[i] += (file->points[i] - site->points[i]) * weight;
    add_figures(&site->figures, &file->figures);
    site->files += file->files;
}

static const char *plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

void ts_code_explain(const struct ts_code_quality *q, enum ts_code_part p, struct ts_buf *out)
{
    const struct ts_code_figures *f = &q->figures;
    switch (p) {
    case TS_CODE_PART_ERRORS:
        ts_buf_printf(out,
                      "%lld place%s where the text does not follow its grammar, %.1f %% of it",
                      (long long)f->errors,
                      plural(f->errors),
                      100 * share(f->error_bytes, f->bytes));
        return;
    case TS_CODE_PART_NESTING:
        ts_buf_printf(out,
                      "deepest: blocks %u (%d are allowed), functions %u (%d), elements %u (%d)",
                      f->blocks,
                      MAX_BLOCKS,
                      f->functions,
                      MAX_FUNCTIONS,
                      f->elements,
                      MAX_ELEMENTS);
        return;
    case TS_CODE_PART_LENGTH:
        ts_buf_printf(out,
                      "longest function: %u lines (%d are allowed); longest file: %u lines (%d)",
                      f->function_lines,
                      MAX_FUNCTION_LINES,
                      f->lines,
                      MAX_FILE_LINES);
        return;
    case TS_CODE_PART_REPEATS:
        ts_buf_printf(out,
                      "%.1f %% of the text stands in it before",
                      100 * share(f->repeated_bytes, f->bytes));
        return;
    case TS_CODE_PART_LABELS:
        ts_buf_printf(
            out,
            "%lld of %lld picture%s without a text, %lld of %lld form control%s without a label",
            (long long)f->pictures_bare,
            (long long)f->pictures,
            plural(f->pictures),
            (long long)f->controls_bare,
            (long long)f->controls,
            plural(f->controls));
        return;
    case TS_CODE_PART_COUNT_:
        break;
    }
    abort();
}
