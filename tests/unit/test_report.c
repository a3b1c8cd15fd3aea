/* The benchmark report: which text comes of which figures. The golden text is worked out by hand;
 * the intervals of rates are Wilson's formula in 30 decimal digits. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "analytics/report.h"

static const double unknown = (double)NAN;

static bool is_local(const void *ctx, const char *provider)
{
    (void)ctx;
    (void)provider;
    return true;
}

static const struct ts_host desk = {
    .cpu = "Some CPU 9000",
    .cores = 16,
    .memory_bytes = INT64_C(34359738368),
    .system = "Linux 6.1.0",
};

/* Figures of @n calls that all went well and told nothing else. */
static struct ts_figures figures(int64_t n)
{
    return (struct ts_figures){
        .total_calls = n,
        .successes = n,
        .avg_response_us = unknown,
        .median_response_us = unknown,
        .median_low_us = unknown,
        .median_high_us = unknown,
        .p95_response_us = unknown,
        .tokens_per_second = unknown,
        .success_rate = n > 0 ? 100 : unknown,
        .satisfaction_rate = unknown,
        .evidence = {.trials = n,
                     .good = n,
                     .weight = (double)n,
                     .weight_good = (double)n,
                     .weight_squares = (double)n},
    };
}

static struct ts_group group(const char *model, const char *task, struct ts_figures f)
{
    return (struct ts_group){.model = model,
                             .provider = model != NULL ? "ollama" : NULL,
                             .task_type = task,
                             .bucket = INT64_MIN,
                             .figures = f};
}

/* 95 of 100 calls good, three more cancelled. */
static struct ts_figures known(void)
{
    struct ts_figures f = figures(103);
    f.successes = 95;
    f.failures = 5;
    f.timeouts = 2;
    f.cancelled = 3;
    f.failed_attempts = 1;
    f.up = 3;
    f.down = 1;
    f.avg_response_us = 3200400;
    f.median_response_us = 2950000;
    f.median_low_us = 2800000;
    f.median_high_us = 3100000;
    f.p95_response_us = 19876543;
    f.tokens_per_second = 41.26;
    f.success_rate = 95;
    f.satisfaction_rate = 75;
    f.cost_usd = (struct ts_spread){.n = 10, .sum = 0.005};
    f.evidence = (struct ts_evidence){
        .trials = 100, .good = 95, .weight = 100, .weight_good = 95, .weight_squares = 100};
    return f;
}

/* Five fast calls of which little is known; older ones, of which 16 / 3.2 = 5 fresh ones are left.
 */
static struct ts_figures sparse(void)
{
    struct ts_figures f = figures(5);
    f.avg_response_us = 8940;
    f.median_response_us = 8900;
    f.p95_response_us = 9960;
    f.evidence.weight = f.evidence.weight_good = 4;
    f.evidence.weight_squares = 3.2;
    return f;
}

struct slice {
    struct ts_group all[1];
    struct ts_group models[2];
    struct ts_group by_task[2];
    struct ts_group tasks[2];
    struct ts_report report;
};

static void make_slice(struct slice *s)
{
    struct ts_figures few = figures(3);
    *s = (struct slice){
        .all = {group(NULL, NULL, figures(108))},
        .models = {group("qwen|2.5_x:7b", NULL, known()), group("phi*", NULL, sparse())},
        .by_task = {group("qwen|2.5_x:7b", "coding", known()), group("phi*", "chat", few)},
        .tasks = {group(NULL, "coding", known()), group(NULL, "chat", few)},
    };
    s->report = (struct ts_report){
        .from_ms = INT64_C(1764115200000), /* 2025-11-26 */
        .to_ms = INT64_C(1764158400000),   /* and half a day on */
        .made_ms = INT64_C(1764158400500),
        .version = "1.2.3",
        .host = &desk,
        .all = {s->all, 1},
        .models = {s->models, 2},
        .by_task = {s->by_task, 2},
        .tasks = {s->tasks, 2},
        .where = {.is_local = is_local},
        .limits = {.slow_us = 8e6, .low_success = .95, .low_satisfaction = .7, .costly_times = 2},
    };
}

