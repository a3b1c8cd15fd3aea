/* The table behind Idempotency-Key: its bounds and its time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "handlers/idempotency.h"

static const int64_t hour_us = INT64_C(3600000000);

struct table {
    struct ts_idempotency *i;
    int64_t now_us;
};

static void open_table(struct table *t)
{
    t->now_us = 1;
    assert_int_equal(ts_idempotency_new(&t->i), TS_OK);
}

/* What the table says to a request: TS_OK with a claim, or an answer to give. */
static enum ts_err ask(struct table *t,
                       const char *key,
                       const char *body,
                       struct ts_claim **claim,
                       struct ts_kept **answer)
{
    struct ts_error err = TS_ERROR_INIT;
    const struct ts_idempotency_ask q = {
        .key = key, .path = "/api/chat", .body = ts_slice_str(body), .now_us = t->now_us};
    *claim = NULL;
    *answer = NULL;
    enum ts_err rc = ts_idempotency_claim(t->i, &q, claim, answer, &err);
    assert_int_equal(rc, err.code);
    return rc;
}

static struct ts_kept *an_answer(size_t bytes)
{
    static char text[TS_IDEMPOTENCY_ANSWER_BYTES + 1];
    static const struct ts_header headers[] = {{"X-A", "1"}, {NULL, NULL}};
    static const struct ts_head head = {
        .status = 200, .content_type = "text/plain", .headers = headers};
    struct ts_kept *a = ts_kept_new();
    assert_non_null(a);
    ts_kept_head(a, &head);
    ts_kept_body(a, text, bytes);
    return a;
}

static void call(struct table *t, const char *key, size_t bytes)
{
    struct ts_claim *claim;
    struct ts_kept *answer;
    assert_int_equal(ask(t, key, "{}", &claim, &answer), TS_OK);
    assert_non_null(claim);
    ts_idempotency_keep(t->i, claim, an_answer(bytes));
}

/* 'a': the kept answer, 'c': it may go on as a new call, 'd': it was done, and that is all. */
static char what_is(struct table *t, const char *key)
{
    struct ts_claim *claim;
    struct ts_kept *answer;
    enum ts_err rc = ask(t, key, "{}", &claim, &answer);
    char what = answer != NULL ? 'a' : claim != NULL ? 'c' : 'd';
    assert_int_equal(rc, what == 'd' ? TS_ERR_ALREADY_DONE : TS_OK);
    ts_idempotency_release(t->i, claim);
    ts_kept_drop(answer);
    return what;
}

static void a_key_counts_for_a_day(void **state)
{
    (void)state;
    struct table t;
    open_table(&t);
    call(&t, "key-0001", 10);
    t.now_us += 24 * hour_us - 1;
    assert_int_equal(what_is(&t, "key-0001"), 'a');
    t.now_us += 1;
    assert_int_equal(what_is(&t, "key-0001"), 'c');
    ts_idempotency_free(t.i);
}

static void a_running_call_is_never_forgotten(void **state)
{
    (void)state;
    struct table t;
    struct ts_claim *claim;
    struct ts_claim *second;
    struct ts_kept *answer;
    open_table(&t);
    assert_int_equal(ask(&t, "key-0001", "{}", &claim, &answer), TS_OK);
    t.now_us += 48 * hour_us;
    assert_int_equal(ask(&t, "key-0001", "{}", &second, &answer), TS_ERR_STILL_RUNNING);
    assert_int_equal(ask(&t, "key-0001", "{} ", &second, &answer), TS_ERR_KEY_REUSED);
    ts_idempotency_release(t.i, claim);
    assert_int_equal(what_is(&t, "key-0001"), 'c');
    ts_idempotency_free(t.i);
}

static void the_oldest_answers_make_room_and_their_keys_stay(void **state)
{
    (void)state;
    struct table t;
    char key[16];
    open_table(&t);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(key, sizeof(key), "key-%04d", i);
        call(&t, key, TS_IDEMPOTENCY_ANSWER_BYTES);
    }
    assert_int_equal(what_is(&t, "key-0000"), 'd');
    assert_int_equal(what_is(&t, "key-0099"), 'a');
    call(&t, "too-large", TS_IDEMPOTENCY_ANSWER_BYTES + 1);
    assert_int_equal(what_is(&t, "too-large"), 'd');
    ts_idempotency_free(t.i);
}

static void the_oldest_keys_make_room_for_new_ones(void **state)
{
    (void)state;
    struct table t;
    char key[16];
    open_table(&t);
    for (int i = 0; i <= TS_IDEMPOTENCY_KEYS; i++) {
        (void)snprintf(key, sizeof(key), "key-%05d", i);
        call(&t, key, 1);
    }
    assert_int_equal(what_is(&t, "key-00001"), 'a');
    assert_int_equal(what_is(&t, "key-00000"), 'c');
    ts_idempotency_free(t.i);
}

static void an_answer_that_is_being_given_survives_its_key(void **state)
{
    (void)state;
    struct table t;
    struct ts_claim *claim;
    struct ts_kept *answer;
    open_table(&t);
    call(&t, "key-0001", 1000);
    assert_int_equal(ask(&t, "key-0001", "{}", &claim, &answer), TS_OK);
    ts_idempotency_free(t.i);
    ts_kept_drop(answer); /* the sanitizer would tell */
}

static void the_form_of_a_key_is_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "7 chars", "tab\tinside it", "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"};
    char longest[TS_IDEMPOTENCY_KEY_MAX + 2];
    struct table t;
    struct ts_claim *claim;
    struct ts_kept *answer;
    open_table(&t);
    memset(longest, 'k', sizeof(longest));
    longest[TS_IDEMPOTENCY_KEY_MAX + 1] = '\0';
    for (size_t i = 0; i < TS_ARRAY_LEN(bad); i++)
        assert_int_equal(ask(&t, bad[i], "{}", &claim, &answer), TS_ERR_INVALID_FIELD);
    assert_int_equal(ask(&t, longest, "{}", &claim, &answer), TS_ERR_INVALID_FIELD);
    longest[TS_IDEMPOTENCY_KEY_MAX] = '\0';
    assert_int_equal(what_is(&t, longest), 'c');
    assert_int_equal(what_is(&t, "8 chars!"), 'c');
    ts_idempotency_free(t.i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_counts_for_a_day),
        cmocka_unit_test(a_running_call_is_never_forgotten),
        cmocka_unit_test(the_oldest_answers_make_room_and_their_keys_stay),
        cmocka_unit_test(the_oldest_keys_make_room_for_new_ones),
        cmocka_unit_test(an_answer_that_is_being_given_survives_its_key),
        cmocka_unit_test(the_form_of_a_key_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
