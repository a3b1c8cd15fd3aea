#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "proxy/reader.h"
#include "server/demo_server.h"
#include "server/demo_wire.h"

enum { MAX_TEXT = 1 << 20, THROWS = 4000 };

static const struct ts_demo_model *first_model(enum ts_demo_server_id s)
{
    for (int i = 0; i < TS_DEMO_MODELS; i++) {
        if (ts_demo_models[i].server == s)
            return &ts_demo_models[i];
    }
    fail_msg("server %d has no model", (int)s);
    return NULL;
}

static void the_same_seed_throws_the_same_calls(void **state)
{
    (void)state;
    struct ts_dice a = {.state = 7};
    struct ts_dice b = {.state = 7};
    struct ts_dice c = {.state = 8};
    int differ = 0;
    for (int i = 0; i < THROWS; i++) {
        const struct ts_demo_model *m = &ts_demo_models[i % TS_DEMO_MODELS];
        struct ts_demo_throw x = ts_demo_throw(&a, m, TS_COMPLEXITY_MEDIUM);
        struct ts_demo_throw y = ts_demo_throw(&b, m, TS_COMPLEXITY_MEDIUM);
        struct ts_demo_throw z = ts_demo_throw(&c, m, TS_COMPLEXITY_MEDIUM);
        assert_int_equal(x.outcome, y.outcome);
        assert_int_equal(x.ttft_us, y.ttft_us);
        assert_int_equal(x.gap_us, y.gap_us);
        assert_int_equal(x.output, y.output);
        differ += x.ttft_us != z.ttft_us;
    }
    assert_in_range(differ, THROWS * 9 / 10, THROWS);
}

static void models_fail_about_as_often_as_their_table_says(void **state)
{
    (void)state;
    for (int i = 0; i < TS_DEMO_MODELS; i++) {
        struct ts_dice d = {.state = 42};
        const struct ts_demo_model *m = &ts_demo_models[i];
        int failed = 0;
        for (int n = 0; n < THROWS; n++) {
            struct ts_demo_throw t = ts_demo_throw(&d, m, TS_COMPLEXITY_SIMPLE);
            failed += t.outcome != TS_OUTCOME_DONE;
            assert_true(t.ttft_us > 0 && t.gap_us > 0);
            assert_true((t.error == TS_OK) == (t.outcome == TS_OUTCOME_DONE));
        }
        double share = (double)failed / THROWS;
        assert_true(share > m->failing / 2 && share < m->failing * 2);
    }
}

static void a_pick_follows_its_weights_and_never_takes_a_weight_of_zero(void **state)
{
    (void)state;
    struct ts_dice d = {.state = 1};
    const double weights[] = {0, 3, 1, 0};
    int picked[4] = {0};
    for (int i = 0; i < THROWS; i++)
        picked[ts_dice_pick(&d, weights, 4)]++;
    assert_int_equal(picked[0], 0);
    assert_int_equal(picked[3], 0);
    assert_in_range(picked[1], THROWS * 70 / 100, THROWS * 80 / 100);
}

/* -- the wire, read by the product's own readers ------------------------------------------------
 */

struct sums {
    int texts;
    int terminators;
    int bad;
    int64_t output;
    enum ts_finish finish;
};

static void on_event(void *ctx, const struct ts_event *e, size_t end)
{
    (void)end;
    struct sums *s = ctx;
    s->texts += e->text.len > 0;
    s->terminators += e->terminator;
    s->bad += e->malformed || e->is_error;
    s->output = e->tokens.output != TS_UNKNOWN ? e->tokens.output : s->output;
    s->finish = e->finish != TS_FINISH_NONE ? e->finish : s->finish;
}

static struct sums read_all(enum ts_demo_server_id id, const struct ts_buf *stream)
{
    struct sums s = {.output = TS_UNKNOWN};
    struct ts_reader *r = NULL;
    const struct ts_dialect *d = id == TS_DEMO_OLLAMA ? &ts_ollama_generate : &ts_openai_chat;
    assert_int_equal(ts_reader_new(d, 4096, on_event, &s, &r), TS_OK);
    ts_reader_feed(r, stream->data, stream->len);
    ts_reader_end(r);
    ts_reader_free(r);
    return s;
}

static void every_server_streams_what_its_dialect_calls_a_good_answer(void **state)
{
    (void)state;
    for (int id = 0; id < TS_DEMO_SERVERS; id++) {
        struct ts_demo_answer a = {
            .server = (enum ts_demo_server_id)id,
            .number = 3,
            .ask = {.model = first_model((enum ts_demo_server_id)id),
                    .include_usage = true,
                    .input_tokens = 12},
            .took_us = 900000,
            .first_us = 100000,
        };
        struct ts_buf stream = TS_BUF_INIT(MAX_TEXT);
        ts_demo_open(&a, &stream);
        for (int i = 0; i < 150; i++)
            ts_demo_token(&a, &stream);
        ts_demo_end(&a, id == TS_DEMO_VLLM, &stream);
        assert_true(ts_buf_ok(&stream));
        struct sums s = read_all((enum ts_demo_server_id)id, &stream);
        assert_int_equal(s.texts, 150);
        assert_int_equal(s.output, 150);
        assert_int_equal(s.terminators, 1);
        assert_int_equal(s.bad, 0);
        assert_int_equal(s.finish, id == TS_DEMO_VLLM ? TS_FINISH_LENGTH : TS_FINISH_STOP);
        ts_buf_free(&stream);
    }
}

