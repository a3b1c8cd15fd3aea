/*
 * The relay: one generation, from the accepted request to the recorded row.
 *
 * A state machine that knows no protocol. It opens the first target, hands the answer through to
 * the client as it comes, moves on to the next target while the client has seen no content, and at
 * the end gives the record to a sink and holds the last event until the row is safe.
 *
 *   INIT -> WAITING -> STREAMING -> HOLDING -> DONE
 *              |  ^________|(never)    ^
 *              |__ next target         |
 *              |_______________________|   an error before content: the whole answer is held
 *
 *   WAITING    a target was asked; the client has seen no content (perhaps headers, after
 *              TS_SILENCE_MS). Failures here move on to the next target.
 *   STREAMING  content went to the client. A failure here is an error event in its dialect.
 *   HOLDING    the outcome is fixed and the record is with the sink; the terminating event (or
 *              the whole answer, where nothing was sent before it) waits for its commit,
 *              TS_HOLD_CEILING_MS at most. A client that leaves now is `done`.
 *
 * When the client leaves, the upstream is closed at once, in every state.
 *
 * Four ways for the bytes, chosen per target:
 *   same dialect, stream     upstream bytes pass unchanged, whole events at a time; a reader taps
 *   other dialect, stream    reader -> events -> writer
 *   no stream asked          upstream is asked to stream all the same; the events are folded
 *   no stream possible       the answer is collected and passes whole (embeddings, several choices)
 *
 * What is measured (base/call.h), on the monotonic clock:
 *   connect_us        of the last try; 0 on a kept connection
 *   first_byte_us     accepted -> head of the last try's answer
 *   ttft_us           accepted -> arrival of the first event with content: text, reasoning, tool
 *                     call
 *   first_visible_us  accepted -> arrival of the first event with text
 *   decode_us         first event with content -> last one
 *   max_stall_us      longest gap between two events with content, but for those in which we held
 *                     the server back for a slow client
 *   load_us           what the server says it took to load the model; unknown where it says more
 *                     than there was between asking and the first content
 *   total_us          accepted -> arrival of the terminating event, or the failure
 *   overhead_us       what we added: request complete -> request handed to libcurl, of each try;
 *                     and first content arrived -> handed to the client's sink. Where no content
 *                     came, only the former. X-Touchstone-Overhead-Us is the same up to the
 *                     moment when the head leaves.
 * What is unknown is TS_UNKNOWN, never 0. Server-Timing tells those that are known when the head
 * leaves: of a stream the ones that end with its first token, of a whole answer all of them.
 *
 * Thread: the loop's that accepted the request. Nothing here blocks.
 */
#ifndef TS_PROXY_RELAY_H
#define TS_PROXY_RELAY_H

#include "base/buf.h"
#include "base/id.h"
#include "base/limits.h"
#include "proxy/client.h"
#include "proxy/genreq.h"
#include "proxy/observer.h"
#include "proxy/registry.h"
#include "proxy/upstream.h"

struct ts_relay;

/*
 * Where finished records go. record() takes the call and calls ticket->fn on the loop given in
 * @home, once, when the row is committed, spooled or lost. Declared here, wired by server/.
 */
enum ts_recorded { TS_RECORDED_COMMITTED, TS_RECORDED_SPOOLED, TS_RECORDED_LOST };

struct ts_ticket {
    struct ts_post post; /* back to the owner's loop; set fn before handing it over */
    struct ts_poller *home;
    enum ts_recorded result; /* set before the post is sent */
};

struct ts_record_sink {
    void (*record)(void *ctx, struct ts_call *call, struct ts_ticket *ticket);
    void *ctx;
};

/* What all relays of a loop share. Lives longer than any of them. */
struct ts_relay_env {
    struct ts_poller *poller;
    struct ts_upstream *upstream;
    struct ts_registry *registry;
    struct ts_record_sink sink;
    struct ts_observer observer;
    uint64_t id_tag;    /* for the public id */
    bool tracking;      /* false: proxy only, nothing recorded */
    bool keeps_answers; /* their text goes into the record */
    const char *via;    /* what we add as Via ("1.1 touchstone"), to notice a loop of gateways */

    struct ts_relay *running; /* those of this loop, newest first; the relays keep it */
};

/* An answer that somebody wants whole. Filled when the record is, before `ended`; not at all where
 * nobody could be asked. */
struct ts_relay_answer {
    struct ts_buf text; /* in: its maximum; out: what was shown, as far as it came */
    char provider[TS_MAX_NAME + 1];
    char model[TS_MAX_MODEL + 1];
    char error[TS_MAX_ERROR_TEXT + 1]; /* "": none */
    int64_t total_us;                  /* TS_UNKNOWN: it is not filled */
};

/*
 * One generation to run. The relay takes @request (from malloc; with it the labels) and @call (id,
 * labels, task type and complexity set; the rest is the relay's to fill). There is at least one
 * target. The body is released as soon as no further target can need it: once, before `ended`.
 */
typedef void ts_relay_body_fn(void *ctx);

struct ts_relay_start {
    struct ts_genreq *request;
    struct ts_call *call;
    struct ts_targets targets;
    int64_t accepted_us;    /* ts_now_us() when the request's first byte was accepted */
    int64_t request_end_us; /* and when its body was complete */
    uint64_t who;           /* who asks, for a fair queue; 0: nobody in particular */
    ts_relay_body_fn *release_body;
    struct ts_relay_answer *answer; /* until `ended`; NULL: nobody wants it */
    /* Called when the relay has ended and its ticket is back; the client sink is finished. The
     * relay is gone when it returns. @outcome: as recorded; UPSTREAM_ERROR where nobody could be
     * asked. Never from within ts_relay_start() or ts_relay_abort(). */
    void (*ended)(void *ctx, enum ts_outcome outcome);
    void *ctx;
};

/**
 * ts_relay_start() - begin
 * Trouble becomes an answer to the client (perhaps before this returns) and a row. Where no target
 * can be asked this at all, the answer says why and there is no row.
 * Return: the relay, valid until `ended`; NULL without the memory to begin: the client is answered,
 * request and call are freed, and neither release_body nor ended will be called.
 */
struct ts_relay *ts_relay_start(struct ts_relay_env *env,
                                struct ts_relay_start *start,
                                struct ts_client *client);

/* Ends it from our side: the client gets an error event (or answer) with that error; recorded as
 * cancelled. For shutdown's second phase and DELETE /api/requests/{id}. */
void ts_relay_abort(struct ts_relay *r, enum ts_err why);

/* The running relay of a call, or NULL. One whose outcome is fixed no longer runs. */
struct ts_relay *ts_relay_find(struct ts_relay_env *env, int64_t id);

#endif
