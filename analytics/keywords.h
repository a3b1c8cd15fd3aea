/*
 * The words by which the classifier knows a kind of work. Data only; classify.c has the rules.
 *
 * Words are matched in text that was folded to lower case, with every run of spaces and punctuation
 * as one space (letters, digits, '_', '+', '#' and non-ASCII bytes stay). A word begins where a
 * word of the text begins; a '*' at its end, behind three bytes at least, lets it end anywhere.
 */
#ifndef TS_ANALYTICS_KEYWORDS_H
#define TS_ANALYTICS_KEYWORDS_H

#include "analytics/classify.h"

struct ts_keyword {
    const char *text;
    enum ts_task task;
    int weight; /* towards the task */
    int effort; /* towards complex; negative towards simple */
};

extern const struct ts_keyword ts_keywords[];
extern const int ts_keyword_count;

#endif
