/* compare=previous: what changed since the window before, beside the figures of this one. */
#ifndef TS_HANDLERS_CHANGE_H
#define TS_HANDLERS_CHANGE_H

#include "handlers/figures.h"

/*
 * Puts two members into @at: "previous", the figures @then (null: there were no calls then), and
 * "deltas", of every number in both the difference to @now; null where one side does not know it.
 * Takes @then. False without memory.
 */
TS_NODISCARD bool ts_change_put(json_t *at, const json_t *now, json_t *then);

/* The same for every group of a list that ts_groups_json() made; @before: the groups of the window
 * before, by the same dimensions, time not among them. */
TS_NODISCARD bool ts_changes_put(json_t *list, struct ts_groups before, unsigned dimensions);

#endif
