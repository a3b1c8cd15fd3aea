/*
 * A command's way to the database, for those that only read: beside a running server or without
 * one, and nobody has to be asked. (server/session.h is for those that write.)
 *
 * Thread: the main one.
 */
#ifndef TS_SERVER_READING_H
#define TS_SERVER_READING_H

#include "analytics/best.h"
#include "analytics/insights.h"
#include "db/readonly.h"
#include "server/options.h"

struct ts_reading;

/* Errors: those of ts_command_config() and ts_readonly_open(). */
TS_NODISCARD enum ts_err ts_reading_open(const struct ts_options *o,
                                         struct ts_reading **out,
                                         struct ts_error *err);
void ts_reading_close(struct ts_reading *r);
TS_DEFINE_AUTO(ts_reading_auto, struct ts_reading, ts_reading_close)

/* Borrowed. */
struct ts_readonly *ts_reading_db(const struct ts_reading *r);
const char *ts_reading_path(const struct ts_reading *r);

/* Which providers are local, as the server with the same configuration would say. */
struct ts_locality ts_reading_locality(const struct ts_reading *r);

/* From where on insights are told. */
struct ts_insight_limits ts_reading_limits(const struct ts_reading *r);

#endif
