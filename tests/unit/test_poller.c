/* The event loop: timers, the mailbox, removal while events are being handed out, deferred frees.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/poller.h"

enum { TIMERS = 200, POSTS = 2000, SENDERS = 4 };

static struct ts_poller *new_poller(void)
{
    struct ts_poller *p = NULL;
    assert_int_equal(ts_poller_new(&p, NULL), TS_OK);
    return p;
}

/* -- timers ----------------------------------------------------------------------------------- */

struct alarm {
    struct ts_timer timer;
    struct ts_poller *poller;
    int64_t due_us;
    int fired;
};

static int64_t last_due_us;

static void ring(struct ts_timer *t)
{
    struct alarm *a = TS_CONTAINER(t, struct alarm, timer);
    assert_false(ts_timer_is_set(t));
    assert_true(a->due_us >= last_due_us);
    last_due_us = a->due_us;
    a->fired++;
}

static unsigned next_random(unsigned *state)
{
    *state = *state * 1103515245U + 12345U;
    return *state >> 16;
}

static void timers_fire_in_order_whatever_the_order_of_setting(void **state)
{
    (void)state;
    static struct alarm alarms[TIMERS];
    struct ts_poller *p = new_poller();
    unsigned seed = 7;
    int64_t start = ts_now_us();
    last_due_us = 0;
    for (int i = 0; i < TIMERS; i++) {
        alarms[i] = (struct alarm){.timer.fn = ring, .due_us = start + next_random(&seed) % 3000};
        assert_int_equal(ts_timer_set(p, &alarms[i].timer, alarms[i].due_us), TS_OK);
    }
    for (int i = 0; i < TIMERS; i += 3) { /* moved, up and down */
        alarms[i].due_us = start + next_random(&seed) % 3000;
        assert_int_equal(ts_timer_set(p, &alarms[i].timer, alarms[i].due_us), TS_OK);
    }
    for (int i = 1; i < TIMERS; i += 3) { /* taken out of the middle; twice does no harm */
        ts_timer_clear(p, &alarms[i].timer);
        ts_timer_clear(p, &alarms[i].timer);
    }
    while (ts_now_us() < start + 10000)
        (void)ts_poller_turn(p, 1000);
    for (int i = 0; i < TIMERS; i++)
        assert_int_equal(alarms[i].fired, i % 3 == 1 ? 0 : 1);
    ts_poller_free(p);
}

static void set_again(struct ts_timer *t)
{
    struct alarm *a = TS_CONTAINER(t, struct alarm, timer);
    a->fired++;
    assert_int_equal(ts_timer_set(a->poller, t, 1), TS_OK); /* due long ago */
}

static void a_timer_that_sets_itself_again_does_not_hold_up_the_turn(void **state)
{
    (void)state;
    struct ts_poller *p = new_poller();
    struct alarm a = {.timer.fn = set_again, .poller = p};
    assert_int_equal(ts_timer_set(p, &a.timer, 1), TS_OK);
    for (int turns = 1; turns <= 3; turns++) {
        assert_true(ts_poller_turn(p, -1));
        assert_int_equal(a.fired, turns);
    }
    ts_timer_clear(p, &a.timer);
    ts_poller_free(p);
}

static void clear_other(struct ts_timer *t)
{
    struct alarm *a = TS_CONTAINER(t, struct alarm, timer);
    a->fired++;
    ts_timer_clear(a->poller, &(a + 1)->timer);
}

static void a_timer_may_clear_another_that_is_due(void **state)
{
    (void)state;
    struct ts_poller *p = new_poller();
    struct alarm two[2] = {{.timer.fn = clear_other, .poller = p},
                           {.timer.fn = clear_other, .poller = p}};
    assert_int_equal(ts_timer_set(p, &two[0].timer, 1), TS_OK);
    assert_int_equal(ts_timer_set(p, &two[1].timer, 2), TS_OK);
    assert_true(ts_poller_turn(p, 0));
    assert_int_equal(two[0].fired, 1);
    assert_int_equal(two[1].fired, 0);
    ts_poller_free(p);
}

static void a_wait_is_as_long_as_it_was_asked_to_be(void **state)
{
    (void)state;
    struct ts_poller *p = new_poller();
    int64_t start = ts_now_us();
    assert_false(ts_poller_turn(p, 20000));
    assert_true(ts_now_us() - start >= 20000);
    start = ts_now_us();
    assert_false(ts_poller_turn(p, 0));
    assert_true(ts_now_us() - start < 20000);
    assert_true(ts_poller_now(p) >= start);
    ts_poller_free(p);
}

/* -- descriptors ------------------------------------------------------------------------------ */

struct side {
    struct ts_watch watch;
    struct ts_poller *poller;
    struct side *other; /* removed when this one is told */
    unsigned seen;
    int calls;
};

static void see(struct ts_watch *w, unsigned events)
{
    struct side *s = TS_CONTAINER(w, struct side, watch);
    s->seen |= events;
    s->calls++;
    if (s->other != NULL)
        ts_poller_unwatch(s->poller, &s->other->watch);
}

