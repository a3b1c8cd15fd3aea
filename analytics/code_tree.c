/* The survey of one text. See code_tree.h. */
#include "analytics/code_tree.h"

#include <pthread.h>
#include <tree_sitter/api.h>

#include "analytics/code_kinds.h"
#include "analytics/code_tree_pool.h"

enum { MAX_SYMBOLS = 1024 };

/* X(language, what the grammar exports) */
#define GRAMMARS(X)                                                                                \
    X(HTML, tree_sitter_html)                                                                      \
    X(CSS, tree_sitter_css)                                                                        \
    X(JAVASCRIPT, tree_sitter_javascript)                                                          \
    X(TYPESCRIPT, tree_sitter_typescript)                                                          \
    X(TSX, tree_sitter_tsx)

#define X(id, grammar) const TSLanguage *grammar(void);
GRAMMARS(X)
#undef X

/* A node that the walk stands in or below. */
struct frame {
    uint64_t hash;   /* of the tokens so far */
    uint32_t leaves; /* tokens so far */
    uint32_t blocks; /* how deep, this node included */
    uint32_t functions;
    uint32_t elements;
    enum ts_code_kind kind;
    enum ts_code_language inset; /* of a script or style: what it is written in */
    bool in_error;
    bool in_label;
    bool is_extra; /* a comment */
    struct ts_code_tag tag;
};

/* The kinds of a grammar's symbols. */
struct kind_table {
    uint8_t kinds[MAX_SYMBOLS];
    size_t count;
};

struct walk {
    struct ts_code_survey *survey;
    enum ts_code_language language;
    struct ts_slice text;
    uint32_t base; /* where the text starts in its file, bytes */
    const struct kind_table *kinds;
    struct ts_code_pool pool;
    struct ts_buf frames;
    TSTreeCursor cursor;
};

static struct frame *frame_at(const struct walk *w, size_t depth)
{
    struct frame *frames = (struct frame *)(void *)w->frames.data;
    size_t count = w->frames.len / sizeof(*frames);
    return depth < count ? &frames[count - 1 - depth] : NULL;
}

static struct ts_slice node_text(const struct walk *w, TSNode n)
{
    if (ts_node_is_null(n))
        return (struct ts_slice){.at = "", .len = 0};
    uint32_t start = ts_node_start_byte(n);
    return (struct ts_slice){.at = w->text.at + start, .len = ts_node_end_byte(n) - start};
}

static enum ts_code_kind kind_of(const struct walk *w, TSNode n)
{
    TSSymbol symbol = ts_node_symbol(n);
    if (symbol < w->kinds->count)
        return (enum ts_code_kind)w->kinds->kinds[symbol];
    return TS_CODE_KIND_ERROR; /* the parser's own symbol, outside every grammar's */
}

static void keep_most(uint32_t *most, uint32_t v)
{
    if (v > *most)
        *most = v;
}

static void count_error(const struct walk *w, struct frame *f, TSNode n)
{
    struct ts_code_figures *figures = &w->survey->figures;
    bool is_error = f->kind == TS_CODE_KIND_ERROR || ts_node_is_missing(n);
    if (!is_error || f->in_error)
        return;
    f->in_error = true;
    figures->errors++;
    figures->error_bytes += ts_node_end_byte(n) - ts_node_start_byte(n);
}

static void enter_function(const struct walk *w, struct frame *f, TSNode n)
{
    f->blocks = 0;
    f->functions++;
    uint32_t lines = ts_node_end_point(n).row - ts_node_start_point(n).row + 1;
    keep_most(&w->survey->figures.function_lines, lines);
}

static void enter_tag(const struct walk *w, struct frame *f, TSNode n)
{
    f->tag =
        ts_code_tag_begin(node_text(w, ts_node_named_child(n, 0)), w->language == TS_CODE_HTML);
}

