/*
 * One text, parsed and walked: what code_quality.h scores. The only place that knows the parser.
 *
 * A walk keeps one frame for each level of the tree it stands in and looks at each node once, on
 * the way in and on the way out.
 */
#ifndef TS_ANALYTICS_CODE_TREE_H
#define TS_ANALYTICS_CODE_TREE_H

#include "analytics/code_labels.h"
#include "analytics/code_quality.h"
#include "analytics/code_repeats.h"

/* A script or a style sheet inside HTML. */
struct ts_code_inset {
    enum ts_code_language language;
    uint32_t start;
    uint32_t len; /* bytes */
};

/* What one file gathers, over its own text and its insets. */
struct ts_code_survey {
    struct ts_code_figures figures;
    struct ts_code_repeats repeats;
    struct ts_code_labels labels;
    struct ts_buf insets; /* of struct ts_code_inset, found in HTML */
};

void ts_code_survey_init(struct ts_code_survey *s);
void ts_code_survey_deinit(struct ts_code_survey *s);

/* Whether there is a grammar for it in this build. */
bool ts_code_tree_reads(enum ts_code_language l);

/* Adds what stands in @len bytes of @text from @start on to @s. TS_CODE_SCORED or why not. */
enum ts_code_verdict ts_code_tree_survey(struct ts_code_survey *s,
                                         enum ts_code_language l,
                                         struct ts_slice text,
                                         struct ts_code_inset where);

#endif
