#include "server/fixed.h"

#include "server/answer.h"
#include "server/loop.h"
#include "server/request.h"

static bool depends_on_request(const struct ts_request *r, const struct ts_head *head)
{
    return head->headers != NULL || r->facts.cors ||
           atomic_load_explicit(&r->loop->shared->draining, memory_order_relaxed);
}

struct MHD_Response *ts_fixed_answer(struct ts_request *r,
                                     const struct ts_head *head,
                                     const char *body,
                                     size_t n)
{
    struct ts_fixed_answers *all = &r->loop->fixed;
    if (depends_on_request(r, head))
        return NULL;
    for (int i = 0; i < all->count; i++) {
        const struct ts_fixed *f = &all->at[i];
        if (f->body == body && f->status == head->status && f->class == r->x.route->class)
            return f->response;
    }
    if (all->count == TS_MAX_FIXED)
        return NULL;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(n, (void *)(uintptr_t)body, MHD_RESPMEM_PERSISTENT);
    if (response != NULL && !ts_answer_head(response, r, head)) {
        MHD_destroy_response(response);
        return NULL;
    }
    if (response != NULL)
        all->at[all->count++] = (struct ts_fixed){body, head->status, r->x.route->class, response};
    return response;
}

void ts_fixed_deinit(struct ts_fixed_answers *all)
{
    for (int i = 0; i < all->count; i++)
        MHD_destroy_response(all->at[i].response);
    all->count = 0;
}