static void every_server_is_known_by_its_list_of_models(void **state)
{
    (void)state;
    int models = 0;
    for (int id = 0; id < TS_DEMO_SERVERS; id++) {
        const struct ts_kind *kind = ts_demo_kind((enum ts_demo_server_id)id);
        struct ts_buf text = TS_BUF_INIT(MAX_TEXT);
        assert_true(ts_demo_list((enum ts_demo_server_id)id, kind->models_path, &text));
        json_t *answer = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(answer);
        assert_true(kind->is_this(answer, NULL));
        struct ts_model_list list = {
            .models = calloc(TS_MAX_MODELS, sizeof(struct ts_model)),
            .arena = TS_ARENA_INIT(MAX_TEXT),
        };
        assert_non_null(list.models);
        kind->list_models(answer, &list);
        assert_true(list.count > 0);
        assert_string_equal(list.models[0].name, first_model((enum ts_demo_server_id)id)->name);
        models += list.count;
        ts_arena_free(&list.arena);
        free(list.models);
        json_decref(answer);
        ts_buf_free(&text);
    }
    assert_int_equal(models, TS_DEMO_MODELS);
}

static void a_request_is_read_in_either_dialect(void **state)
{
    (void)state;
    struct ts_demo_ask ask;
    struct ts_slice ollama =
        TS_SLICE_LIT("{\"model\":\"qwen2.5:7b\",\"prompt\":\"x\",\"options\":{\"num_predict\":5}}");
    assert_true(ts_demo_ask_read(TS_DEMO_OLLAMA, ollama, &ask));
    assert_non_null(ask.model);
    assert_int_equal(ask.max_tokens, 5);
    assert_false(ask.include_usage);
    struct ts_slice openai = TS_SLICE_LIT("{\"model\":\"Qwen2.5-14B-Instruct\",\"max_tokens\":7,"
                                          "\"stream_options\":{\"include_usage\":true}}");
    assert_true(ts_demo_ask_read(TS_DEMO_VLLM, openai, &ask));
    assert_int_equal(ask.max_tokens, 7);
    assert_true(ask.include_usage);
    assert_true(ts_demo_ask_read(TS_DEMO_LMSTUDIO, openai, &ask));
    assert_null(ask.model); /* it belongs to another server */
    assert_false(ts_demo_ask_read(TS_DEMO_VLLM, TS_SLICE_LIT("[]"), &ask));
    assert_false(ts_demo_ask_read(TS_DEMO_VLLM, TS_SLICE_LIT("{\"model\":7}"), &ask));
    assert_false(ts_demo_ask_read(TS_DEMO_VLLM, TS_SLICE_LIT("nonsense"), &ask));
}

/* -- over a socket ------------------------------------------------------------------------------
 */

static int ask_over_socket(int port, const char *request)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval limit = {.tv_sec = 5};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
    return fd;
}

static void a_server_answers_on_its_port_and_stops_amid_a_stream(void **state)
{
    (void)state;
    struct ts_demo_server *s = NULL;
    assert_int_equal(ts_demo_server_start(TS_DEMO_LLAMACPP, 5, &s, NULL), TS_OK);
    int port = ts_demo_server_port(s);
    int fd = ask_over_socket(port, "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    char bytes[4096] = "";
    assert_true(recv(fd, bytes, sizeof(bytes) - 1, 0) > 0);
    assert_non_null(strstr(bytes, "200 OK"));
    (void)close(fd);

    const char *body = "{\"model\":\"mistral-7b-instruct-v0.3.Q4_K_M.gguf\",\"messages\":[]}";
    char request[512];
    (void)snprintf(request,
                   sizeof(request),
                   "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s",
                   strlen(body),
                   body);
    fd = ask_over_socket(port, request);
    assert_true(recv(fd, bytes, sizeof(bytes) - 1, 0) > 0); /* the head, and tokens to come */
    int64_t before = ts_now_us();
    ts_demo_server_stop(s);
    assert_true(ts_now_us() - before < 2000000);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_throws_the_same_calls),
        cmocka_unit_test(models_fail_about_as_often_as_their_table_says),
        cmocka_unit_test(a_pick_follows_its_weights_and_never_takes_a_weight_of_zero),
        cmocka_unit_test(every_server_streams_what_its_dialect_calls_a_good_answer),
        cmocka_unit_test(every_server_is_known_by_its_list_of_models),
        cmocka_unit_test(a_request_is_read_in_either_dialect),
        cmocka_unit_test(a_server_answers_on_its_port_and_stops_amid_a_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
