/* Places at a server: the queue as a script, and admissions between loops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "proxy/admission.h"
#include "proxy/registry_entry.h"

/* -- the queue -------------------------------------------------------------------------------- */

/* Queues up calls of the askers named by the letters, lets them through one by one, and writes down
 * who came. */
static const char *order_of(const char *askers)
{
    static char got[64];
    struct ts_waiter waiters[64] = {0};
    struct ts_places p = {.limit = 2};
    size_t n = strlen(askers);
    ts_places_take(&p);
    ts_places_take(&p);
    assert_false(ts_places_has_room(&p));
    for (size_t i = 0; i < n; i++) {
        waiters[i].who = (uint64_t)askers[i];
        assert_true(ts_places_wait(&p, &waiters[i]));
    }
    for (size_t i = 0; i < n; i++) {
        struct ts_waiter *w = ts_places_leave(&p, 1000);
        assert_non_null(w);
        got[i] = (char)w->who;
        assert_int_equal(p.taken, 2); /* the place was never free in between */
    }
    got[n] = '\0';
    assert_null(ts_places_leave(&p, 1000));
    assert_int_equal(p.waiting, 0);
    return got;
}

static void askers_take_turns_and_each_ones_calls_stay_in_order(void **state)
{
    (void)state;
    assert_string_equal(order_of("aaaaaa"), "aaaaaa");
    assert_string_equal(order_of("abc"), "abc");
    assert_string_equal(order_of("aaaabb"), "ababaa");
    assert_string_equal(order_of("aaabbbccc"), "abcabcabc");
    assert_string_equal(order_of("aaaaaaaz"), "azaaaaaa");
}

static void somebody_who_was_served_waits_behind_those_who_were_not(void **state)
{
    (void)state;
    struct ts_waiter a[3] = {{.who = 1}, {.who = 1}, {.who = 1}};
    struct ts_waiter b = {.who = 2};
    struct ts_places p = {.limit = 1};
    ts_places_take(&p);
    assert_true(ts_places_wait(&p, &a[0]));
    assert_true(ts_places_wait(&p, &a[1]));
    assert_ptr_equal(ts_places_leave(&p, 1), &a[0]);
    assert_true(ts_places_wait(&p, &b));
    assert_true(ts_places_wait(&p, &a[2]));
    assert_ptr_equal(ts_places_leave(&p, 1), &a[1]);
    assert_ptr_equal(ts_places_leave(&p, 1), &b);
    assert_ptr_equal(ts_places_leave(&p, 1), &a[2]);
}

static void the_queue_is_bounded_and_leaving_frees_its_place_at_once(void **state)
{
    (void)state;
    struct ts_waiter waiters[2 * TS_WAITERS_PER_PLACE + 1] = {0};
    struct ts_places p = {.limit = 2};
    const int most = 2 * TS_WAITERS_PER_PLACE;
    ts_places_take(&p);
    ts_places_take(&p);
    for (int i = 0; i < most; i++)
        assert_true(ts_places_wait(&p, &waiters[i]));
    assert_false(ts_places_wait(&p, &waiters[most]));
    ts_places_forget(&p, &waiters[5]);
    ts_places_forget(&p, &waiters[5]); /* twice is once */
    assert_true(ts_places_wait(&p, &waiters[most]));
    ts_places_forget(&p, &waiters[0]);
    ts_places_forget(&p, &waiters[most]);
    for (int i = 1; i < most; i++) {
        if (i != 5)
            assert_ptr_equal(ts_places_leave(&p, 1), &waiters[i]);
    }
    assert_null(ts_places_leave(&p, 1));
}

static void without_a_limit_nobody_waits(void **state)
{
    (void)state;
    struct ts_places p = {0};
    for (int i = 0; i < 100000; i++) {
        assert_true(ts_places_has_room(&p));
        ts_places_take(&p);
    }
    assert_int_equal(ts_places_expect_us(&p), 0);
}

