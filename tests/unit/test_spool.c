/* The spool and its encoding: what goes in comes out, whatever a crash or the disk did to the file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "db/codec.h"
#include "db/spool.h"
#include "malloc_fail.h"
#include "storekit.h"

/* -- the encoding ----------------------------------------------------------------------------- */

static struct ts_buf encoded(struct ts_call *call)
{
    struct ts_buf out = TS_BUF_INIT(1 << 20);
    ts_codec_encode(call, &out);
    assert_true(ts_buf_ok(&out));
    ts_call_free(call);
    return out;
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Everything but the texts, compared as bytes: members are not named here, so none is forgotten. */
static void assert_same_numbers(const struct ts_call *a, const struct ts_call *b)
{
    struct ts_call x = *a;
    struct ts_call *y = ts_call_new();
    struct ts_arena own = y->arena;
    *y = *b;
    x.arena = y->arena = own;
    const char **texts[] = {&x.provider,
                            &x.model,
                            &x.requested_model,
                            &x.reported_model,
                            &x.task_type,
                            &x.error_text,
                            &x.finish_reason,
                            &x.dialect,
                            &x.user_id,
                            &x.user_segment,
                            &x.conversation_id,
                            &x.message_id,
                            &x.tags_json,
                            &x.metadata_json};
    for (size_t i = 0; i < TS_ARRAY_LEN(texts); i++) {
        const char **other = (const char **)(void *)((char *)y + ((char *)texts[i] - (char *)&x));
        assert_true(same_text(*texts[i], *other));
        *texts[i] = *other = NULL;
    }
    assert_int_equal(x.attempt_count, y->attempt_count);
    for (int i = 0; i < x.attempt_count; i++) {
        struct ts_attempt p = x.attempts[i];
        struct ts_attempt q = y->attempts[i];
        assert_true(same_text(p.provider, q.provider) && same_text(p.model, q.model) &&
                    same_text(p.error_text, q.error_text));
        p.provider = p.model = p.error_text = q.provider = q.model = q.error_text = NULL;
        assert_memory_equal(&p, &q, sizeof(p));
    }
    x.attempts = y->attempts = NULL;
    assert_memory_equal(&x, y, sizeof(x));
    y->arena = own;
    ts_call_free(y);
}

static void every_member_survives_the_encoding(void **state)
{
    (void)state;
    for (int full = 0; full < 2; full++) {
        struct ts_call *call = full ? kit_full_call(1) : ts_call_new();
        call->id = 5;
        struct ts_buf bytes = TS_BUF_INIT(1 << 20);
        ts_codec_encode(call, &bytes);
        struct ts_call *back = NULL;
        assert_int_equal(ts_codec_decode(bytes.data, bytes.len, &back), TS_OK);
        assert_same_numbers(call, back);
        ts_call_free(back);
        ts_call_free(call);
        ts_buf_free(&bytes);
    }
}

static void a_cut_encoding_is_refused_at_every_length(void **state)
{
    (void)state;
    struct ts_buf bytes = encoded(kit_full_call(1));
    for (size_t len = 0; len < bytes.len; len++) {
        char *cut = malloc(len + 1); /* its own block, so that a sanitizer sees an overrun */
        memcpy(cut, bytes.data, len);
        struct ts_call *call = NULL;
        assert_int_equal(ts_codec_decode(cut, len, &call), TS_ERR_IO);
        free(cut);
    }
    ts_buf_free(&bytes);
}

static void a_spoiled_encoding_is_refused_or_read_but_never_worse(void **state)
{
    (void)state;
    struct ts_buf bytes = encoded(kit_full_call(1));
    for (size_t at = 0; at < bytes.len; at++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes.data[at] = (char)(bytes.data[at] ^ (1 << bit));
            struct ts_call *call = NULL;
            enum ts_err e = ts_codec_decode(bytes.data, bytes.len, &call);
            assert_true(e == TS_OK || e == TS_ERR_IO || e == TS_ERR_NOMEM);
            ts_call_free(call);
            bytes.data[at] = (char)(bytes.data[at] ^ (1 << bit));
        }
    }
    ts_buf_free(&bytes);
}

