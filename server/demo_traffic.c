#include "server/demo_traffic.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "server/demo_model.h"
#include "server/demo_pause.h"

enum { PEOPLE = 3, MAX_REQUEST = 8192, MAX_ANSWER_HEAD = 8192, POLL_MS = 200 };

static const char *const prompts[] = {
    "Good morning! What should I cook tonight with leeks and potatoes?",
    "Tell me in two sentences why the sky is blue.",
    "Write a Python function that merges two sorted lists, with tests.",
    "```c\nfree(p);\nreturn *p;\n```\nWhy does this crash, and how do I fix the bug?",
    "Refactor this SQL query so that it uses an index: select ... where date(ts) = today",
    "Compare the pros and cons of renting and buying a flat over ten years; analyse the costs.",
    "Analyse this trend: revenue 3.1, 3.4, 3.3, 4.0, 4.8. What drives it?",
    "If all bloops are razzies and some razzies are lazzies, are some bloops lazzies?",
    "A train leaves at 9:10 at 80 km/h, another at 9:40 at 110 km/h. When do they meet? Prove it.",
    "Write a short story about a lighthouse keeper who collects fog.",
    "Write a poem of four lines about the first snow.",
    "Summarize the attached report and list its open questions.",
    "Extract all dates from this CSV file and put them in order.",
    "Call the weather function for Lisbon and return JSON with the arguments.",
    "Translate to German: the meeting was moved to Thursday.",
    "Explain this regular expression: ^[A-Z]{2}[0-9]{6}$",
};

struct ts_demo_traffic;

struct person {
    struct ts_demo_traffic *traffic;
    struct ts_dice dice;
    pthread_t thread;
    bool started;
};

struct ts_demo_traffic {
    struct ts_address at;
    char base_path[128];
    struct ts_demo_pause pause;
    struct person people[PEOPLE];
};

/* False when it is time to go. */
static bool rest(struct ts_demo_traffic *t, int64_t ms)
{
    return ts_demo_pause_until(&t->pause, ts_now_us() + ms * 1000);
}

/* -- one exchange, on a connection of its own ------------------------------------------------- */

static int dial(const struct ts_address *at)
{
    int fd = socket(at->sock.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    struct timeval poll = {.tv_usec = POLL_MS * 1000};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &poll, sizeof(poll));
    if (connect(fd, &at->sock.any, at->len) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static bool post(struct ts_demo_traffic *t, int fd, const char *path, const struct ts_buf *body)
{
    struct ts_buf request = TS_BUF_INIT(MAX_REQUEST);
    ts_buf_printf(&request,
                  "POST %s%s HTTP/1.1\r\nHost: localhost:%d\r\nContent-Type: application/json\r\n"
                  "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                  t->base_path,
                  path,
                  t->at.port,
                  body->len);
    ts_buf_put(&request, ts_buf_text(body), body->len);
    bool ok = ts_buf_ok(&request) &&
              send(fd, request.data, request.len, MSG_NOSIGNAL) == (ssize_t)request.len;
    ts_buf_free(&request);
    return ok;
}

/* Reads to the end, or until @patience_ms are over, keeping the beginning in @head. Returns whether
 * the end came. */
static bool read_answer(struct ts_demo_traffic *t, int fd, int64_t patience_ms, struct ts_buf *head)
{
    int64_t until = ts_now_us() + patience_ms * 1000;
    while (ts_now_us() < until && rest(t, 0)) {
        char bytes[4096];
        ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
        if (n == 0)
            return true;
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (n > 0 && head->len + (size_t)n <= head->max)
            ts_buf_put(head, bytes, (size_t)n);
    }
    return false;
}

static void rate(struct ts_demo_traffic *t, const char *answer, int rating)
{
    const char *name = "X-Touchstone-Request-Id: ";
    const char *id = strstr(answer, name);
    if (id == NULL)
        return;
    id += strlen(name);
    struct ts_buf body = TS_BUF_INIT(256);
    ts_buf_puts(&body, "{\"requestId\":");
    ts_buf_put_json_string(&body, id, strcspn(id, "\r\n"));
    ts_buf_printf(&body, ",\"rating\":%d}", rating);
    struct ts_buf head = TS_BUF_INIT(MAX_ANSWER_HEAD);
    int fd = dial(&t->at);
    if (fd >= 0 && ts_buf_ok(&body) && post(t, fd, "/api/analytics/models/feedback", &body))
        (void)read_answer(t, fd, 5000, &head);
    if (fd >= 0)
        (void)close(fd);
    ts_buf_free(&head);
    ts_buf_free(&body);
}

/* -- a person --------------------------------------------------------------------------------- */

static void ask(struct person *p)
{
    struct ts_dice *d = &p->dice;
    const struct ts_demo_model *model = &ts_demo_models[ts_dice_next(d) % TS_DEMO_MODELS];
    struct ts_buf body = TS_BUF_INIT(MAX_REQUEST);
    const char *prompt = prompts[ts_dice_next(d) % TS_ARRAY_LEN(prompts)];
    ts_buf_printf(&body, "{\"model\":\"%s\",\"prompt\":", model->name);
    ts_buf_put_json_string(&body, prompt, strlen(prompt));
    ts_buf_printf(
        &body, ",\"touchstone\":{\"userId\":\"visitor-%d\"}}", (int)(p - p->traffic->people) + 1);
    bool impatient = ts_dice_share(d) < 0.05;
    struct ts_buf answer = TS_BUF_INIT(MAX_ANSWER_HEAD);
    int fd = dial(&p->traffic->at);
    bool whole = fd >= 0 && ts_buf_ok(&body) && post(p->traffic, fd, "/api/generate", &body) &&
                 read_answer(p->traffic, fd, impatient ? 900 : 120000, &answer);
    if (fd >= 0)
        (void)close(fd);
    if (whole && ts_dice_share(d) < 0.4)
        rate(p->traffic, ts_buf_text(&answer), ts_dice_share(d) < 0.8 ? 1 : -1);
    ts_buf_free(&answer);
    ts_buf_free(&body);
}

static void *live(void *arg)
{
    struct person *p = arg;
    while (rest(p->traffic, 300 + (int64_t)ts_dice_around(&p->dice, 1500, 0.8)))
        ask(p);
    return NULL;
}

enum ts_err ts_demo_traffic_start(const struct ts_address *at,
                                  const char *base_path,
                                  uint64_t seed,
                                  struct ts_demo_traffic **out,
                                  struct ts_error *err)
{
    struct ts_demo_traffic *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for sample traffic");
    t->at = *at;
    (void)snprintf(t->base_path, sizeof(t->base_path), "%s", base_path);
    ts_demo_pause_init(&t->pause);
    for (int i = 0; i < PEOPLE; i++) {
        struct person *p = &t->people[i];
        *p = (struct person){.traffic = t, .dice = {.state = seed + (uint64_t)i}};
        p->started = pthread_create(&p->thread, NULL, live, p) == 0;
        if (!p->started) {
            ts_demo_traffic_stop(t);
            return ts_fail(err, TS_ERR_IO, "cannot start a thread for sample traffic");
        }
    }
    *out = t;
    return TS_OK;
}

void ts_demo_traffic_stop(struct ts_demo_traffic *t)
{
    if (t == NULL)
        return;
    ts_demo_pause_end(&t->pause);
    for (int i = 0; i < PEOPLE; i++) {
        if (t->people[i].started)
            (void)pthread_join(t->people[i].thread, NULL);
    }
    ts_demo_pause_deinit(&t->pause);
    free(t);
}