static void the_wait_that_is_told_follows_how_long_places_are_held(void **state)
{
    (void)state;
    struct ts_waiter w[2] = {0};
    struct ts_places p = {.limit = 2};
    assert_int_equal(ts_places_expect_us(&p), 0); /* nothing is known yet */
    ts_places_take(&p);
    ts_places_take(&p);
    ts_places_take(&p);
    (void)ts_places_leave(&p, 8000);
    assert_int_equal(ts_places_expect_us(&p), 4000);
    assert_true(ts_places_wait(&p, &w[0]));
    assert_true(ts_places_wait(&p, &w[1]));
    assert_int_equal(ts_places_expect_us(&p), 12000);
}

/* -- admissions ------------------------------------------------------------------------------- */

struct house {
    struct ts_registry *registry;
    struct ts_poller *poller;
};

struct guest {
    struct ts_admission a;
    int called;
    enum ts_admission_state state; /* when it was called */
};

static void on_called(struct ts_admission *a)
{
    struct guest *g = TS_CONTAINER(a, struct guest, a);
    g->called++;
    g->state = a->state;
}

static void open_house(struct house *h, int limit)
{
    struct ts_provider p = {.kind = ts_kind(TS_KIND_VLLM),
                            .name = "p",
                            .base_url = "http://127.0.0.1:1",
                            .max_concurrency = limit};
    assert_int_equal(ts_registry_new(&h->registry), TS_OK);
    assert_int_equal(ts_registry_add(h->registry, &p, NULL), TS_OK);
    assert_int_equal(ts_poller_new(&h->poller, NULL), TS_OK);
}

static void close_house(struct house *h)
{
    assert_int_equal(ts_registry_status(h->registry, 0).in_flight, 0);
    assert_int_equal(ts_registry_status(h->registry, 0).waiting, 0);
    ts_poller_free(h->poller);
    ts_registry_free(h->registry);
}

static struct guest guest_of(const struct house *h)
{
    return (struct guest){.a = {.registry = h->registry, .home = h->poller, .called = on_called}};
}

static enum ts_entry enter(struct guest *g, enum ts_entry_how how, int64_t now_us)
{
    return ts_admission_enter(&g->a, 0, how, now_us);
}

static void a_place_that_becomes_free_calls_the_next_one_on_its_loop(void **state)
{
    (void)state;
    struct house h;
    open_house(&h, 1);
    struct guest a = guest_of(&h);
    struct guest b = guest_of(&h);
    struct guest c = guest_of(&h);
    assert_int_equal(enter(&a, TS_ENTER_FREE, 1), TS_ENTRY_INSIDE);
    assert_int_equal(enter(&b, TS_ENTER_FREE, 1), TS_ENTRY_FULL);
    assert_int_equal(enter(&b, TS_ENTER_WAIT, 1), TS_ENTRY_QUEUED);
    assert_int_equal(ts_registry_status(h.registry, 0).waiting, 1);
    (void)ts_admission_leave(&a.a, TS_SIGN_ALIVE, 2);
    assert_int_equal(b.called, 0); /* not from within: it may be another thread's */
    assert_int_equal(enter(&c, TS_ENTER_FREE, 2), TS_ENTRY_FULL); /* the place is b's already */
    (void)ts_poller_turn(h.poller, 1000000);
    assert_int_equal(b.called, 1);
    assert_int_equal(b.state, TS_ADMISSION_INSIDE);
    assert_true(ts_admission_confirm(&b.a, 3));
    (void)ts_admission_leave(&b.a, TS_SIGN_ALIVE, 4);
    (void)ts_admission_leave(&b.a, TS_SIGN_ALIVE, 4); /* twice is once */
    close_house(&h);
}

static void a_waiter_that_leaves_while_it_is_called_hands_the_place_on(void **state)
{
    (void)state;
    struct house h;
    open_house(&h, 1);
    struct guest a = guest_of(&h);
    struct guest b = guest_of(&h);
    struct guest c = guest_of(&h);
    assert_int_equal(enter(&a, TS_ENTER_WAIT, 1), TS_ENTRY_INSIDE);
    assert_int_equal(enter(&b, TS_ENTER_WAIT, 1), TS_ENTRY_QUEUED);
    assert_int_equal(enter(&c, TS_ENTER_WAIT, 1), TS_ENTRY_QUEUED);
    (void)ts_admission_leave(&a.a, TS_SIGN_NONE, 2);
    (void)ts_admission_leave(&b.a, TS_SIGN_NONE, 2); /* the message to it is on its way */
    assert_true(ts_admission_is_called(&b.a));
    (void)ts_poller_turn(h.poller, 1000000);
    assert_int_equal(b.called, 1);
    assert_int_equal(b.state, TS_ADMISSION_AWAY);
    assert_false(ts_admission_is_called(&b.a));
    assert_int_equal(c.called, 1);
    assert_int_equal(c.state, TS_ADMISSION_INSIDE);
    (void)ts_admission_leave(&c.a, TS_SIGN_NONE, 3);
    close_house(&h);
}