static enum ts_err decode(void *ctx)
{
    const struct ts_buf *bytes = ctx;
    struct ts_call *call = NULL;
    enum ts_err e = ts_codec_decode(bytes->data, bytes->len, &call);
    ts_call_free(call);
    return e;
}

static void decoding_without_memory_says_so_and_leaks_nothing(void **state)
{
    (void)state;
    struct ts_buf bytes = encoded(kit_full_call(1));
    malloc_torture(decode, &bytes);
    ts_buf_free(&bytes);
}

/* -- the file --------------------------------------------------------------------------------- */

static struct ts_spool *open_spool(const struct kit *k)
{
    struct ts_spool *s = NULL;
    struct ts_error err = TS_ERROR_INIT;
    if (ts_spool_open(k->path, &s, &err) != TS_OK)
        fail_msg("%s", err.text);
    return s;
}

static enum ts_err append(struct ts_spool *s, int first, int count)
{
    struct ts_buf batch = TS_BUF_INIT(64 << 20);
    for (int i = 0; i < count; i++) {
        struct ts_call *call = kit_full_call(first + i);
        ts_spool_frame(&batch, call);
        ts_call_free(call);
    }
    enum ts_err e = ts_spool_append(s, &batch, count, kit_id(first + count - 1), NULL);
    ts_buf_free(&batch);
    return e;
}

/* The numbers of the calls from *offset on, as text. */
static const char *numbers(struct ts_spool *s, int64_t *offset, char out[static 256])
{
    struct ts_call *calls[3];
    size_t at = 0;
    out[0] = '\0';
    for (int n = ts_spool_read(s, offset, calls, 3); n > 0;
         n = ts_spool_read(s, offset, calls, 3)) {
        for (int i = 0; i < n; i++) {
            at += (size_t)snprintf(
                out + at, 256 - at, "%s%d", at > 0 ? " " : "", (int)(calls[i]->id - kit_id(0)));
            ts_call_free(calls[i]);
        }
    }
    return out;
}

static void what_was_appended_is_read_in_order_and_again(void **state)
{
    struct kit *k = *state;
    struct ts_spool *s = open_spool(k);
    char text[256];
    assert_int_equal(append(s, 1, 2), TS_OK);
    assert_int_equal(append(s, 3, 5), TS_OK);
    for (int again = 0; again < 2; again++) {
        int64_t offset = 0;
        assert_string_equal(numbers(s, &offset, text), "1 2 3 4 5 6 7");
    }
    assert_int_equal(ts_spool_state(s).rows, 7);
    assert_int_equal(ts_spool_state(s).newest_id, kit_id(7));
    ts_spool_close(s);
    s = open_spool(k);
    int64_t offset = 0;
    assert_string_equal(numbers(s, &offset, text), "1 2 3 4 5 6 7");
    assert_int_equal(ts_spool_state(s).rows, 7);
    assert_int_equal(ts_spool_state(s).newest_id, kit_id(7));
    ts_spool_close(s);
}

static void it_is_emptied_only_when_nothing_came_behind(void **state)
{
    struct kit *k = *state;
    struct ts_spool *s = open_spool(k);
    char text[256];
    int64_t offset = 0;
    bool emptied = false;
    assert_int_equal(append(s, 1, 1), TS_OK);
    (void)numbers(s, &offset, text);
    assert_int_equal(append(s, 2, 1), TS_OK);
    assert_int_equal(ts_spool_clear(s, offset, &emptied, NULL), TS_OK);
    assert_false(emptied);
    assert_string_equal(numbers(s, &offset, text), "2");
    assert_int_equal(ts_spool_clear(s, offset, &emptied, NULL), TS_OK);
    assert_true(emptied);
    assert_int_equal(ts_spool_state(s).rows, 0);
    struct stat st;
    assert_int_equal(stat(k->path, &st), 0);
    assert_int_equal(st.st_size, 0);
    assert_int_equal(append(s, 3, 1), TS_OK);
    offset = 0;
    assert_string_equal(numbers(s, &offset, text), "3");
    ts_spool_close(s);
}

