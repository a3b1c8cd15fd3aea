#include "handlers/clone_rejudge.h"

#include <math.h>
#include <stdlib.h>

#include "db/clone_query.h"
#include "handlers/clone_quality.h"

/* Texts of one attempt, and what is said of them. */
enum { REJUDGE_ARENA_BYTES = 2 * TS_CLONE_ARENA_BYTES };

/* reader: the next one is found -> reader: judged -> writer: stored -> and again */
struct rejudging {
    struct ts_query finding;
    struct ts_clone_judging judging;
    struct ts_clone_input in; /* of the attempt at hand: its files */
    const struct ts_services *services;
    int64_t id; /* of it; the next one has a higher one */
};

static void free_rejudging(struct rejudging *r)
{
    ts_clone_input_deinit(&r->in);
    free(r);
}

static enum ts_err find(struct ts_query *query, struct ts_reader_conn *c, struct ts_error *err)
{
    struct rejudging *r = TS_CONTAINER(query, struct rejudging, finding);
    struct ts_unjudged u = {
        .after = r->id, .arena = &r->in.arena, .files = r->in.files, .max = TS_MAX_CODE_FILES};
    enum ts_err e = ts_query_unjudged(c, &u, err);
    if (e != TS_OK)
        return e;
    r->id = u.id;
    r->in.clone.file_count = u.count;
    return ts_clone_prejudge(&r->in, err);
}

static void look_for_next(struct rejudging *r);

static void judged(struct ts_clone_judging *j)
{
    look_for_next(TS_CONTAINER(j, struct rejudging, judging));
}

static void found(struct ts_post *post)
{
    struct ts_query *query = TS_CONTAINER(post, struct ts_query, post);
    struct rejudging *r = TS_CONTAINER(query, struct rejudging, finding);
    if (query->result != TS_OK || r->id == 0) {
        free_rejudging(r);
        return;
    }
    r->judging.done = judged;
    ts_clone_judge(&r->judging, r->services, &r->in, r->id);
}

static void look_for_next(struct rejudging *r)
{
    ts_clone_input_deinit(&r->in);
    r->in = (struct ts_clone_input){.arena = TS_ARENA_INIT(REJUDGE_ARENA_BYTES),
                                    .clone = {.quality = (double)NAN}};
    r->judging = (struct ts_clone_judging){.done = NULL};
    r->finding = (struct ts_query){.run = find, .post.fn = found};
    ts_store_query(r->services->store, &r->finding);
}

void ts_clone_rejudge(const struct ts_services *services)
{
    struct rejudging *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return;
    r->services = services;
    look_for_next(r);
}
