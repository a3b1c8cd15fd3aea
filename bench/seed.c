/*
 * Fills a database for tools/bench analytics, through the store's own import and rating.
 *
 *   bench-seed DB ROWS FIRST_MS SPAN_MS SEED CALLS_CSV ATTEMPTS_CSV
 *
 * What the store was given is written beside it as text, for whoever wants to compute the same
 * answers another way. Prints a JSON line: seconds for the rows, and for everything.
 */
#include "bench/seed.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/id.h"
#include "bench/net.h"
#include "db/store.h"

enum { BATCH = 2000, IN_FLIGHT = 3 };

struct rated {
    struct ts_store_rating rating;
    struct batch *of;
};

/* A batch of calls and, once they are stored, their ratings. */
struct batch {
    struct ts_store_import import;
    struct ts_call *calls[BATCH];
    struct rated ratings[BATCH];
    int rated;
    _Atomic int waiting; /* ratings not settled yet */
    struct ts_store *store;
    sem_t free; /* nothing of it is with the store */
};

struct texts {
    FILE *calls;
    FILE *attempts;
};

static void give_up(const char *what, const char *why)
{
    (void)fprintf(stderr, "bench-seed: %s: %s\n", what, why);
    _Exit(1);
}

/* -- what the store was given, as text -------------------------------------------------------- */

static void write_known(FILE *f, int64_t v)
{
    if (v == TS_UNKNOWN)
        (void)fputs(",", f);
    else
        (void)fprintf(f, ",%lld", (long long)v);
}

static int64_t all_input(const struct ts_token_counts *t)
{
    if (t->input == TS_UNKNOWN)
        return TS_UNKNOWN;
    return t->input + (t->cache_read != TS_UNKNOWN ? t->cache_read : 0);
}

static void write_texts(const struct texts *to, const struct ts_call *c, int rating)
{
    long long ms = (long long)ts_id_ms(c->id);
    const char *segment = c->user_segment != NULL ? c->user_segment : "";
    (void)fprintf(to->calls,
                  "%lld,%s,%s,%s,%s,%s,%s,%d",
                  ms,
                  c->provider,
                  c->model,
                  c->task_type,
                  ts_complexity_name(c->complexity),
                  segment,
                  ts_outcome_name(c->outcome),
                  rating);
    const int64_t numbers[] = {c->phases.total_us,
                               c->phases.ttft_us,
                               c->phases.decode_us,
                               all_input(&c->tokens),
                               c->tokens.output,
                               c->tokens.unsplit,
                               c->cost_nano_usd};
    for (size_t i = 0; i < TS_ARRAY_LEN(numbers); i++)
        write_known(to->calls, numbers[i]);
    (void)fputs("\n", to->calls);
    for (int i = 0; i < c->attempt_count; i++)
        (void)fprintf(to->attempts,
                      "%lld,%s,%s,%s,%s,%s\n",
                      ms,
                      c->attempts[i].provider,
                      c->attempts[i].model,
                      c->task_type,
                      ts_complexity_name(c->complexity),
                      segment);
}

/* -- the store -------------------------------------------------------------------------------- */

static void on_rated(struct ts_post *post)
{
    struct ts_store_job *job = TS_CONTAINER(post, struct ts_store_job, post);
    struct ts_store_rating *rating = TS_CONTAINER(job, struct ts_store_rating, job);
    struct batch *b = TS_CONTAINER(rating, struct rated, rating)->of;
    if (job->result != TS_OK)
        give_up("a rating", job->error.text);
    if (atomic_fetch_sub(&b->waiting, 1) == 1)
        (void)sem_post(&b->free);
}

/* The calls are stored, now their ratings: a rating of a call that is not there is refused. */
static void on_imported(struct ts_post *post)
{
    struct ts_store_job *job = TS_CONTAINER(post, struct ts_store_job, post);
    struct ts_store_import *import = TS_CONTAINER(job, struct ts_store_import, job);
    struct batch *b = TS_CONTAINER(import, struct batch, import);
    if (job->result != TS_OK)
        give_up("an import", job->error.text);
    if (import->accepted != import->count)
        give_up("an import", "the file holds some of these calls already");
    int rated = b->rated;
    atomic_store(&b->waiting, rated);
    for (int i = 0; i < rated; i++)
        ts_store_rate(b->store, &b->ratings[i].rating);
    if (rated == 0)
        (void)sem_post(&b->free);
}

static void fill(struct batch *b, struct bench_team *team, const struct texts *to)
{
    b->rated = 0;
    b->import = (struct ts_store_import){.job.post.fn = on_imported, .calls = b->calls};
    while (b->import.count < BATCH && team->made < team->rows) {
        struct bench_called made = bench_team_call(team);
        write_texts(to, made.call, made.rating);
        b->calls[b->import.count++] = made.call;
        if (made.rating != 0)
            b->ratings[b->rated++] = (struct rated){
                .rating = {.job.post.fn = on_rated, .id = made.call->id, .rating = made.rating},
                .of = b};
    }
}

static void seed(struct ts_store *store, struct bench_team *team, const struct texts *to)
{
    struct batch *batches = calloc(IN_FLIGHT, sizeof(*batches));
    if (batches == NULL)
        bench_no_memory();
    for (int i = 0; i < IN_FLIGHT; i++) {
        batches[i].store = store;
        (void)sem_init(&batches[i].free, 0, 1);
    }
    for (int i = 0; team->made < team->rows; i = (i + 1) % IN_FLIGHT) {
        (void)sem_wait(&batches[i].free);
        fill(&batches[i], team, to);
        ts_store_import(store, &batches[i].import);
    }
    for (int i = 0; i < IN_FLIGHT; i++)
        (void)sem_wait(&batches[i].free);
    free(batches);
}

static FILE *text_file(const char *path)
{
    FILE *f = fopen(path, "w");
    if (f == NULL)
        give_up(path, "cannot be written");
    return f;
}

int main(int argc, char **argv)
{
    if (argc != 8) {
        (void)fprintf(stderr, "usage: bench-seed DB ROWS FIRST_MS SPAN_MS SEED CALLS ATTEMPTS\n");
        return 64;
    }
    struct bench_team team = bench_team_of((uint64_t)bench_number("SEED", argv[5], 0, INT64_MAX),
                                           bench_number("ROWS", argv[2], 1, INT32_MAX),
                                           bench_number("FIRST_MS", argv[3], 0, INT64_MAX >> 20),
                                           bench_number("SPAN_MS", argv[4], 1, INT64_MAX >> 20));
    struct ts_store_options o = {
        .path = argv[1], .durability = TS_DURABILITY_NORMAL, .readers = 1, .required = true};
    struct texts to = {.calls = text_file(argv[6]), .attempts = text_file(argv[7])};
    struct ts_store *store = NULL;
    struct ts_error err = TS_ERROR_INIT;
    if (ts_store_open(&o, &store, &err) != TS_OK)
        give_up(argv[1], err.text);
    int64_t start_us = ts_now_us();
    seed(store, &team, &to);
    int64_t seeded_us = ts_now_us();
    ts_store_close(store);
    if (fclose(to.calls) != 0 || fclose(to.attempts) != 0)
        give_up(argv[6], "cannot be written to its end");
    (void)printf("{\"rows\":%lld,\"seed_s\":%.3f,\"whole_s\":%.3f}\n",
                 (long long)team.made,
                 (double)(seeded_us - start_us) / 1e6,
                 (double)(ts_now_us() - start_us) / 1e6);
    return 0;
}
