/*
 * One sync: from the database, read in small pieces, to where its copy is (server/sync_load.h).
 *
 * In this order: calls that the copy has not seen, by their ids; what changed in those it has;
 * calls that went for their age; all-time statistics. Whatever is read twice is written once.
 *
 * Thread: the main one.
 */
#ifndef TS_SERVER_SYNC_COPY_H
#define TS_SERVER_SYNC_COPY_H

#include "db/readonly.h"
#include "server/session.h"
#include "server/sync_load.h"

struct ts_sync_result {
    bool anew;       /* the copy had nothing, or nothing that could be trusted */
    int64_t calls;   /* copied by their ids */
    int64_t changes; /* rows rated, ended late, reported late, deleted */
};

/**
 * ts_sync_copy() - bring the copy up to date
 * @anew: whatever it has
 *
 * What was committed stays when it fails; the next sync goes on there. Errors: those of the
 * session, of reading and of the load.
 */
TS_NODISCARD enum ts_err ts_sync_copy(struct ts_session *session,
                                      struct ts_readonly *db,
                                      struct ts_sync_load *load,
                                      bool anew,
                                      struct ts_sync_result *out,
                                      struct ts_error *err);

#endif