static void render(const struct ts_report *r,
                   void (*writer)(const struct ts_document *d, struct ts_buf *out),
                   struct ts_buf *out)
{
    struct ts_document d = TS_DOCUMENT_INIT(1024 * 1024);
    ts_report_write(r, &d);
    assert_true(ts_document_ok(&d));
    writer(&d, out);
    assert_true(ts_buf_ok(out));
    ts_document_free(&d);
}

static void expect_in(const char *text, const char *wanted)
{
    if (strstr(text, wanted) == NULL)
        fail_msg("no \"%s\" in:\n%s", wanted, text);
}

/* -- tests ------------------------------------------------------------------------------------- */

/* Runs of spaces and of dashes as one: how wide columns are is another test's. */
static const char golden[] =
    "# Model benchmark\n"
    "\n"
    "- Window: 2025-11-26T00:00:00.000Z to 2025-11-26T12:00:00.000Z (0.5 days)\n"
    "- Calls: 108\n"
    "- Hardware of the host touchstone runs on: CPU Some CPU 9000, cores 16, memory 32.0 GiB, GPU "
    "~\n"
    "- System: Linux 6.1.0\n"
    "- Made by touchstone 1.2.3 at 2025-11-26T12:00:00.500Z\n"
    "\n"
    "## Models\n"
    "\n"
    "| Model | Provider | Calls | Average (ms) | Median (ms, 95 %) | p95 (ms) | Tokens/s | Success "
    "(95 %) |"
    " Liked (95 %) | USD a call | Notes |\n"
    "| - | - | -: | -: | -: | -: | -: | -: | -: | -: | - |\n"
    "| qwen\\|2.5_x:7b | ollama | 103 | 3,200 | 2,950 (2,800~3,100) | 19,877 | 41.3 | 95.0 % "
    "(88.8~97.8) |"
    " 75.0 % (30.1~95.4) | 0.000500 | 2 timeouts; 1 failed attempt; 3 cancelled |\n"
    "| phi\\* | ollama | 5 | 8.9 | 8.9 | 10 | ~ | 100.0 % (56.6~100.0) | ~ | ~ |"
    " provisional (effective sample 5.0) |\n"
    "\n"
    "## By task\n"
    "\n"
    "| Task | Calls | Verdict | Leading model | Good calls (95 %) | Chance to be best | Calls "
    "still needed |"
    " Next best |\n"
    "| - | -: | - | - | -: | -: | -: | - |\n"
    "| coding | 103 | insufficient | qwen\\|2.5_x:7b (ollama) | 95.0 % (88.8~97.8) | 100 % | ~ | ~ "
    "|\n"
    "| chat | 3 | insufficient | ~ | ~ | ~ | ~ | ~ |\n"
    "\n"
    "Times include failed calls; ";

/* The same with en dashes as ~, and runs of spaces and of hyphens as one. */
static void squeeze(const char *text, struct ts_buf *out)
{
    static const char dash[] = "\xe2\x80\x93";
    for (const char *at = text; *at != '\0'; at++) {
        bool again = (*at == ' ' || *at == '-') && at > text && at[-1] == *at;
        bool is_dash = strncmp(at, dash, strlen(dash)) == 0;
        if (is_dash)
            at += strlen(dash) - 1;
        if (!again)
            ts_buf_put(out, is_dash ? "~" : at, 1);
    }
}

static void the_report_is_a_page_of_markdown(void **state)
{
    (void)state;
    struct slice s;
    make_slice(&s);
    TS_AUTO(ts_buf_free) struct ts_buf out = TS_BUF_INIT(1024 * 1024);
    TS_AUTO(ts_buf_free) struct ts_buf squeezed = TS_BUF_INIT(1024 * 1024);
    render(&s.report, ts_document_markdown, &out);
    squeeze(ts_buf_text(&out), &squeezed);
    assert_true(squeezed.len > sizeof(golden));
    squeezed.data[sizeof(golden) - 1] = '\0'; /* the legend goes on */
    assert_string_equal(squeezed.data, golden);
}

