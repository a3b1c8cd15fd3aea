#include "proxy/budget.h"

void ts_budget_call(struct ts_budget *b, int64_t now_us)
{
    ts_window_add(&b->calls, now_us, (struct ts_window_count){.all = 1});
}

bool ts_budget_retry(struct ts_budget *b, int64_t now_us)
{
    struct ts_window_count n = ts_window_sum(&b->calls, now_us);
    int allowed = (n.all - n.marked) * TS_BUDGET_PERCENT / 100;
    if (n.marked >= (allowed > TS_BUDGET_LEAST ? allowed : TS_BUDGET_LEAST))
        return false;
    ts_window_add(&b->calls, now_us, (struct ts_window_count){.marked = 1});
    return true;
}
