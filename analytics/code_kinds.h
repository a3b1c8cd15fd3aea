/* What the nodes of the five grammars mean to a survey; all others are plain. */
#ifndef TS_ANALYTICS_CODE_KINDS_H
#define TS_ANALYTICS_CODE_KINDS_H

#include "analytics/code_quality.h"

enum ts_code_kind {
    TS_CODE_KIND_PLAIN,
    TS_CODE_KIND_ERROR,
    TS_CODE_KIND_FUNCTION,
    TS_CODE_KIND_BLOCK,
    TS_CODE_KIND_IF, /* a block, unless it continues an else */
    TS_CODE_KIND_ELSE,
    TS_CODE_KIND_ELEMENT,
    TS_CODE_KIND_TAG,      /* where an element opens */
    TS_CODE_KIND_LONE_TAG, /* an element that is nothing but its tag */
    TS_CODE_KIND_ATTRIBUTE,
    TS_CODE_KIND_BRACES, /* below a tag: attributes that are not seen */
    TS_CODE_KIND_SCRIPT,
    TS_CODE_KIND_STYLE,
    TS_CODE_KIND_RAW, /* what stands in those two */
};

/* By the name that the grammar gives the node. */
enum ts_code_kind ts_code_kind_of(enum ts_code_language l, const char *name);

#endif
