/* From the relay's record sink to the store: neither knows the other. */
#ifndef TS_SERVER_RECORDER_H
#define TS_SERVER_RECORDER_H

#include "db/store.h"
#include "proxy/relay.h"

/* ts_record_sink's record(); @ctx: the ts_store. */
void ts_recorder_record(void *ctx, struct ts_call *call, struct ts_ticket *ticket);

#endif
