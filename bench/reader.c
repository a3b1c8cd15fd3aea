/*
 * What reading a stream costs: CPU time per event and per byte of the relay's tap, without sockets.
 *
 * Events have the shape of real ones; a read holds 16 KiB of them. The best of five rounds is told,
 * since other work on the machine can only make a round slower.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proxy/reader.h"

enum { READ_BYTES = 16 * 1024, ROUND_BYTES = 32 * 1024 * 1024, ROUNDS = 5, MAX_TEXT = 4096 };

static const struct shape {
    const char *name;
    const struct ts_dialect *dialect;
    const char *event;
} shapes[] = {
    {"ollama line",
     &ts_ollama_generate,
     "{\"model\":\"llama3.2:latest\",\"created_at\":\"2026-11-20T21:00:00.123456789Z\","
     "\"response\":\" between\",\"done\":false}\n"},
    {"openai chunk",
     &ts_openai_chat,
     "data: {\"choices\":[{\"finish_reason\":null,\"index\":0,\"delta\":{\"content\":\" "
     "between\"}}],"
     "\"created\":1795205379,\"id\":\"chatcmpl-L2auk4jIcjIRjK3XgKcJ3NGhW3ZTyq1B\","
     "\"model\":\"tiny-random\",\"system_fingerprint\":\"b0-unknown\","
     "\"object\":\"chat.completion.chunk\"}\n\n"},
};

static void count(void *ctx, const struct ts_event *e, size_t end)
{
    (void)end;
    if (ts_event_has_content(e))
        (*(size_t *)ctx)++;
}

static double cpu_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* CPU nanoseconds for one round; *@events is how many events it had. */
static double run_round(struct ts_reader *r, const struct ts_buf *read, size_t *events)
{
    *events = 0;
    double start = cpu_ns();
    for (size_t fed = 0; fed < ROUND_BYTES; fed += read->len)
        ts_reader_feed(r, read->data, read->len);
    return cpu_ns() - start;
}

static int run(const struct shape *shape)
{
    struct ts_buf read = TS_BUF_INIT(2 * READ_BYTES);
    struct ts_reader *r = NULL;
    size_t events;
    double best = 0;
    while (read.len < READ_BYTES && ts_buf_ok(&read))
        ts_buf_puts(&read, shape->event);
    if (!ts_buf_ok(&read) || ts_reader_new(shape->dialect, MAX_TEXT, count, &events, &r) != TS_OK)
        return 1;
    for (int i = 0; i < ROUNDS; i++) {
        double ns = run_round(r, &read, &events);
        best = i == 0 || ns < best ? ns : best;
    }
    size_t bytes = events * strlen(shape->event);
    (void)printf("%-14s %4zu bytes  %6.0f ns/event  %5.2f ns/byte\n",
                 shape->name,
                 strlen(shape->event),
                 best / (double)events,
                 best / (double)bytes);
    ts_reader_free(r);
    ts_buf_free(&read);
    return 0;
}

int main(void)
{
    int failed = 0;
    for (size_t i = 0; i < TS_ARRAY_LEN(shapes); i++)
        failed |= run(&shapes[i]);
    return failed;
}
