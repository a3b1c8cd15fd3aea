/* POST /api/compare/{id}/vote: which of the answers that stood beside each other was the best. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "db/comparison.h"
#include "handlers/fields.h"
#include "handlers/handlers.h"
#include "handlers/services.h"

static const char tie[] = "tie";

struct vote {
    struct ts_store_vote vote;
    struct ts_exchange *x;
    json_t *body; /* the comment is its */
};

static void free_vote(struct vote *v)
{
    if (v == NULL)
        return;
    json_decref(v->body);
    free(v);
}

static json_t *winner_json(int winner)
{
    return winner == TS_VOTE_TIE ? json_string(tie) : json_integer(winner);
}

static void voted(struct ts_post *post)
{
    struct ts_store_job *job = TS_CONTAINER(post, struct ts_store_job, post);
    struct ts_store_vote *sv = TS_CONTAINER(job, struct ts_store_vote, job);
    struct vote *v = TS_CONTAINER(sv, struct vote, vote);
    char id[TS_ID_TEXT_SIZE];
    if (job->result == TS_OK)
        ts_reply_json(v->x,
                      200,
                      json_pack("{s:s, s:o, s:o}",
                                "compareId",
                                ts_id_format(sv->id, v->x->services->id_tag, id),
                                "winner",
                                winner_json(sv->winner),
                                "previousWinner",
                                sv->voted_before ? winner_json(sv->previous) : json_null()));
    else
        ts_reply_error(v->x, &job->error);
    free_vote(v);
}

/* A pane's number, or "tie". */
static int read_winner(struct ts_fields *f)
{
    const json_t *winner = json_object_get(f->object, "winner");
    if (json_is_string(winner) && strcmp(json_string_value(winner), tie) == 0)
        return TS_VOTE_TIE;
    ts_fields_require(f, "winner");
    if (!json_is_integer(winner))
        return (int)ts_fields_fault(f, "winner", "must be the number of a pane, or \"tie\"");
    return (int)ts_fields_int(f, "winner", 0, TS_MAX_PANES - 1);
}

static enum ts_err read_vote(const struct ts_exchange *x, struct vote *v, struct ts_error *err)
{
    static const char *const no_args[] = {NULL};
    static const char *const known[] = {"winner", "comment", NULL};
    uint64_t tag = 0;
    enum ts_err rc = ts_args_check(x, no_args, err);
    if (rc == TS_OK)
        rc = ts_json_parse(x->body.at, x->body.len, &v->body, err);
    if (rc != TS_OK)
        return rc;
    if (!ts_id_parse(x->params[0], strlen(x->params[0]), &v->vote.id, &tag) ||
        tag != x->services->id_tag)
        return ts_fail(err, TS_ERR_NOT_FOUND, "there is no comparison '%.60s'", x->params[0]);
    struct ts_fields f = ts_fields_of(v->body, -1, known, err);
    v->vote.winner = read_winner(&f);
    v->vote.comment = ts_fields_text(&f, "comment", TS_MAX_COMMENT);
    return f.rc;
}

void ts_handle_vote(struct ts_exchange *x)
{
    struct ts_error err = TS_ERROR_INIT;
    struct vote *v = calloc(1, sizeof(*v));
    enum ts_err rc = v != NULL ? read_vote(x, v, &err) : ts_fail(&err, TS_ERR_NOMEM, "no memory");
    if (rc != TS_OK) {
        ts_reply_error(x, &err);
        free_vote(v);
        return;
    }
    v->x = x;
    v->vote.job.post.fn = voted;
    v->vote.job.home = x->poller;
    ts_store_vote(x->services->store, &v->vote);
}