static void open_pair(int fds[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
}

static void a_watch_removed_in_the_same_turn_is_not_told(void **state)
{
    (void)state;
    struct ts_poller *p = new_poller();
    int a[2];
    int b[2];
    open_pair(a);
    open_pair(b);
    struct side one = {.watch = {.fn = see, .fd = -1}, .poller = p};
    struct side two = {.watch = {.fn = see, .fd = -1}, .poller = p};
    one.other = &two;
    two.other = &one; /* whoever comes first removes the other */
    assert_int_equal(ts_poller_watch(p, &one.watch, a[0], TS_POLL_IN), TS_OK);
    assert_int_equal(ts_poller_watch(p, &two.watch, b[0], TS_POLL_IN), TS_OK);
    assert_int_equal(write(a[1], "x", 1), 1);
    assert_int_equal(write(b[1], "x", 1), 1);
    assert_true(ts_poller_turn(p, -1));
    assert_int_equal(one.calls + two.calls, 1);
    ts_poller_unwatch(p, &one.watch);
    ts_poller_unwatch(p, &two.watch); /* idempotent */
    for (int i = 0; i < 2; i++) {
        (void)close(a[i]);
        (void)close(b[i]);
    }
    ts_poller_free(p);
}

static void the_peer_leaving_is_told_without_asking(void **state)
{
    (void)state;
    struct ts_poller *p = new_poller();
    int fds[2];
    open_pair(fds);
    struct side s = {.watch = {.fn = see, .fd = -1}, .poller = p};
    assert_int_equal(ts_poller_watch(p, &s.watch, fds[0], TS_POLL_EDGE), TS_OK);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_false(ts_poller_turn(p, 0)); /* nobody asked for bytes */
    assert_int_equal(shutdown(fds[1], SHUT_WR), 0);
    assert_true(ts_poller_turn(p, -1));
    assert_int_equal(s.seen, TS_POLL_GONE);
    assert_false(ts_poller_turn(p, 0)); /* an edge is told once */
    ts_poller_rewatch(p, &s.watch, TS_POLL_OUT | TS_POLL_IN);
    assert_true(ts_poller_turn(p, -1));
    assert_int_equal(s.seen, TS_POLL_GONE | TS_POLL_OUT | TS_POLL_IN);
    ts_poller_unwatch(p, &s.watch);
    (void)close(fds[0]);
    (void)close(fds[1]);
    ts_poller_free(p);
}

static void a_descriptor_that_cannot_be_watched_is_an_error(void **state)
{
    (void)state;
    struct ts_poller *p = new_poller();
    int fds[2];
    open_pair(fds);
    (void)close(fds[0]);
    struct side s = {.watch = {.fn = see, .fd = -1}};
    assert_int_equal(ts_poller_watch(p, &s.watch, fds[0], TS_POLL_IN), TS_ERR_IO);
    assert_int_equal(s.watch.fd, -1);
    (void)close(fds[1]);
    ts_poller_free(p);
}

/* -- mailbox ---------------------------------------------------------------------------------- */

struct letter {
    struct ts_post post;
    int sender;
    int number;
};

static struct letter letters[SENDERS][POSTS];
static int next_number[SENDERS];
static int received;

static void take_letter(struct ts_post *post)
{
    struct letter *l = TS_CONTAINER(post, struct letter, post);
    assert_int_equal(l->number, next_number[l->sender]++);
    received++;
}

struct sender {
    struct ts_poller *to;
    int index;
};

static void *send_letters(void *arg)
{
    const struct sender *s = arg;
    for (int i = 0; i < POSTS; i++) {
        struct letter *l = &letters[s->index][i];
        *l = (struct letter){.post.fn = take_letter, .sender = s->index, .number = i};
        ts_poller_post(s->to, &l->post);
    }
    return NULL;
}

static void posts_from_many_threads_arrive_each_senders_in_order(void **state)
{
    (void)state;
    struct ts_poller *p = new_poller();
    pthread_t threads[SENDERS];
    struct sender senders[SENDERS];
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){p, i};
        assert_int_equal(pthread_create(&threads[i], NULL, send_letters, &senders[i]), 0);
    }
    while (received < SENDERS * POSTS)
        assert_true(ts_poller_turn(p, 5 * 1000 * 1000));
    for (int i = 0; i < SENDERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    ts_poller_free(p);
}

struct counted {
    struct ts_post post;
    struct ts_deferred deferred;
    struct ts_poller *poller;
    int *count;
};

static void count_reaped(struct ts_deferred *d)
{
    struct counted *c = TS_CONTAINER(d, struct counted, deferred);
    ++*c->count;
    free(c);
}

static void defer_it(struct ts_post *post)
{
    struct counted *c = TS_CONTAINER(post, struct counted, post);
    c->deferred.fn = count_reaped;
    ts_poller_defer(c->poller, &c->deferred);
}

static void what_was_posted_and_deferred_is_run_before_the_loop_goes(void **state)
{
    (void)state;
    struct ts_poller *p = new_poller();
    int count = 0;
    for (int i = 0; i < 3; i++) {
        struct counted *c = calloc(1, sizeof(*c));
        assert_non_null(c);
        *c = (struct counted){.post.fn = defer_it, .poller = p, .count = &count};
        ts_poller_post(p, &c->post);
        if (i == 0) {
            assert_true(ts_poller_turn(p, -1));
            assert_int_equal(count, 0); /* only at the end of the owner's turn */
            ts_poller_reap(p);
            assert_int_equal(count, 1);
        }
    }
    ts_poller_free(p);
    assert_int_equal(count, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_order_whatever_the_order_of_setting),
        cmocka_unit_test(a_timer_that_sets_itself_again_does_not_hold_up_the_turn),
        cmocka_unit_test(a_timer_may_clear_another_that_is_due),
        cmocka_unit_test(a_wait_is_as_long_as_it_was_asked_to_be),
        cmocka_unit_test(a_watch_removed_in_the_same_turn_is_not_told),
        cmocka_unit_test(the_peer_leaving_is_told_without_asking),
        cmocka_unit_test(a_descriptor_that_cannot_be_watched_is_an_error),
        cmocka_unit_test(posts_from_many_threads_arrive_each_senders_in_order),
        cmocka_unit_test(what_was_posted_and_deferred_is_run_before_the_loop_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
