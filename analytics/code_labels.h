/*
 * Pictures without an alternative text and form controls without a label, in HTML and in JSX.
 *
 * The rules are those of WCAG 2.2 1.1.1 and 4.1.2 as far as one file can show them: a label may
 * stand around its control, name its id, or be an aria-label, aria-labelledby or title. A tag that
 * takes unseen attributes ({...props}) gets the benefit of the doubt.
 */
#ifndef TS_ANALYTICS_CODE_LABELS_H
#define TS_ANALYTICS_CODE_LABELS_H

#include "analytics/code_quality.h"

enum ts_code_tag_kind {
    TS_CODE_TAG_OTHER,
    TS_CODE_TAG_PICTURE,
    TS_CODE_TAG_INPUT, /* a picture, a control or neither: its type tells */
    TS_CODE_TAG_CONTROL,
    TS_CODE_TAG_LABEL,
};

/* A tag while its attributes are read. */
struct ts_code_tag {
    uint64_t id;   /* hash of what its id says, 0 without */
    uint64_t goal; /* hash of what its for says, 0 without */
    enum ts_code_tag_kind kind;
    bool has_alt;
    bool has_name;   /* by an attribute that names it */
    bool has_unseen; /* attributes that nobody can see here */
    bool is_exempt;  /* decoration; a button that says its own name */
};

struct ts_code_labels {
    struct ts_buf goals;   /* of uint64_t: what labels are for */
    struct ts_buf waiting; /* of uint64_t: ids of controls that nothing has named yet */
};

void ts_code_labels_init(struct ts_code_labels *l);
void ts_code_labels_deinit(struct ts_code_labels *l);

/* @any_case: HTML, where IMG is img. */
struct ts_code_tag ts_code_tag_begin(struct ts_slice name, bool any_case);
void ts_code_tag_attribute(struct ts_code_tag *t, struct ts_slice name, struct ts_slice value);

/* The end of a tag. @in_label: a label stands around it. */
void ts_code_labels_tag(struct ts_code_labels *l,
                        const struct ts_code_tag *t,
                        bool in_label,
                        struct ts_code_figures *f);

/* The end of a file: counts the controls whose id no label has named. */
void ts_code_labels_finish(struct ts_code_labels *l, struct ts_code_figures *f);

#endif