static void enter_kind(const struct walk *w, struct frame *f, struct frame *parent, TSNode n)
{
    switch (f->kind) {
    case TS_CODE_KIND_FUNCTION:
        enter_function(w, f, n);
        return;
    case TS_CODE_KIND_IF:
        f->blocks += parent != NULL && parent->kind == TS_CODE_KIND_ELSE ? 0 : 1;
        return;
    case TS_CODE_KIND_BLOCK:
        f->blocks++;
        return;
    case TS_CODE_KIND_ELEMENT:
        f->elements++;
        return;
    case TS_CODE_KIND_LONE_TAG:
        f->elements++;
        enter_tag(w, f, n);
        return;
    case TS_CODE_KIND_TAG:
        enter_tag(w, f, n);
        return;
    case TS_CODE_KIND_BRACES:
        if (parent != NULL &&
            (parent->kind == TS_CODE_KIND_TAG || parent->kind == TS_CODE_KIND_LONE_TAG))
            parent->tag.has_unseen = true;
        return;
    case TS_CODE_KIND_SCRIPT:
        f->inset = TS_CODE_JAVASCRIPT;
        return;
    case TS_CODE_KIND_STYLE:
        f->inset = TS_CODE_CSS;
        return;
    case TS_CODE_KIND_PLAIN:
    case TS_CODE_KIND_ERROR:
    case TS_CODE_KIND_ELSE:
    case TS_CODE_KIND_ATTRIBUTE:
    case TS_CODE_KIND_RAW:
        return;
    }
}

static void enter(struct walk *w)
{
    TSNode n = ts_tree_cursor_current_node(&w->cursor);
    struct frame *parent = frame_at(w, 0);
    struct frame f = {
        .kind = kind_of(w, n), .is_extra = ts_node_is_extra(n), .inset = TS_CODE_LANGUAGE_COUNT_};
    if (parent != NULL) {
        f.blocks = parent->blocks;
        f.functions = parent->functions;
        f.elements = parent->elements;
        f.in_error = parent->in_error;
        f.in_label = parent->in_label;
    }
    f.hash = ts_code_hash(ts_node_symbol(n) + 1U, NULL, 0);
    enter_kind(w, &f, parent, n);
    count_error(w, &f, n);
    struct ts_code_figures *figures = &w->survey->figures;
    keep_most(&figures->blocks, f.blocks);
    keep_most(&figures->functions, f.functions);
    keep_most(&figures->elements, f.elements);
    ts_buf_put(&w->frames, &f, sizeof(f));
}

/* What a script or a style says that it is written in. */
static void take_inset_type(struct frame *holder, struct ts_slice value)
{
    static const struct {
        const char *type;
        enum ts_code_language language;
    } types[] = {{"", TS_CODE_JAVASCRIPT},
                 {"module", TS_CODE_JAVASCRIPT},
                 {"text/javascript", TS_CODE_JAVASCRIPT},
                 {"application/javascript", TS_CODE_JAVASCRIPT},
                 {"text/babel", TS_CODE_JAVASCRIPT},
                 {"text/jsx", TS_CODE_JAVASCRIPT},
                 {"text/typescript", TS_CODE_TYPESCRIPT},
                 {"text/css", TS_CODE_CSS}};
    holder->inset = TS_CODE_LANGUAGE_COUNT_; /* a template, data: not ours to read */
    for (size_t i = 0; i < TS_ARRAY_LEN(types); i++) {
        if (ts_slice_same_nocase(value, ts_slice_str(types[i].type)))
            holder->inset = types[i].language;
    }
}

static struct ts_slice unquote(struct ts_slice s)
{
    bool is_quoted =
        s.len >= 2 && (s.at[0] == '"' || s.at[0] == '\'') && s.at[s.len - 1] == s.at[0];
    return is_quoted ? (struct ts_slice){.at = s.at + 1, .len = s.len - 2} : s;
}

