#include "handlers/call_columns.h"

#include <stddef.h>

static const struct ts_call_column_info columns[] = {
#define X(id, json, csv, type, row)                                                                \
    [TS_COLUMN_ID_##id] = {json, csv, TS_COLUMN_##type, offsetof(struct ts_call_row, row)},
    TS_CALL_COLUMN_TABLE(X)
#undef X
};

const struct ts_call_column_info *ts_call_column(enum ts_call_column c)
{
    return &columns[c];
}

enum ts_call_column ts_call_column_find(struct ts_slice name)
{
    int i = 0;
    while (i < TS_CALL_COLUMN_COUNT_ && !ts_slice_is(name, columns[i].member) &&
           !ts_slice_is(name, columns[i].column))
        i++;
    return (enum ts_call_column)i;
}