static void every_line_of_a_table_is_equally_wide(void **state)
{
    (void)state;
    struct slice s;
    make_slice(&s);
    TS_AUTO(ts_buf_free) struct ts_buf out = TS_BUF_INIT(1024 * 1024);
    render(&s.report, ts_document_markdown, &out);
    size_t width = 0;
    for (const char *at = ts_buf_text(&out); *at != '\0'; at += strcspn(at, "\n") + 1) {
        size_t columns = 0; /* characters: none of them is wide */
        for (const char *c = at; *c != '\n'; c++)
            columns += ((unsigned char)*c & 0xc0U) != 0x80U;
        if (*at == '|' && width != 0)
            assert_int_equal(columns, width);
        width = *at == '|' ? columns : 0;
    }
}

static void a_slice_without_calls_says_so(void **state)
{
    (void)state;
    const struct ts_report r = {.version = "1", .host = &desk, .where = {.is_local = is_local}};
    TS_AUTO(ts_buf_free) struct ts_buf out = TS_BUF_INIT(1024 * 1024);
    render(&r, ts_document_markdown, &out);
    expect_in(ts_buf_text(&out), "\n- Calls: 0\n");
    expect_in(ts_buf_text(&out), "\n\nThere were no calls in this window.\n");
    assert_null(strchr(ts_buf_text(&out), '|'));
}

static const struct ts_report_clones clones[] = {
    {"ollama", "a|b", 25, 22, 5, 3500000, 24576, 81.25},
    {"vllm", "c", 1, 0, 0, (double)NAN, (double)NAN, (double)NAN},
};

static const char clones_golden[] =
    "## Website clones\n"
    "\n"
    "| Model | Provider | Attempts | Success (95 %) | Average (ms) | Average size (KiB) | Code "
    "quality (of 100) | Notes |\n"
    "| - | - | -: | -: | -: | -: | -: | - |\n"
    "| a\\|b | ollama | 25 | 88.0 % (70.0~95.8) | 3,500 | 24.0 | 81.2 | 5 of sample data |\n"
    "| c | vllm | 1 | 0.0 % (0.0~79.3) | ~ | ~ | ~ | |\n";

static void clones_of_websites_have_a_table_also_without_calls(void **state)
{
    (void)state;
    struct slice s;
    make_slice(&s);
    for (int i = 0; i < 2; i++) {
        TS_AUTO(ts_buf_free) struct ts_buf out = TS_BUF_INIT(1024 * 1024);
        TS_AUTO(ts_buf_free) struct ts_buf squeezed = TS_BUF_INIT(1024 * 1024);
        s.report.clones = clones;
        s.report.clone_count = 2;
        s.report.all.count = i;
        render(&s.report, ts_document_markdown, &out);
        squeeze(ts_buf_text(&out), &squeezed);
        expect_in(ts_buf_text(&squeezed), clones_golden);
    }
}

static void filters_and_simulation_stand_in_the_head(void **state)
{
    (void)state;
    struct slice s;
    make_slice(&s);
    s.report.filters = "task type coding";
    s.report.simulated = true;
    TS_AUTO(ts_buf_free) struct ts_buf out = TS_BUF_INIT(1024 * 1024);
    render(&s.report, ts_document_markdown, &out);
    expect_in(ts_buf_text(&out), "\n- Only: task type coding\n");
    expect_in(
        ts_buf_text(&out),
        "# Model benchmark\n\nSome of these calls are simulated: this is no measurement.\n\n-");
}

