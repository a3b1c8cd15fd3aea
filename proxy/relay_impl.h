/* The relay's inside, for relay*.c only. */
#ifndef TS_PROXY_RELAY_IMPL_H
#define TS_PROXY_RELAY_IMPL_H

#include "proxy/admission.h"
#include "proxy/gate.h"
#include "proxy/reader.h"
#include "proxy/refusal.h"
#include "proxy/relay.h"
#include "proxy/tap.h"
#include "proxy/writer.h"

enum relay_state { RELAY_INIT, RELAY_WAITING, RELAY_STREAMING, RELAY_HOLDING, RELAY_DONE };

/* Which way the bytes take. */
enum relay_way { RELAY_PASS, RELAY_TRANSLATE, RELAY_FOLD, RELAY_WHOLE };

/* What the events read so far amount to. */
enum relay_verdict {
    RELAY_OPEN_END, /* the stream goes on */
    RELAY_COMPLETE, /* the terminating event came, after a finish reason */
    RELAY_FAILED,   /* an error event came, or a terminator out of the blue */
};

/* One target being asked. Reset for the next one. */
struct relay_try {
    const struct ts_target *target;
    const struct ts_endpoint *endpoint;
    struct ts_fetch *fetch; /* NULL: not running */
    bool fresh_connection;  /* asked once more on one, because a kept one was dead */
    struct ts_buf request;  /* its body; freed once nobody can need it */
    struct ts_reader *reader;
    struct ts_tap tap;
    int64_t begun_us;
    int64_t share_from_us; /* ts_registry_share_us() when it began */
    int64_t head_us;       /* 0: no head yet */
    int64_t connect_us;
    int status;
    struct ts_buf error_body; /* of an answer that is not 2xx */
    struct ts_buf passed; /* headers of the answer for the client: names and values, with NULs */
    bool own_error_event; /* the upstream's error event is kept in the gate */
    bool model_noted;     /* how the server names the model */
    bool fresh;           /* the first content came with this read */
    enum relay_verdict verdict;
    enum ts_err failed;      /* with FAILED: why */
    const char *failed_text; /* in the call's arena; NULL without memory */
};

struct ts_relay {
    struct ts_relay_env *env;
    struct ts_relay *next;
    struct ts_relay **link; /* what points here; NULL: not on the list of the running */

    struct ts_client *client; /* NULL: finished or gone */
    const struct ts_dialect *dialect;
    struct ts_genreq *request;
    struct ts_call *call; /* ours until the sink takes it, then NULL */
    int64_t id;
    char public_id[TS_ID_TEXT_SIZE];
    struct ts_targets targets;
    int tries;
    int retries;                   /* of them at a server that had been asked before */
    uint8_t asked[TS_MAX_TARGETS]; /* how often; RELAY_NOT_AGAIN */
    int target;                    /* of the try, or of the one that is waited for */
    struct ts_admission admission; /* our stay at its server */
    bool queued;                   /* WAITING for a place there */
    int64_t pause_until_us;        /* WAITING to ask again; 0: no */
    int64_t wait_from_us;          /* since when it waits, of either */
    int64_t ready_us;              /* since when it is up to us to ask */
    int64_t queue_us;
    bool met_full;                  /* a server had no place left */
    enum ts_err cause;              /* of the last failure */
    bool stream;                    /* the client asked for one */
    bool recorded;                  /* there will be a row */
    bool wants_usage;               /* the client asked for the chunk with the token counts */
    ts_relay_body_fn *release_body; /* NULL: released */
    void (*ended)(void *ctx, enum ts_outcome outcome);
    enum ts_outcome outcome;
    void *ctx;

    enum relay_state state;
    struct ts_timer timer;
    int64_t accepted_us;
    int64_t request_end_us;
    int64_t deadline_us; /* of the whole call, as the client wants it; 0: none */
    int64_t quiet_us;    /* since when the client has heard nothing */
    int64_t hold_until_us;
    int64_t told_us;  /* when those who watch last heard of progress */
    int64_t observed; /* their memory of this call */
    int64_t overhead_us;
    struct ts_buf answer;           /* its text so far, where it is kept */
    struct ts_relay_answer *wanted; /* who else wants it; or NULL */
    struct ts_phases phases;        /* as recorded; total_us is TS_UNKNOWN until then */
    bool begun;                     /* the head is with the client */
    int status;                     /* of a whole answer; its body is in `out` */
    enum ts_err refused;            /* what it says, unless it is the answer */
    bool paused;

