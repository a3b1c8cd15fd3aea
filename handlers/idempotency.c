#include "handlers/idempotency.h"

#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "handlers/exchange.h"

enum { BUCKETS = 4096, HASH_BYTES = 32, HEADERS_MAX = 24 };

static const int64_t lifetime_us = TS_IDEMPOTENCY_HOURS * INT64_C(3600000000);

/* -- answers ---------------------------------------------------------------------------------- */

struct ts_kept {
    _Atomic int users;
    int status;
    bool spoilt;        /* there was more than can be kept */
    struct ts_buf head; /* content type, then names and values; with their NULs */
    struct ts_buf body;
};

struct ts_kept *ts_kept_new(void)
{
    struct ts_kept *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return NULL;
    a->users = 1;
    a->head = TS_BUF_INIT(TS_IDEMPOTENCY_HEAD_BYTES);
    a->body = TS_BUF_INIT(TS_IDEMPOTENCY_ANSWER_BYTES);
    return a;
}

void ts_kept_drop(struct ts_kept *a)
{
    if (a == NULL || atomic_fetch_sub(&a->users, 1) > 1)
        return;
    ts_buf_free(&a->head);
    ts_buf_free(&a->body);
    free(a);
}

static void put_text(struct ts_buf *b, const char *text)
{
    ts_buf_put(b, text, strlen(text) + 1);
}

void ts_kept_head(struct ts_kept *a, const struct ts_head *head)
{
    a->status = head->status;
    ts_buf_clear(&a->head);
    put_text(&a->head, head->content_type);
    for (const struct ts_header *h = head->headers; h != NULL && h->name != NULL; h++) {
        put_text(&a->head, h->name);
        put_text(&a->head, h->value);
    }
}

void ts_kept_body(struct ts_kept *a, const char *bytes, size_t n)
{
    if (a->spoilt)
        return;
    ts_buf_put(&a->body, bytes, n);
    a->spoilt = !ts_buf_ok(&a->body);
    if (a->spoilt)
        ts_buf_free(&a->body);
}

static bool is_whole(const struct ts_kept *a)
{
    return a->status != 0 && ts_buf_ok(&a->head) && !a->spoilt;
}

static size_t size_of(const struct ts_kept *a)
{
    return sizeof(*a) + a->head.cap + a->body.cap;
}

void ts_kept_give(struct ts_kept *a, struct ts_exchange *x)
{
    struct ts_header headers[HEADERS_MAX] = {{"Idempotent-Replayed", "true"}};
    const char *end = a->head.data + a->head.len;
    const char *at = a->head.data + strlen(a->head.data) + 1;
    for (int n = 1; at < end && n < HEADERS_MAX - 1; n++) {
        headers[n].name = at;
        headers[n].value = at + strlen(at) + 1;
        at = headers[n].value + strlen(headers[n].value) + 1;
    }
    const struct ts_head head = {
        .status = a->status, .content_type = a->head.data, .headers = headers};
    x->ops->respond(x, &head, ts_buf_text(&a->body), a->body.len);
}

/* -- keys ------------------------------------------------------------------------------------- */

struct ts_claim {
    unsigned char who[HASH_BYTES];  /* of credentials, path and key */
    unsigned char what[HASH_BYTES]; /* of the body */
    bool done;
    struct ts_kept *answer; /* done: NULL where there is none to give */
    int64_t until_us;
    struct ts_claim *next; /* in its bucket */
    struct ts_claim *older;
    struct ts_claim *newer;
};

struct ts_idempotency {
    pthread_mutex_t lock;
    int count;
    size_t bytes; /* of the answers */
    struct ts_claim *oldest;
    struct ts_claim *newest;
    struct ts_claim *buckets[BUCKETS];
};

enum ts_err ts_idempotency_new(struct ts_idempotency **out)
{
    struct ts_idempotency *i = calloc(1, sizeof(*i));
    if (i == NULL)
        return TS_ERR_NOMEM;
    (void)pthread_mutex_init(&i->lock, NULL);
    *out = i;
    return TS_OK;
}

void ts_idempotency_free(struct ts_idempotency *i)
{
    if (i == NULL)
        return;
    for (struct ts_claim *c = i->oldest; c != NULL;) {
        struct ts_claim *next = c->newer;
        ts_kept_drop(c->answer);
        free(c);
        c = next;
    }
    (void)pthread_mutex_destroy(&i->lock);
    free(i);
}

static struct ts_claim **bucket(struct ts_idempotency *i, const unsigned char *who)
{
    return &i->buckets[(who[0] | (unsigned)who[1] << 8) % BUCKETS];
}

static struct ts_claim **find(struct ts_idempotency *i, const unsigned char *who)
{
    struct ts_claim **at = bucket(i, who);
    while (*at != NULL && memcmp((*at)->who, who, HASH_BYTES) != 0)
        at = &(*at)->next;
    return at;
}

static void drop_answer(struct ts_idempotency *i, struct ts_claim *c)
{
    if (c->answer != NULL)
        i->bytes -= size_of(c->answer);
    ts_kept_drop(c->answer);
    c->answer = NULL;
}

static void unlink_claim(struct ts_idempotency *i, struct ts_claim *c)
{
    struct ts_claim **at = find(i, c->who);
    *at = c->next;
    *(c->older != NULL ? &c->older->newer : &i->oldest) = c->newer;
    *(c->newer != NULL ? &c->newer->older : &i->newest) = c->older;
    i->count--;
}

