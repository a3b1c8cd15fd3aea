/*
 * The quality of generated code from its syntax tree: 0-100, with what took points from it.
 *
 * A file starts at 100. Each part below measures one thing, says its figure and takes at most what
 * stands beside it. What a part cannot look at (labels in a style sheet) takes nothing. Formula and
 * reasons: docs/code-quality.md. A file that cannot be judged has no score; why is told, and it is
 * never 0.
 *
 * Pure and bounded: the same text gives the same score, unless the parser's time runs out. Nothing
 * recurses over the tree. Scripts and styles inside HTML are read with their own grammars.
 */
#ifndef TS_ANALYTICS_CODE_QUALITY_H
#define TS_ANALYTICS_CODE_QUALITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum {
    TS_CODE_MAX_BYTES = 256 * 1024, /* of one file; larger ones have no score */
    TS_CODE_MAX_DEPTH = 10000,      /* of a syntax tree */
    TS_CODE_TIMEOUT_S = 1,          /* of one parse */
};

/* X(enum suffix, name) */
#define TS_CODE_LANGUAGE_TABLE(X)                                                                  \
    X(HTML, "html")                                                                                \
    X(CSS, "css")                                                                                  \
    X(JAVASCRIPT, "javascript")                                                                    \
    X(TYPESCRIPT, "typescript")                                                                    \
    X(TSX, "tsx")

enum ts_code_language {
#define X(id, name) TS_CODE_##id,
    TS_CODE_LANGUAGE_TABLE(X)
#undef X
        TS_CODE_LANGUAGE_COUNT_ /* also: none of them */
};

/* X(enum suffix, name in JSON, points that it takes at most) */
#define TS_CODE_PART_TABLE(X)                                                                      \
    X(ERRORS, "parseErrors", 40)                                                                   \
    X(NESTING, "nesting", 20)                                                                      \
    X(LENGTH, "length", 15)                                                                        \
    X(REPEATS, "duplication", 15)                                                                  \
    X(LABELS, "labels", 10)

enum ts_code_part {
#define X(id, name, most) TS_CODE_PART_##id,
    TS_CODE_PART_TABLE(X)
#undef X
        TS_CODE_PART_COUNT_
};

/* X(enum suffix, why there is no score; for people) */
#define TS_CODE_VERDICT_TABLE(X)                                                                   \
    X(SCORED, "scored")                                                                            \
    X(UNKNOWN_TYPE, "no grammar reads files of this type")                                         \
    X(NO_GRAMMAR, "touchstone was built without the grammars")                                     \
    X(EMPTY, "there is nothing in it")                                                             \
    X(NOT_TEXT, "it holds zero bytes, so it is no text")                                           \
    X(TOO_LARGE, "it is larger than 256 KiB")                                                      \
    X(TOO_DEEP, "its syntax tree is deeper than 10000 levels")                                     \
    X(TOO_SLOW, "reading it took more than a second")                                              \
    X(TOO_COSTLY,                                                                                  \
      "its syntax tree needs more than 64 MiB, or has more than 65535 nodes side by side")         \
    X(NO_MEMORY, "there was not enough memory")

enum ts_code_verdict {
#define X(id, text) TS_CODE_##id,
    TS_CODE_VERDICT_TABLE(X)
#undef X
};

/* What was counted. Zeroed is "nothing seen". Sums and largest values, so that files add up. */
struct ts_code_figures {
    int64_t bytes;
    int64_t errors;          /* places that do not follow the grammar, outermost only */
    int64_t error_bytes;     /* inside them */
    int64_t repeated_bytes;  /* inside later copies of an earlier part of the same file */
    int64_t pictures;        /* that need an alternative text */
    int64_t pictures_bare;   /* and have none */
    int64_t controls;        /* of forms, that need a label */
    int64_t controls_bare;   /* and have none */
    uint32_t lines;          /* of the longest file */
    uint32_t function_lines; /* of the longest function */
    uint32_t blocks;    /* deepest: if, for, try and the like within one function; blocks of CSS */
    uint32_t functions; /* deepest: functions within functions */
    uint32_t elements;  /* deepest: elements within elements */
};

/* Of a file, or of a site: there score and points are means weighted by bytes. Zeroed: no file. */
struct ts_code_quality {
    int64_t files;
    double score;                       /* 0-100; means nothing while files is 0 */
    double points[TS_CODE_PART_COUNT_]; /* taken by each part; with the score they make 100 */
    struct ts_code_figures figures;
};

const char *ts_code_language_name(enum ts_code_language l);
const char *ts_code_part_name(enum ts_code_part p);
double ts_code_part_most(enum ts_code_part p);
const char *ts_code_verdict_text(enum ts_code_verdict v);

/* Told by the ending of the name, TS_CODE_LANGUAGE_COUNT_ for all others. */
enum ts_code_language ts_code_language_of(struct ts_slice path);

/* Whether this build can read it. */
bool ts_code_has_grammar(enum ts_code_language l);

/**
 * ts_code_score() - judge one file
 * @path: its name; only the ending counts
 * @text: its content, borrowed for the call; may be anything
 * @q:    written when scored, else left alone
 *
 * Thread: any. Time: about 0.1 s for a megabyte, at most a few seconds; never on a loop. The
 * parser's library ends the process when it gets no memory at all.
 */
enum ts_code_verdict ts_code_score(struct ts_slice path,
                                   struct ts_slice text,
                                   struct ts_code_quality *q);

/* Adds a scored file to a site. */
void ts_code_add(struct ts_code_quality *site, const struct ts_code_quality *file);

/* What the part found, as a sentence without its full stop: "2 places do not follow the grammar".
 */
void ts_code_explain(const struct ts_code_quality *q, enum ts_code_part p, struct ts_buf *out);

#endif