static void the_breaker_and_not_before_keep_calls_out_unless_forced(void **state)
{
    (void)state;
    struct house h;
    open_house(&h, 0);
    for (int i = 0; i < TS_BREAKER_IN_A_ROW; i++) {
        struct guest g = guest_of(&h);
        assert_int_equal(enter(&g, TS_ENTER_FREE, 10), TS_ENTRY_INSIDE);
        assert_int_equal(ts_admission_leave(&g.a, TS_SIGN_FAILED, 11),
                         i == TS_BREAKER_IN_A_ROW - 1 ? TS_BREAKER_OPENED : TS_BREAKER_SAME);
    }
    struct guest g = guest_of(&h);
    assert_int_equal(enter(&g, TS_ENTER_WAIT, 12), TS_ENTRY_OPEN);
    assert_int_equal(ts_admission_door(h.registry, 0).failed_us, 11);
    assert_int_equal(enter(&g, TS_ENTER_FORCED, 12), TS_ENTRY_INSIDE);
    assert_int_equal(ts_admission_well(&g.a, 13), TS_BREAKER_HEALED); /* it was the probe */
    assert_int_equal(ts_admission_leave(&g.a, TS_SIGN_NONE, 14), TS_BREAKER_SAME);
    ts_admission_not_before(h.registry, 0, 100);
    assert_int_equal(enter(&g, TS_ENTER_FORCED, 99), TS_ENTRY_LATER);
    assert_int_equal(enter(&g, TS_ENTER_FREE, 100), TS_ENTRY_INSIDE);
    (void)ts_admission_leave(&g.a, TS_SIGN_NONE, 101);
    close_house(&h);
}

static void who_was_called_to_a_server_that_failed_meanwhile_does_not_go_in(void **state)
{
    (void)state;
    struct house h;
    open_house(&h, TS_BREAKER_IN_A_ROW);
    struct guest guests[TS_BREAKER_IN_A_ROW];
    struct guest late = guest_of(&h);
    for (int i = 0; i < TS_BREAKER_IN_A_ROW; i++) {
        guests[i] = guest_of(&h);
        assert_int_equal(enter(&guests[i], TS_ENTER_FREE, 10), TS_ENTRY_INSIDE);
    }
    assert_int_equal(enter(&late, TS_ENTER_WAIT, 10), TS_ENTRY_QUEUED);
    for (int i = 0; i < TS_BREAKER_IN_A_ROW; i++)
        (void)ts_admission_leave(&guests[i].a, TS_SIGN_FAILED, 11);
    (void)ts_poller_turn(h.poller, 1000000);
    assert_int_equal(late.called, 1);
    assert_false(ts_admission_confirm(&late.a, 12));
    (void)ts_admission_leave(&late.a, TS_SIGN_NONE, 12);
    close_house(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(askers_take_turns_and_each_ones_calls_stay_in_order),
        cmocka_unit_test(somebody_who_was_served_waits_behind_those_who_were_not),
        cmocka_unit_test(the_queue_is_bounded_and_leaving_frees_its_place_at_once),
        cmocka_unit_test(without_a_limit_nobody_waits),
        cmocka_unit_test(the_wait_that_is_told_follows_how_long_places_are_held),
        cmocka_unit_test(a_place_that_becomes_free_calls_the_next_one_on_its_loop),
        cmocka_unit_test(a_waiter_that_leaves_while_it_is_called_hands_the_place_on),
        cmocka_unit_test(the_breaker_and_not_before_keep_calls_out_unless_forced),
        cmocka_unit_test(who_was_called_to_a_server_that_failed_meanwhile_does_not_go_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