    struct relay_try try;
    enum relay_way way;
    struct ts_gate gate;
    struct ts_writer *writer; /* NULL while the bytes of the answer are passed on as they come */
    struct ts_buf out;        /* what the writer wrote last; a whole answer, good or bad */
    struct ts_slice read;     /* bytes being read, not yet taken by an event */
    size_t taken;
    int64_t read_us; /* when they came */

    int64_t retry_after_ms;      /* the smallest told; TS_UNKNOWN */
    bool dead[TS_MAX_PROVIDERS]; /* not reachable for this call */

    struct ts_ticket ticket;
    bool ticket_out;
    struct ts_deferred deferred;
};

/* -- relay.c: the state machine --------------------------------------------------------------- */

/* The try is over without success; closes it and asks the next target, or ends the call. */
void ts_relay_fail_try(struct ts_relay *r, struct ts_refusal refusal, const struct ts_error *err);

/* The first content is there: from now on there is no way back. */
void ts_relay_commit(struct ts_relay *r);

/* The answer is complete. */
void ts_relay_succeed(struct ts_relay *r);

/* -- relay_deadline.c -------------------------------------------------------------------------- */

/* Sets the timer for what is due next. */
void ts_relay_arm(struct ts_relay *r);

/* WAITING or STREAMING: does what is due. The call may be over afterwards. */
void ts_relay_check_deadlines(struct ts_relay *r, int64_t now_us);

/* -- relay_try.c: asking one target, and what comes back -------------------------------------- */

/* Asks a target. On failure nothing runs; INVALID_FIELD and UPSTREAM_REFUSED mean that it cannot be
 * asked this, which is not its fault. */
TS_NODISCARD enum ts_err ts_relay_ask(struct ts_relay *r,
                                      const struct ts_target *target,
                                      struct ts_error *err);

/* Closes what runs and forgets the try, but for the headers that its answer may still go with. */
void ts_relay_close_try(struct ts_relay *r);

/* -- relay_headers.c -------------------------------------------------------------------------- */

enum { TS_RELAY_REQUEST_HEADERS = 10 + TS_MAX_FORWARDED };

/* Those of a request but for the key: two places stay free. Return: how many. */
int ts_relay_request_headers(const struct ts_relay *r,
                             struct ts_header out[static TS_RELAY_REQUEST_HEADERS]);

/* The head of an answer is there: keeps what the client's dialect passes on. */
void ts_relay_take_headers(struct ts_relay *r);

/* One after the other: @at is 0 at first. */
bool ts_relay_passed_header(const struct ts_relay *r, size_t *at, struct ts_header *out);

/* -- relay_answer.c: what the client gets ----------------------------------------------------- */

/* The head of a stream. */
void ts_relay_begin(struct ts_relay *r);

/* An error as the whole answer, before anything was sent (@status: 0 for the error's own), or as
 * the last event of a stream that has begun. Both are held until the client is finished. */
void ts_relay_keep_refusal(struct ts_relay *r, const struct ts_error *err, int status);
void ts_relay_keep_error(struct ts_relay *r, const struct ts_error *err);

/* Everything that was held: the client is finished afterwards. */
void ts_relay_finish_client(struct ts_relay *r);

/* -- relay_observe.c -------------------------------------------------------------------------- */

void ts_relay_tell_started(struct ts_relay *r);
void ts_relay_tell_progress(struct ts_relay *r); /* if it is time for it */
void ts_relay_tell_finished(struct ts_relay *r, const struct ts_call *call);
void ts_relay_tell_refused(struct ts_relay *r, enum ts_err why);

/* -- relay_record.c --------------------------------------------------------------------------- */

/* Notes a failed try in the record, if another is to follow. False: no memory, or no room. */
TS_NODISCARD bool ts_relay_note_attempt(struct ts_relay *r,
                                        const struct relay_try *t,
                                        const struct ts_error *err,
                                        int64_t now_us);

/* What of the phases is known by now; total_us stays as it is. */
void ts_relay_measure(const struct ts_relay *r, struct ts_phases *p);

/* Completes the record but for the hand-over. @err: NULL on success. */
void ts_relay_fill_record(struct ts_relay *r,
                          enum ts_outcome outcome,
                          const struct ts_error *err,
                          int64_t now_us);

#endif