/* An attribute has ended: its name comes first, its value last. */
static void leave_attribute(struct walk *w, TSNode n)
{
    struct frame *tag = frame_at(w, 1);
    struct frame *holder = frame_at(w, 2);
    uint32_t children = ts_node_named_child_count(n);
    if (tag == NULL || children == 0)
        return;
    struct ts_slice name = node_text(w, ts_node_named_child(n, 0));
    struct ts_slice value = children > 1
                                ? unquote(node_text(w, ts_node_named_child(n, children - 1)))
                                : (struct ts_slice){.at = "", .len = 0};
    ts_code_tag_attribute(&tag->tag, name, value);
    bool is_inset = holder != NULL &&
                    (holder->kind == TS_CODE_KIND_SCRIPT || holder->kind == TS_CODE_KIND_STYLE);
    if (is_inset && ts_slice_same_nocase(name, TS_SLICE_LIT("type")))
        take_inset_type(holder, value);
}

static void leave_raw(struct walk *w, TSNode n)
{
    const struct frame *holder = frame_at(w, 1);
    if (holder == NULL || holder->inset == TS_CODE_LANGUAGE_COUNT_)
        return;
    struct ts_code_inset inset = {.language = holder->inset,
                                  .start = w->base + ts_node_start_byte(n),
                                  .len = ts_node_end_byte(n) - ts_node_start_byte(n)};
    ts_buf_put(&w->survey->insets, &inset, sizeof(inset));
}

static void leave_tag(struct walk *w, const struct frame *f)
{
    struct ts_code_survey *s = w->survey;
    ts_code_labels_tag(&s->labels, &f->tag, f->in_label, &s->figures);
    struct frame *element = frame_at(w, 1);
    if (f->kind == TS_CODE_KIND_TAG && f->tag.kind == TS_CODE_TAG_LABEL && element != NULL)
        element->in_label = true;
}

/* The node's tokens become part of its parent's. */
static void leave_tokens(struct walk *w, const struct frame *f, TSNode n)
{
    struct frame *parent = frame_at(w, 1);
    if (f->is_extra)
        return;
    if (f->leaves >= TS_CODE_REPEAT_LEAVES)
        ts_code_repeats_add(&w->survey->repeats,
                            f->hash,
                            w->base + ts_node_start_byte(n),
                            w->base + ts_node_end_byte(n));
    if (parent == NULL || f->leaves == 0)
        return;
    parent->leaves += f->leaves;
    parent->hash = ts_code_hash(parent->hash, (const char *)&f->hash, sizeof(f->hash));
}

static void leave(struct walk *w)
{
    TSNode n = ts_tree_cursor_current_node(&w->cursor);
    struct frame *f = frame_at(w, 0);
    if (ts_node_child_count(n) == 0 && ts_node_end_byte(n) > ts_node_start_byte(n)) {
        struct ts_slice token = node_text(w, n);
        f->leaves = 1;
        f->hash = ts_code_hash(f->hash, token.at, token.len);
    }
    switch (f->kind) {
    case TS_CODE_KIND_ATTRIBUTE:
        leave_attribute(w, n);
        break;
    case TS_CODE_KIND_RAW:
        leave_raw(w, n);
        break;
    case TS_CODE_KIND_TAG:
    case TS_CODE_KIND_LONE_TAG:
        leave_tag(w, f);
        break;
    case TS_CODE_KIND_PLAIN:
    case TS_CODE_KIND_ERROR:
    case TS_CODE_KIND_FUNCTION:
    case TS_CODE_KIND_BLOCK:
    case TS_CODE_KIND_IF:
    case TS_CODE_KIND_ELSE:
    case TS_CODE_KIND_ELEMENT:
    case TS_CODE_KIND_BRACES:
    case TS_CODE_KIND_SCRIPT:
    case TS_CODE_KIND_STYLE:
        break;
    }
    leave_tokens(w, f, n);
    w->frames.len -= sizeof(*f);
}

/* From one node to the next in the order of the text; false at the end. */
static bool advance(struct walk *w)
{
    if (ts_tree_cursor_goto_first_child(&w->cursor))
        return true;
    leave(w);
    while (!ts_tree_cursor_goto_next_sibling(&w->cursor)) {
        if (!ts_tree_cursor_goto_parent(&w->cursor))
            return false;
        leave(w);
    }
    return true;
}

