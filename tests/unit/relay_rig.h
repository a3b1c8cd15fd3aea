/* What tests of the relay stand on: a loop, a fake client, a fake store and scripted servers. */
#ifndef TS_TESTS_UNIT_RELAY_RIG_H
#define TS_TESTS_UNIT_RELAY_RIG_H

#include "base/buf.h"
#include "loopback.h"
#include "proxy/relay.h"

enum { SERVERS = 2 };

/* A client sink that keeps what it is given. */
struct fake_client {
    struct ts_client client;
    int status; /* 0: no head yet */
    char type[64];
    char headers[1024]; /* "Name: value\n" each */
    struct ts_buf body;
    size_t unsent; /* what pending() says */
    bool stalled;  /* takes nothing off unsent */
    int begins, ends, cuts, responds;
};

/* One loop, its servers, and one call. */
struct rig {
    struct ts_poller *poller;
    struct ts_upstream *upstream;
    struct ts_registry *registry;
    struct ts_relay_env env;
    struct loopback *servers[SERVERS];
    int server_count;

    struct fake_client client;
    struct ts_relay *relay;
    char body[512];
    int64_t accepted_ago_us; /* the call is older than it is here */
    int released;
    int ended;

    /* the store */
    bool slow_store; /* keeps the ticket until the test gives it back */
    struct ts_ticket *ticket;
    struct ts_call *call; /* the record */
    int records;
    bool no_row; /* this call is not recorded */
    size_t written_before_record;
};

/* What a server does after the request is in: pieces are chunks; steps sleep, end or break. */
struct script {
    const char *status; /* NULL: "200 OK" */
    const char *headers;
    const char *chunks[12];
    enum { END_WELL, END_CUT, END_RESET, END_SILENT } end;
    int sleep_ms; /* between chunks */
};

/* A loop without servers; the store answers at once. */
void open_rig(struct rig *r);
void add_provider(struct rig *r, enum ts_kind_id kind, const char *name, const char *url);

/* A server and a provider for it. */
struct loopback *add_server(
    struct rig *r, enum ts_kind_id kind, const char *name, loopback_fn *serve, void *ctx);

/* To change its deadlines and prices. */
struct ts_provider *provider(struct rig *r, int i);

/* Starts the call on all providers in order; the model is called "m" everywhere. */
void start_call(struct rig *r, const struct ts_dialect *d, const char *body);

/* Forgets the call that has ended, so that another can start on the same servers. */
void forget_call(struct rig *r);

/* One turn of the loop; the client takes what waits, unless it is stalled. */
void turn(struct rig *r, int ms);
void run_for(struct rig *r, int ms);

/* Until the relay has ended; its record is there then, unless no row is expected. */
void run_until_ended(struct rig *r);
void run_until_body(struct rig *r, const char *text);

/* Ends all, and checks that nothing is left behind. */
void close_rig(struct rig *r);
const char *client_text(const struct rig *r);

/* @line: "Name: value\n", or its beginning. */
bool has_header(const struct rig *r, const char *line);

/* The row is committed. */
void give_ticket_back(struct rig *r);

/* Answers each request as the struct script says that the server was given. */
void serve_script(struct loopback_conn *c);
void serve_silence(struct loopback_conn *c);
void serve_hang_up(struct loopback_conn *c);

/* -- what servers and clients say ------------------------------------------------------------- */

#define GEN(text)                                                                                  \
    "{\"model\":\"m\",\"created_at\":\"t\",\"response\":\"" text "\",\"done\":false}\n"
#define DONE                                                                                       \
    "{\"model\":\"m\",\"response\":\"\",\"done\":true,\"done_reason\":\"stop\",\"context\":[1,2]," \
    "\"load_duration\":20000,\"prompt_eval_count\":5,\"eval_count\":3,\"extra\":{\"x\":1}}\n"
#define DELTA(text) "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text "\"}}]}\n\n"
#define ROLE                                                                                       \
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":null}}]}\n\n"
#define STOP "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define USAGE                                                                                      \
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2,"                \
    "\"total_tokens\":9}}\n\n"
#define SSE_DONE "data: [DONE]\n\n"
#define ASK "{\"model\":\"m\",\"prompt\":\"hi\"}"
#define ASK_WHOLE "{\"model\":\"m\",\"prompt\":\"hi\",\"stream\":false}"
#define CHAT                                                                                       \
    "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

#endif