static void a_torn_tail_costs_the_last_record_only_at_every_cut(void **state)
{
    struct kit *k = *state;
    struct ts_spool *s = open_spool(k);
    assert_int_equal(append(s, 1, 2), TS_OK);
    int64_t two = ts_spool_state(s).bytes;
    assert_int_equal(append(s, 3, 1), TS_OK);
    int64_t three = ts_spool_state(s).bytes;
    ts_spool_close(s);
    for (int64_t cut = three - 1; cut > two; cut -= 7) {
        assert_int_equal(truncate(k->path, cut), 0);
        s = open_spool(k);
        char text[256];
        int64_t offset = 0;
        assert_string_equal(numbers(s, &offset, text), "1 2");
        assert_int_equal(ts_spool_state(s).bytes, two);
        assert_int_equal(append(s, 3, 1), TS_OK); /* where the torn one was */
        offset = 0;
        assert_string_equal(numbers(s, &offset, text), "1 2 3");
        ts_spool_close(s);
    }
}

static void a_spoiled_record_in_the_middle_costs_itself_only(void **state)
{
    struct kit *k = *state;
    struct ts_spool *s = open_spool(k);
    assert_int_equal(append(s, 1, 1), TS_OK);
    int64_t one = ts_spool_state(s).bytes;
    assert_int_equal(append(s, 2, 1), TS_OK);
    int64_t two = ts_spool_state(s).bytes;
    assert_int_equal(append(s, 3, 1), TS_OK);
    ts_spool_close(s);
    FILE *f = fopen(k->path, "r+e");
    for (int64_t at = one; at < two; at += 5) {
        assert_int_equal(fseek(f, (long)at, SEEK_SET), 0);
        int was = fgetc(f);
        assert_int_equal(fseek(f, (long)at, SEEK_SET), 0);
        (void)fputc(was ^ 0x55, f);
        assert_int_equal(fflush(f), 0);
        s = open_spool(k);
        char text[256];
        int64_t offset = 0;
        assert_string_equal(numbers(s, &offset, text), "1 3");
        assert_true(ts_spool_state(s).damaged_bytes > 0);
        ts_spool_close(s);
        assert_int_equal(fseek(f, (long)at, SEEK_SET), 0);
        (void)fputc(was, f);
        assert_int_equal(fflush(f), 0);
    }
    (void)fclose(f);
}

static void rows_and_bytes_are_bounded(void **state)
{
    struct kit *k = *state;
    struct ts_spool *s = open_spool(k);
    assert_int_equal(append(s, 1, TS_SPOOL_MAX_ROWS - 1), TS_OK);
    assert_int_equal(append(s, 1, 2), TS_ERR_STORAGE_UNAVAILABLE);
    assert_int_equal(append(s, 1, 1), TS_OK);
    assert_int_equal(append(s, 1, 1), TS_ERR_STORAGE_UNAVAILABLE);
    assert_int_equal(ts_spool_state(s).rows, TS_SPOOL_MAX_ROWS);
    ts_spool_close(s);
}

static void its_file_is_for_its_owner_alone(void **state)
{
    struct kit *k = *state;
    ts_spool_close(open_spool(k));
    struct stat st;
    assert_int_equal(stat(k->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_survives_the_encoding),
        cmocka_unit_test(a_cut_encoding_is_refused_at_every_length),
        cmocka_unit_test(a_spoiled_encoding_is_refused_or_read_but_never_worse),
        cmocka_unit_test(decoding_without_memory_says_so_and_leaks_nothing),
        TEST(what_was_appended_is_read_in_order_and_again),
        TEST(it_is_emptied_only_when_nothing_came_behind),
        TEST(a_torn_tail_costs_the_last_record_only_at_every_cut),
        TEST(a_spoiled_record_in_the_middle_costs_itself_only),
        TEST(rows_and_bytes_are_bounded),
        TEST(its_file_is_for_its_owner_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
