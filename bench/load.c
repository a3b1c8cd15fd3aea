/*
 * The load generator of tools/bench: one of five loads (load.h), on one thread.
 *
 *   bench-load MODE NAME=VALUE...     e.g. bench-load paced port=8420 streams=400 interval_us=20000
 */
#include "bench/load.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "bench/net.h"

static const struct {
    const char *name;
    int (*run)(const struct bench_load *l);
} modes[] = {
    {"seq", bench_load_seq},
    {"streams", bench_load_streams},
    {"rate", bench_load_rate},
    {"cancel", bench_load_cancel},
    {"stall", bench_load_stall},
};

static bool set_option(struct bench_load *l, const char *name, size_t len, const char *value)
{
    const struct {
        const char *name;
        int64_t *to;
    } numbers[] = {
        {"tokens", &l->plan.tokens},
        {"interval_us", &l->plan.interval_us},
        {"delay_us", &l->plan.delay_us},
        {"requests", &l->requests},
        {"streams", &l->streams},
        {"ramp_ms", &l->ramp_ms},
        {"window_ms", &l->window_ms},
        {"again", &l->again},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(numbers); i++) {
        if (strlen(numbers[i].name) == len && memcmp(numbers[i].name, name, len) == 0) {
            *numbers[i].to = bench_number(numbers[i].name, value, 0, INT32_MAX);
            return true;
        }
    }
    if (len == 6 && memcmp(name, "target", len) == 0)
        l->path = value;
    else if (len == 5 && memcmp(name, "model", len) == 0)
        l->model = value;
    else if (len == 7 && memcmp(name, "headers", len) == 0)
        l->headers = value;
    else if (len == 4 && memcmp(name, "port", len) == 0)
        l->port = (int)bench_number("port", value, 1, 65535);
    else if (len == 9 && memcmp(name, "mock_port", len) == 0)
        l->mock_port = (int)bench_number("mock_port", value, 1, 65535);
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    struct bench_load l = {
        .path = "/api/generate",
        .model = BENCH_MODEL,
        .headers = "",
        .plan = {.tokens = 3},
        .requests = 1000,
        .streams = 32,
        .ramp_ms = 1000,
        .window_ms = 5000,
    };
    for (int i = 2; i < argc; i++) {
        size_t len = strcspn(argv[i], "=");
        if (argv[i][len] == '\0' || !set_option(&l, argv[i], len, argv[i] + len + 1)) {
            (void)fprintf(stderr, "bench-load: unknown option '%s'\n", argv[i]);
            return 64;
        }
    }
    (void)signal(SIGPIPE, SIG_IGN);
    bench_raise_limits();
    for (size_t i = 0; argc > 1 && l.port > 0 && i < TS_ARRAY_LEN(modes); i++) {
        if (strcmp(modes[i].name, argv[1]) == 0)
            return modes[i].run(&l);
    }
    (void)fprintf(stderr,
                  "usage: bench-load seq|streams|rate|cancel|stall port=N [NAME=VALUE]...\n");
    return 64;
}
