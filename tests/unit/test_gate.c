#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "malloc_fail.h"
#include "proxy/gate.h"

/* A client that keeps what is written; the gate uses nothing else of it. */
struct sink {
    struct ts_client client;
    struct ts_buf got;
};

static void sink_write(struct ts_client *c, const char *bytes, size_t n)
{
    ts_buf_put(&TS_CONTAINER(c, struct sink, client)->got, bytes, n);
}

static const struct ts_client_ops sink_ops = {.write = sink_write};

static struct sink sink_new(void)
{
    return (struct sink){.client.ops = &sink_ops, .got = TS_BUF_INIT(4 * 1024 * 1024)};
}

static struct ts_slice s(const char *text)
{
    return ts_slice_str(text);
}

/* A script: c closed (as it begins), o open, then P part, p pass, d drop, k keep, f flush, a
 * abandon; each but o, f and a takes the next piece. */
static void scripts_of_events_leave_what_they_should(void **state)
{
    (void)state;
    const struct {
        const char *name;
        const char *script;
        const char *pieces[8];
        const char *out;
    } cases[] = {
        {"closed: nothing leaves", "pp", {"one\n", "two\n"}, ""},
        {"opened: what waited leaves in order",
         "ppop",
         {"one\n", "two\n", "three\n"},
         "one\ntwo\nthree\n"},
        {"an unfinished event stays", "opP", {"one\n", "tw"}, "one\n"},
        {"until its end is there", "opPPp", {"one\n", "t", "w", "o\n"}, "one\ntwo\n"},
        {"a dropped event leaves nothing",
         "opPdp",
         {"one\n", "tw", "o\n", "three\n"},
         "one\nthree\n"},
        {"a kept event stays", "opPk", {"one\n", "do", "ne\n"}, "one\n"},
        {"until the flush", "opPkf", {"one\n", "do", "ne\n"}, "one\ndone\n"},
        {"an abandoned event leaves nothing", "opPak", {"one\n", "tw", "error\n"}, "one\n"},
        {"and what is kept then follows", "opPakf", {"one\n", "tw", "error\n"}, "one\nerror\n"},
        {"a part may be waiting when the gate opens", "Popp", {"o", "ne\n", "two\n"}, "one\ntwo\n"},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(cases); i++) {
        struct sink sink = sink_new();
        struct ts_gate g;
        int piece = 0;
        ts_gate_init(&g, &sink.client);
        for (const char *at = cases[i].script; *at != '\0'; at++) {
            switch (*at) {
            case 'o':
                ts_gate_open(&g);
                break;
            case 'f':
                ts_gate_flush(&g);
                break;
            case 'a':
                ts_gate_abandon(&g, s("|"));
                break;
            case 'P':
                ts_gate_part(&g, s(cases[i].pieces[piece++]));
                break;
            case 'p':
                ts_gate_pass(&g, s(cases[i].pieces[piece++]));
                break;
            case 'd':
                ts_gate_drop(&g, s(cases[i].pieces[piece++]));
                break;
            case 'k':
                ts_gate_keep(&g, s(cases[i].pieces[piece++]));
                break;
            default:
                fail();
            }
        }
        if (strcmp(ts_buf_text(&sink.got), cases[i].out) != 0)
            print_error("%s\n", cases[i].name);
        assert_string_equal(ts_buf_text(&sink.got), cases[i].out);
        ts_gate_deinit(&g);
        ts_buf_free(&sink.got);
    }
}

static char *long_text(size_t n)
{
    char *text = malloc(n + 1);
    assert_non_null(text);
    for (size_t i = 0; i < n; i++)
        text[i] = (char)('a' + i % 26);
    text[n] = '\0';
    return text;
}

/* Feeds @n bytes in pieces as a socket would. */
static void feed(struct ts_gate *g, const char *text, size_t n)
{
    for (size_t at = 0; at < n;) {
        size_t take = n - at < 16384 ? n - at : 16384;
        struct ts_slice piece = {.at = text + at, .len = take};
        ts_gate_part(g, piece);
        assert_true(g->event.len <= TS_GATE_BYTES);
        at += take;
    }
}

static void of_a_long_event_the_newest_bytes_stay(void **state)
{
    (void)state;
    const size_t n = 5 * TS_GATE_BYTES + 17;
    char *text = long_text(n);
    struct sink sink = sink_new();
    struct ts_gate g;
    ts_gate_init(&g, &sink.client);
    ts_gate_open(&g);
    feed(&g, text, n);
    assert_int_equal(sink.got.len, n - TS_GATE_BYTES);
    ts_gate_keep(&g, s("}\n"));
    assert_int_equal(sink.got.len, n + 2 - TS_GATE_BYTES);
    ts_gate_flush(&g);
    assert_int_equal(sink.got.len, n + 2);
    assert_memory_equal(ts_buf_text(&sink.got), text, n);
    ts_gate_deinit(&g);
    ts_buf_free(&sink.got);
    free(text);
}