static enum ts_code_verdict walk_tree(struct walk *w)
{
    do {
        enter(w);
        if (w->frames.error == TS_ERR_BODY_TOO_LARGE)
            return TS_CODE_TOO_DEEP;
        if (!ts_buf_ok(&w->frames))
            return TS_CODE_NO_MEMORY;
    } while (advance(w));
    return TS_CODE_SCORED;
}

static const TSLanguage *grammar_of(enum ts_code_language l)
{
    switch (l) {
#define X(id, grammar)                                                                             \
    case TS_CODE_##id:                                                                             \
        return grammar();
        GRAMMARS(X)
#undef X
    case TS_CODE_LANGUAGE_COUNT_:
        break;
    }
    return NULL;
}

/* Made at the first text, never changed after. */
static struct kind_table kind_tables[TS_CODE_LANGUAGE_COUNT_];
static pthread_once_t kinds_made = PTHREAD_ONCE_INIT;

static void make_kinds(void)
{
    for (int l = 0; l < TS_CODE_LANGUAGE_COUNT_; l++) {
        const TSLanguage *grammar = grammar_of((enum ts_code_language)l);
        struct kind_table *t = &kind_tables[l];
        size_t n = ts_language_symbol_count(grammar);
        t->count = n < MAX_SYMBOLS ? n : MAX_SYMBOLS;
        for (size_t i = 0; i < t->count; i++) {
            TSSymbol symbol = (TSSymbol)i;
            if (ts_language_symbol_type(grammar, symbol) == TSSymbolTypeRegular)
                t->kinds[i] = (uint8_t)ts_code_kind_of((enum ts_code_language)l,
                                                       ts_language_symbol_name(grammar, symbol));
        }
    }
}

bool ts_code_tree_reads(enum ts_code_language l)
{
    return grammar_of(l) != NULL;
}

/* Nothing is deleted: the pool is dropped. */
static enum ts_code_verdict parse_and_walk(struct walk *w)
{
    TSParser *parser = ts_parser_new();
    if (!ts_parser_set_language(parser, grammar_of(w->language)))
        return TS_CODE_NO_GRAMMAR;
    /* Whole seconds: 0.20.7 does not carry from its nanoseconds, and would end some parses early.
     */
    ts_parser_set_timeout_micros(parser, TS_CODE_TIMEOUT_S * (uint64_t)1000000);
    const TSTree *tree = ts_parser_parse_string(parser, NULL, w->text.at, (uint32_t)w->text.len);
    if (tree == NULL)
        return TS_CODE_TOO_SLOW;
    w->pool.block_max =
        TS_CODE_POOL_BYTES; /* the cursor's own list, which is as long as the tree is deep */
    w->cursor = ts_tree_cursor_new(ts_tree_root_node(tree));
    return walk_tree(w);
}

/* A function of its own: a jump leaves a function's own variables unknown. */
static enum ts_code_verdict run_in_pool(struct walk *w)
{
    if (setjmp(w->pool.out) != 0)
        return w->pool.why;
    return parse_and_walk(w);
}

enum ts_code_verdict ts_code_tree_survey(struct ts_code_survey *s,
                                         enum ts_code_language l,
                                         struct ts_slice text,
                                         struct ts_code_inset where)
{
    (void)pthread_once(&kinds_made, make_kinds);
    struct walk w = {.survey = s,
                     .language = l,
                     .text = {.at = text.at + where.start, .len = where.len},
                     .base = where.start,
                     .kinds = &kind_tables[l],
                     .pool = {.block_max = TS_CODE_POOL_BLOCK_BYTES},
                     .frames = TS_BUF_INIT(sizeof(struct frame) * TS_CODE_MAX_DEPTH)};
    ts_code_pool_open(&w.pool);
    enum ts_code_verdict verdict = run_in_pool(&w);
    ts_code_pool_close(&w.pool);
    ts_buf_free(&w.frames);
    return verdict;
}
