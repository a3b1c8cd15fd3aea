#include "proxy/event.h"

#include <assert.h>

static const char *const finish_names[] = {
#define X(id, name) [TS_FINISH_##id] = name,
    TS_FINISH_TABLE(X)
#undef X
};

const char *ts_finish_name(enum ts_finish f)
{
    assert(f < TS_FINISH_COUNT_);
    return finish_names[f];
}