static void a_long_event_that_has_begun_to_leave_is_closed_off_or_goes_on(void **state)
{
    (void)state;
    const size_t n = 2 * TS_GATE_BYTES;
    char *text = long_text(n);
    struct sink sink = sink_new();
    struct ts_gate g;
    ts_gate_init(&g, &sink.client);
    ts_gate_open(&g);
    feed(&g, text, n);
    ts_gate_abandon(&g, s("\n\n")); /* what follows must not continue its line */
    assert_int_equal(sink.got.len, n - TS_GATE_BYTES + 2);
    ts_gate_pass(&g, s("next"));
    assert_string_equal(sink.got.data + sink.got.len - 6, "\n\nnext");
    feed(&g, text, n);
    ts_gate_drop(&g, s("end")); /* too late to drop it */
    assert_string_equal(sink.got.data + sink.got.len - 3, "end");
    ts_gate_deinit(&g);
    ts_buf_free(&sink.got);
    free(text);
}

static void a_closed_gate_says_when_it_holds_enough(void **state)
{
    (void)state;
    char *text = long_text(16384);
    struct sink sink = sink_new();
    struct ts_gate g;
    int events = 0;
    ts_gate_init(&g, &sink.client);
    for (; !ts_gate_is_full(&g) && events < 100; events++)
        ts_gate_pass(&g, s(text));
    assert_in_range(events, TS_GATE_BYTES / 16384, TS_GATE_BYTES / 16384 + 1);
    assert_false(ts_gate_has_lost(&g));
    ts_gate_open(&g);
    assert_false(ts_gate_is_full(&g));
    assert_int_equal(sink.got.len, (size_t)events * 16384);
    ts_gate_deinit(&g);
    ts_gate_init(&g, &sink.client);
    for (int i = 0; i < 5; i++)
        ts_gate_part(&g, s(text));
    assert_true(ts_gate_is_full(&g)); /* one event alone */
    ts_gate_reset(&g);
    assert_false(ts_gate_is_full(&g));
    ts_gate_deinit(&g);
    ts_buf_free(&sink.got);
    free(text);
}

static void a_gate_without_a_client_swallows(void **state)
{
    (void)state;
    struct ts_gate g;
    ts_gate_init(&g, NULL);
    ts_gate_part(&g, s("a"));
    ts_gate_pass(&g, s("b"));
    ts_gate_open(&g);
    ts_gate_keep(&g, s("c"));
    ts_gate_flush(&g);
    ts_gate_deinit(&g);
}

/* Whatever allocation fails: all bytes arrive in order, or the gate knows that it has lost some. */
static enum ts_err without_memory(void *ctx)
{
    (void)ctx;
    static struct sink sink;
    static char room[4096];
    struct ts_gate g;
    sink.client.ops = &sink_ops;
    sink.got = (struct ts_buf){.data = room, .cap = sizeof(room), .max = sizeof(room) - 1};
    room[0] = '\0';
    ts_gate_init(&g, &sink.client);
    ts_gate_part(&g, s("o"));
    ts_gate_pass(&g, s("ne\n"));
    bool lost = ts_gate_has_lost(&g);
    ts_gate_open(&g);
    ts_gate_part(&g, s("tw"));
    ts_gate_pass(&g, s("o\n"));
    ts_gate_keep(&g, s("done\n"));
    ts_gate_flush(&g);
    ts_gate_deinit(&g);
    if (!lost)
        assert_string_equal(room, "one\ntwo\ndone\n");
    return lost ? TS_ERR_NOMEM : TS_OK;
}

static void without_memory_bytes_flow_early_or_their_loss_is_known(void **state)
{
    (void)state;
    malloc_torture(without_memory, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scripts_of_events_leave_what_they_should),
        cmocka_unit_test(of_a_long_event_the_newest_bytes_stay),
        cmocka_unit_test(a_long_event_that_has_begun_to_leave_is_closed_off_or_goes_on),
        cmocka_unit_test(a_closed_gate_says_when_it_holds_enough),
        cmocka_unit_test(a_gate_without_a_client_swallows),
        cmocka_unit_test(without_memory_bytes_flow_early_or_their_loss_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
