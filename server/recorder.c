#include "server/recorder.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

enum { LINE_SIZE = 128 };

struct entry {
    struct ts_store_job job;
    struct ts_deferred handing_over;
    struct ts_store *store;
    struct ts_call *call;
    struct ts_ticket *ticket;
    char line[LINE_SIZE]; /* for the debug log; the call itself is gone by then */
};

static void give_back(struct ts_ticket *ticket, enum ts_recorded result)
{
    ticket->result = result;
    ticket->post.fn(&ticket->post);
}

/* Thread: the loop's that recorded. */
static void on_settled(struct ts_post *p)
{
    struct entry *entry = TS_CONTAINER(p, struct entry, job.post);
    struct ts_ticket *ticket = entry->ticket;
    enum ts_recorded result = entry->job.spooled ? TS_RECORDED_SPOOLED : TS_RECORDED_COMMITTED;
    if (entry->job.result != TS_OK) {
        ts_log(TS_LOG_ERROR, "a call could not be recorded: %s", entry->job.error.text);
        result = TS_RECORDED_LOST;
    } else if (ts_log_enabled(TS_LOG_DEBUG)) {
        ts_log(TS_LOG_DEBUG, "[PerformanceTracking] Logged metrics: %s", entry->line);
    }
    free(entry);
    give_back(ticket, result);
}

/* At the end of the turn, when the turn's tokens are with the sockets: waking the writer first
 * would let it have the processor before the clients have their bytes. */
static void hand_over(struct ts_deferred *d)
{
    struct entry *entry = TS_CONTAINER(d, struct entry, handing_over);
    ts_store_record(entry->store, entry->call, &entry->job);
}

void ts_recorder_record(void *ctx, struct ts_call *call, struct ts_ticket *ticket)
{
    struct entry *entry = calloc(1, sizeof(*entry));
    if (entry == NULL) { /* back by the mailbox: nobody expects the ticket before this returns */
        ts_call_free(call);
        ticket->result = TS_RECORDED_LOST;
        ts_poller_post(ticket->home, &ticket->post);
        return;
    }
    const char *complexity = ts_complexity_name(call->complexity);
    (void)snprintf(entry->line,
                   sizeof(entry->line),
                   "%lldms, %s, %s",
                   (long long)(call->phases.total_us / 1000),
                   call->task_type != NULL ? call->task_type : "unknown",
                   complexity != NULL ? complexity : "unknown");
    entry->ticket = ticket;
    entry->job.home = ticket->home;
    entry->job.post.fn = on_settled;
    entry->store = ctx;
    entry->call = call;
    entry->handing_over.fn = hand_over;
    ts_poller_defer(ticket->home, &entry->handing_over);
}
