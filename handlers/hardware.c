#include "handlers/hardware.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/thread.h"

enum { WINDOW_MS = 250, TICK_MS = 1000 };

struct ts_hardware {
    struct ts_hardware_options options;
    pthread_t thread;
    struct ts_gpus *gpus;       /* the thread's */
    int pids[TS_MAX_PROVIDERS]; /* the thread's; -1: not known */
    struct ts_cpu_mark marks[TS_MAX_PROVIDERS];

    pthread_mutex_t lock; /* a leaf, over no I/O; guards what follows */
    pthread_cond_t for_stop;
    bool stopping;
    struct ts_hardware_look common;
    struct ts_process_use processes[TS_MAX_PROVIDERS];
};

/* -- looking -------------------------------------------------------------------------------------
 */

/* The port of a server on this machine; -1 where it is elsewhere. */
static int local_port(const struct ts_provider *p)
{
    static const char *const hosts[] = {
        "http://127.0.0.1", "http://localhost", "http://[::1]", "http://0.0.0.0"};
    for (size_t i = 0; i < TS_ARRAY_LEN(hosts); i++) {
        size_t n = strlen(hosts[i]);
        if (strncmp(p->base_url, hosts[i], n) != 0)
            continue;
        if (p->base_url[n] == '\0' || p->base_url[n] == '/')
            return 80;
        long port = p->base_url[n] == ':' ? strtol(p->base_url + n + 1, NULL, 10) : -1;
        return port > 0 && port <= 65535 ? (int)port : -1;
    }
    return -1;
}

static void mark_processes(struct ts_hardware *h)
{
    for (int i = 0; i < ts_registry_count(h->options.registry); i++) {
        const struct ts_provider *p = ts_registry_provider(h->options.registry, i);
        int port = p->kind->local && !p->simulated ? local_port(p) : -1;
        h->pids[i] = port > 0 ? ts_process_of_port(port) : -1;
        if (h->pids[i] > 0)
            h->marks[i] = ts_process_mark(h->pids[i]);
    }
}

static void store_sample(struct ts_hardware *h,
                         const struct ts_hardware_look *look,
                         const char *provider)
{
    struct ts_store_sample s = {
        .at_ms = look->at_ms,
        .cpu_percent = look->process.cpu_percent,
        .memory_bytes = look->process.memory_bytes,
        .host_cpu_percent = look->machine.cpu_percent,
        .host_memory_bytes = look->machine.memory_bytes,
        .host_memory_total_bytes = look->machine.memory_total_bytes,
        .gpu_percent = look->gpu.percent,
        .gpu_memory_bytes = look->gpu.memory_bytes,
        .gpu_memory_total_bytes = look->gpu.memory_total_bytes,
    };
    (void)snprintf(s.provider, sizeof(s.provider), "%s", provider);
    ts_store_sample(h->options.store, &s);
}

static void nap(int ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    (void)nanosleep(&t, NULL);
}

/* Shares of processor time are of a short window, so that the first look is as good as the others.
 */
static void look(struct ts_hardware *h)
{
    struct ts_hardware_look now = {.process = {-1, -1}};
    struct ts_process_use use[TS_MAX_PROVIDERS];
    int count = ts_registry_count(h->options.registry);
    mark_processes(h);
    struct ts_cpu_mark before = ts_machine_mark();
    nap(WINDOW_MS);
    now.machine = ts_machine_since(&before);
    now.gpu = ts_gpus_read(h->gpus);
    now.at_ms = ts_wall_ms();
    for (int i = 0; i < count; i++)
        use[i] = h->pids[i] > 0 ? ts_process_since(h->pids[i], &h->marks[i])
                                : (struct ts_process_use){-1, -1};
    {
        TS_GUARD(&h->lock);
        h->common = now;
        memcpy(h->processes, use, (size_t)count * sizeof(use[0]));
    }
    for (int i = 0; h->options.store != NULL && i < count; i++) {
        now.process = use[i];
        if (h->pids[i] > 0)
            store_sample(h, &now, ts_registry_provider(h->options.registry, i)->name);
    }
}

/* Waits so long; false when it is told to stop. */
static bool wait_for(struct ts_hardware *h, int ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + (int64_t)(ms % 1000) * 1000000;
    until.tv_sec += ms / 1000 + ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    TS_GUARD(&h->lock);
    while (!h->stopping && pthread_cond_timedwait(&h->for_stop, &h->lock, &until) == 0)
        ;
    return !h->stopping;
}

static void *run(void *arg)
{
    struct ts_hardware *h = arg;
    int every_ms = h->options.every_ms > 0 ? h->options.every_ms : TS_HARDWARE_EVERY_MS;
    int tick_ms = every_ms < TICK_MS ? every_ms : TICK_MS;
    int64_t next_us = 0;
    h->gpus = ts_gpus_open(h->options.gpu_library);
    while (wait_for(h, tick_ms)) {
        if (atomic_load_explicit(h->options.in_flight, memory_order_relaxed) == 0 ||
            ts_now_us() < next_us)
            continue;
        next_us = ts_now_us() + every_ms * INT64_C(1000);
        look(h);
    }
    ts_gpus_close(h->gpus);
    return NULL;
}

/* -- everybody else's side -----------------------------------------------------------------------
 */

struct ts_hardware_look ts_hardware_last(struct ts_hardware *h, int provider)
{
    TS_GUARD(&h->lock);
    struct ts_hardware_look look = h->common;
    look.process = h->processes[provider];
    return look;
}

static void destroy(struct ts_hardware *h)
{
    (void)pthread_cond_destroy(&h->for_stop);
    (void)pthread_mutex_destroy(&h->lock);
    free(h);
}

enum ts_err ts_hardware_start(const struct ts_hardware_options *o,
                              struct ts_hardware **out,
                              struct ts_error *err)
{
    struct ts_hardware *h = calloc(1, sizeof(*h));
    pthread_condattr_t attr;
    if (h == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory to look at the hardware");
    h->options = *o;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&h->lock, NULL);
    (void)pthread_cond_init(&h->for_stop, &attr);
    (void)pthread_condattr_destroy(&attr);
    if (pthread_create(&h->thread, NULL, run, h) != 0) {
        destroy(h);
        return ts_fail(err, TS_ERR_NOMEM, "cannot start a thread for the hardware");
    }
    *out = h;
    return TS_OK;
}

void ts_hardware_stop(struct ts_hardware *h)
{
    if (h == NULL)
        return;
    {
        TS_GUARD(&h->lock);
        h->stopping = true;
        (void)pthread_cond_signal(&h->for_stop);
    }
    (void)pthread_join(h->thread, NULL);
    destroy(h);
}