static void a_model_beyond_doubt_is_called_best_for_its_task(void **state)
{
    (void)state;
    struct slice s;
    make_slice(&s);
    struct ts_figures bad = figures(1000);
    bad.successes = 700;
    bad.failures = 300;
    bad.evidence.good = 700;
    bad.evidence.weight_good = 700;
    s.by_task[0] = s.models[0] = group("good", NULL, figures(1000));
    s.by_task[1] = s.models[1] = group("bad", NULL, bad);
    s.by_task[0].task_type = s.by_task[1].task_type = "coding";
    TS_AUTO(ts_buf_free) struct ts_buf out = TS_BUF_INIT(1024 * 1024);
    render(&s.report, ts_document_markdown, &out);
    expect_in(ts_buf_text(&out), "| coding |   103 | recommend    | good (ollama)");
    expect_in(ts_buf_text(&out), "| best for coding |\n| bad ");
    const char *bad_line = strstr(ts_buf_text(&out), "| bad ");
    assert_non_null(bad_line);
    assert_true(strcspn(bad_line, "\n") < (size_t)(strstr(bad_line, "## By task") - bad_line));
    assert_null(strstr(bad_line, "best for"));
}

static void findings_are_the_insights_as_sentences(void **state)
{
    (void)state;
    struct slice s;
    make_slice(&s);
    s.tasks[0].figures.avg_response_us = 9500000;
    TS_AUTO(ts_buf_free) struct ts_buf out = TS_BUF_INIT(1024 * 1024);
    render(&s.report, ts_document_markdown, &out);
    expect_in(
        ts_buf_text(&out),
        "\n## Findings\n\n- Coding tasks are slow (9.5 s on average); shorter prompts or a faster "
        "model would help.\n");
}

static void html_is_one_page_that_loads_nothing(void **state)
{
    (void)state;
    struct slice s;
    make_slice(&s);
    s.models[0].model = "<script>alert(1)</script>&\"";
    TS_AUTO(ts_buf_free) struct ts_buf out = TS_BUF_INIT(1024 * 1024);
    render(&s.report, ts_document_html, &out);
    const char *html = ts_buf_text(&out);
    expect_in(html, "<title>Model benchmark</title>");
    expect_in(html, "<td>&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;</td>");
    expect_in(html, "<td class=\"r dim\">8.9</td>");
    expect_in(html, "<th class=\"r\" scope=\"col\">p95 <small>(ms)</small></th>");
    expect_in(html,
              "<td class=\"r\">95.0 % <small>(88.8\xe2\x80\x93"
              "97.8)</small></td>");
    expect_in(html, "<ul>\n<li>Window: 2025-11-26");
    expect_in(html, "@media print");
    for (size_t i = 0; i < 5; i++) {
        static const char *const never[] = {"<script", "<link", "src=", "url(", "http"};
        assert_null(strstr(html, never[i]));
    }
}

static void an_unknown_machine_is_dashes(void **state)
{
    (void)state;
    struct slice s;
    make_slice(&s);
    const struct ts_host nothing = {.cores = 0};
    s.report.host = &nothing;
    TS_AUTO(ts_buf_free) struct ts_buf out = TS_BUF_INIT(1024 * 1024);
    render(&s.report, ts_document_markdown, &out);
    expect_in(
        ts_buf_text(&out),
        "CPU \xe2\x80\x93, cores \xe2\x80\x93, memory \xe2\x80\x93, GPU \xe2\x80\x93\n- System: "
        "\xe2\x80\x93\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_report_is_a_page_of_markdown),
        cmocka_unit_test(every_line_of_a_table_is_equally_wide),
        cmocka_unit_test(a_slice_without_calls_says_so),
        cmocka_unit_test(clones_of_websites_have_a_table_also_without_calls),
        cmocka_unit_test(filters_and_simulation_stand_in_the_head),
        cmocka_unit_test(a_model_beyond_doubt_is_called_best_for_its_task),
        cmocka_unit_test(findings_are_the_insights_as_sentences),
        cmocka_unit_test(html_is_one_page_that_loads_nothing),
        cmocka_unit_test(an_unknown_machine_is_dashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