static void forget(struct ts_idempotency *i, struct ts_claim *c)
{
    drop_answer(i, c);
    unlink_claim(i, c);
    free(c);
}

static void link_claim(struct ts_idempotency *i, struct ts_claim *c)
{
    struct ts_claim **first = bucket(i, c->who);
    c->next = *first;
    *first = c;
    c->older = i->newest;
    *(c->older != NULL ? &c->older->newer : &i->oldest) = c;
    i->newest = c;
    i->count++;
}

/* Forgets keys whose time is over. */
static void expire(struct ts_idempotency *i, int64_t now_us)
{
    for (struct ts_claim *c = i->oldest; c != NULL && now_us >= c->until_us;) {
        struct ts_claim *next = c->newer;
        if (c->done)
            forget(i, c);
        c = next;
    }
}

/* Forgets the oldest settled key where there are too many. */
static void make_room(struct ts_idempotency *i)
{
    struct ts_claim *c = i->count < TS_IDEMPOTENCY_KEYS ? NULL : i->oldest;
    while (c != NULL && !c->done)
        c = c->newer;
    if (c != NULL)
        forget(i, c);
}

/* -- claiming --------------------------------------------------------------------------------- */

static enum ts_err check_key(const char *key, struct ts_error *err)
{
    size_t n = strlen(key);
    bool printable = true;
    for (size_t i = 0; i < n; i++)
        printable = printable && key[i] >= 0x20 && key[i] <= 0x7e;
    if (printable && n >= TS_IDEMPOTENCY_KEY_MIN && n <= TS_IDEMPOTENCY_KEY_MAX)
        return TS_OK;
    return ts_fail_param(err,
                         TS_ERR_INVALID_FIELD,
                         "Idempotency-Key",
                         "Idempotency-Key must have %d to %d printable ASCII characters",
                         TS_IDEMPOTENCY_KEY_MIN,
                         TS_IDEMPOTENCY_KEY_MAX);
}

static void hash_text(crypto_generichash_state *h, const char *text)
{
    /* with its NUL, so that "a" + "bc" is not "ab" + "c" */
    (void)crypto_generichash_update(h, (const unsigned char *)text, strlen(text) + 1);
}

static struct ts_claim *make_claim(const struct ts_idempotency_ask *ask)
{
    struct ts_claim *c = calloc(1, sizeof(*c));
    crypto_generichash_state h;
    if (c == NULL)
        return NULL;
    (void)crypto_generichash_init(&h, NULL, 0, HASH_BYTES);
    hash_text(&h, ask->credentials != NULL ? ask->credentials : "");
    hash_text(&h, ask->path);
    hash_text(&h, ask->key);
    (void)crypto_generichash_final(&h, c->who, HASH_BYTES);
    (void)crypto_generichash(
        c->what, HASH_BYTES, (const unsigned char *)ask->body.at, ask->body.len, NULL, 0);
    c->until_us = ask->now_us + lifetime_us;
    return c;
}

/* What an earlier request with the key means for this one; under the lock. */
static enum ts_err look_at(struct ts_claim *before,
                           const struct ts_claim *now,
                           struct ts_kept **answer,
                           struct ts_error *err)
{
    if (memcmp(before->what, now->what, HASH_BYTES) != 0)
        return ts_fail(err,
                       TS_ERR_KEY_REUSED,
                       "this Idempotency-Key was used with another body; take a new key for a new "
                       "request");
    if (!before->done)
        return ts_fail(
            err, TS_ERR_STILL_RUNNING, "the request with this Idempotency-Key is still running");
    if (before->answer == NULL)
        return ts_fail(err,
                       TS_ERR_ALREADY_DONE,
                       "the request with this Idempotency-Key was answered before, and its answer "
                       "is not kept any more");
    atomic_fetch_add(&before->answer->users, 1);
    *answer = before->answer;
    return TS_OK;
}

enum ts_err ts_idempotency_claim(struct ts_idempotency *i,
                                 const struct ts_idempotency_ask *ask,
                                 struct ts_claim **claim,
                                 struct ts_kept **answer,
                                 struct ts_error *err)
{
    enum ts_err rc = check_key(ask->key, err);
    if (rc != TS_OK)
        return rc;
    struct ts_claim *c = make_claim(ask);
    if (c == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for an Idempotency-Key");
    {
        TS_GUARD(&i->lock);
        expire(i, ask->now_us);
        struct ts_claim *before = *find(i, c->who);
        if (before == NULL) {
            make_room(i);
            link_claim(i, c);
            *claim = c;
            return TS_OK;
        }
        rc = look_at(before, c, answer, err);
    }
    free(c);
    return rc;
}

/* -- settling --------------------------------------------------------------------------------- */

void ts_idempotency_keep(struct ts_idempotency *i, struct ts_claim *claim, struct ts_kept *answer)
{
    if (answer != NULL && !is_whole(answer)) {
        ts_kept_drop(answer);
        answer = NULL;
    }
    TS_GUARD(&i->lock);
    claim->done = true;
    claim->answer = answer;
    if (answer != NULL)
        i->bytes += size_of(answer);
    for (struct ts_claim *c = i->oldest; c != NULL && i->bytes > TS_IDEMPOTENCY_BYTES; c = c->newer)
        drop_answer(i, c);
}

void ts_idempotency_release(struct ts_idempotency *i, struct ts_claim *claim)
{
    if (claim == NULL)
        return;
    TS_GUARD(&i->lock);
    forget(i, claim);
}
