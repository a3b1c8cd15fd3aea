/* In place of code_tree.c where a build has no grammars: nothing is read, so nothing is scored. */
#include "analytics/code_tree.h"

bool ts_code_tree_reads(enum ts_code_language l)
{
    (void)l;
    return false;
}

enum ts_code_verdict ts_code_tree_survey(struct ts_code_survey *s,
                                         enum ts_code_language l,
                                         struct ts_slice text,
                                         struct ts_code_inset where)
{
    (void)s;
    (void)l;
    (void)text;
    (void)where;
    return TS_CODE_NO_GRAMMAR;
}
