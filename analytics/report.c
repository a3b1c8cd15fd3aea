#include "analytics/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define DASH "\xe2\x80\x93" /* what is unknown; between the ends of an interval */

enum { MAX_FINDINGS = 8, NUMBER_SIZE = 48, NOTES_MAX_BYTES = 1024, SENTENCE_MAX_BYTES = 2048 };

/* -- figures as texts ------------------------------------------------------------------------- */

/* "12,345" */
static const char *grouped(int64_t n, char out[static NUMBER_SIZE])
{
    char digits[NUMBER_SIZE / 2];
    int len = snprintf(digits, sizeof(digits), "%" PRId64, n);
    int at = 0;
    for (int i = 0; i < len; i++) {
        if (i > (digits[0] == '-') && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

/* Milliseconds as people read them: below ten with a decimal. */
static const char *ms_text(double us, char out[static NUMBER_SIZE])
{
    if (isnan(us))
        return DASH;
    int64_t tenths = llround(us / 100);
    if (tenths >= 100)
        return grouped(llround(us / 1000), out);
    (void)snprintf(out, NUMBER_SIZE, "%" PRId64 ".%d", tenths / 10, (int)(tenths % 10));
    return out;
}

static const char *count_text(struct ts_document *d, int64_t n)
{
    char text[NUMBER_SIZE];
    return ts_document_printf(d, "%s", grouped(n, text));
}

static const char *time_text(struct ts_document *d, double us)
{
    char text[NUMBER_SIZE];
    return ts_document_printf(d, "%s", ms_text(us, text));
}

static const char *time_interval(struct ts_document *d, double us, double low_us, double high_us)
{
    char text[NUMBER_SIZE];
    char low[NUMBER_SIZE];
    char high[NUMBER_SIZE];
    if (isnan(low_us) || isnan(high_us))
        return time_text(d, us);
    return ts_document_printf(
        d, "%s (%s" DASH "%s)", ms_text(us, text), ms_text(low_us, low), ms_text(high_us, high));
}

/* "95.2 % (93.1–96.9)"; nothing known of no trials. */
static const char *rate_interval(struct ts_document *d, int64_t k, int64_t n)
{
    if (n == 0)
        return DASH;
    struct ts_interval i = ts_wilson95(k, n);
    return ts_document_printf(
        d, "%.1f %% (%.1f" DASH "%.1f)", 100 * (double)k / (double)n, 100 * i.low, 100 * i.high);
}

/* Dollars a call, over the calls that know theirs. */
static const char *cost_text(struct ts_document *d, const struct ts_spread *cost)
{
    if (cost->n == 0)
        return DASH;
    double each = cost->sum / (double)cost->n;
    return ts_document_printf(d, each > 0 && each < 0.01 ? "%.6f" : "%.4f", each);
}

static const char *speed_text(struct ts_document *d, double tokens_per_second)
{
    return isnan(tokens_per_second) ? DASH : ts_document_printf(d, "%.1f", tokens_per_second);
}

/* -- what is said about a model -----------------------------------------------------------------
 */

/* What came out for a task; computed once, since it takes thousands of draws. */
struct outcome {
    const struct ts_group *task;
    const struct ts_group *first; /* NULL: no model has calls enough */
    const struct ts_group *next;  /* NULL: there is no other */
    enum ts_verdict verdict;
    double p_best;
    int64_t calls_needed;
};

/* One of what goes into the report, and where it goes. */
struct writing {
    const struct ts_report *r;
    struct ts_document *d;
    struct outcome *outcomes; /* of the tasks that had calls */
    int count;
};

static struct outcome judge(const struct ts_report *r, const struct ts_group *task)
{
    struct ts_best b;
    struct outcome o = {.task = task};
    ts_best_of_task(r->by_task, task->task_type, r->where, TS_PRIORITY_BALANCED, &b);
    if (!b.by_data)
        return o;
    const struct ts_ranking *k = &b.r.ranking;
    o.first = b.options[k->standings[0].arm].group;
    o.next = k->count > 1 ? b.options[k->standings[1].arm].group : NULL;
    o.verdict = k->verdict;
    o.p_best = k->standings[0].p_best;
    o.calls_needed = k->calls_needed;
    return o;
}

static void judge_tasks(struct writing *w)
{
    const struct ts_groups *tasks = &w->r->tasks;
    w->outcomes = ts_arena_alloc(&w->d->arena, (size_t)(tasks->count + 1) * sizeof(w->outcomes[0]));
    w->d->failed = w->d->failed || w->outcomes == NULL;
    for (int i = 0; w->outcomes != NULL && i < tasks->count; i++) {
        if (tasks->at[i].figures.total_calls > 0)
            w->outcomes[w->count++] = judge(w->r, &tasks->at[i]);
    }
}

static void add_note(struct ts_buf *notes, const char *text)
{
    ts_buf_puts(notes, notes->len > 0 ? "; " : "");
    ts_buf_puts(notes, text);
}

static void add_count(struct ts_buf *notes, int64_t n, const char *one, const char *many)
{
    char number[NUMBER_SIZE];
    if (n == 0)
        return;
    add_note(notes, grouped(n, number));
    ts_buf_printf(notes, " %s", n == 1 ? one : many);
}

static bool same_model(const struct ts_group *a, const struct ts_group *b)
{
    return strcmp(a->model, b->model) == 0 && strcmp(a->provider, b->provider) == 0;
}

/* "best for coding, analysis" */
static void add_wins(const struct writing *w, const struct ts_group *g, struct ts_buf *notes)
{
    bool any = false;
    for (int i = 0; i < w->count; i++) {
        const struct outcome *o = &w->outcomes[i];
        if (o->verdict != TS_VERDICT_RECOMMEND || !same_model(o->first, g))
            continue;
        if (any)
            ts_buf_puts(notes, ", ");
        else
            add_note(notes, "best for ");
        ts_buf_puts(notes, o->task->task_type);
        any = true;
    }
}

static const char *notes_text(const struct writing *w, const struct ts_group *g)
{
    TS_AUTO(ts_buf_free) struct ts_buf notes = TS_BUF_INIT(NOTES_MAX_BYTES);
    double effective = ts_effective_n(&g->figures.evidence);
    if (effective < TS_PROVISIONAL_BELOW) {
        add_note(&notes, "provisional");
        ts_buf_printf(&notes, " (effective sample %.1f)", effective);
    }
    add_wins(w, g, &notes);
    add_count(&notes, g->figures.timeouts, "timeout", "timeouts");
    add_count(&notes, g->figures.failed_attempts, "failed attempt", "failed attempts");
    add_count(&notes, g->figures.cancelled, "cancelled", "cancelled");
    return ts_document_printf(w->d, "%s", ts_buf_text(&notes));
}

/* -- tables ----------------------------------------------------------------------------------- */

/* X(title, right, text): of the group *g with the figures *f. */
#define MODEL_COLUMNS(X)                                                                           \
    X("Model", false, ts_document_printf(d, "%s", g->model))                                       \
    X("Provider", false, ts_document_printf(d, "%s", g->provider))                                 \
    X("Calls", true, count_text(d, f->total_calls))                                                \
    X("Average (ms)", true, time_text(d, f->avg_response_us))                                      \
    X("Median (ms, 95 %)",                                                                         \
      true,                                                                                        \
      time_interval(d, f->median_response_us, f->median_low_us, f->median_high_us))                \
    X("p95 (ms)", true, time_text(d, f->p95_response_us))                                          \
    X("Tokens/s", true, speed_text(d, f->tokens_per_second))                                       \
    X("Success (95 %)", true, rate_interval(d, f->successes, f->successes + f->failures))          \
    X("Liked (95 %)", true, rate_interval(d, f->up, f->up + f->down))                              \
    X("USD a call", true, cost_text(d, &f->cost_usd))                                              \
    X("Notes", false, notes_text(w, g))

static void write_models(const struct writing *w)
{
    struct ts_document *d = w->d;
#define X(title, right, text) {title, right},
    static const struct ts_doc_column columns[] = {MODEL_COLUMNS(X)};
#undef X
    ts_document_table(d, columns, TS_ARRAY_LEN(columns));
    for (int i = 0; i < w->r->models.count; i++) {
        const struct ts_group *g = &w->r->models.at[i];
        const struct ts_figures *f = &g->figures;
        struct ts_doc_cell *cells = f->total_calls > 0 ? ts_document_row(d) : NULL;
        if (cells == NULL)
            continue;
#define X(title, right, text) text,
        const char *texts[] = {MODEL_COLUMNS(X)};
#undef X
        bool provisional = ts_effective_n(&f->evidence) < TS_PROVISIONAL_BELOW;
        for (size_t c = 0; c < TS_ARRAY_LEN(texts); c++)
            cells[c] = (struct ts_doc_cell){.text = texts[c],
                                            .tone = provisional ? TS_TONE_DIM : TS_TONE_PLAIN};
    }
}

enum task_column { TASK, CALLS, VERDICT, MODEL, GOOD, CHANCE, NEEDED, NEXT };

static const struct ts_doc_column task_columns[] = {
    [TASK] = {"Task", false},
    [CALLS] = {"Calls", true},
    [VERDICT] = {"Verdict", false},
    [MODEL] = {"Leading model", false},
    [GOOD] = {"Good calls (95 %)", true},
    [CHANCE] = {"Chance to be best", true},
    [NEEDED] = {"Calls still needed", true},
    [NEXT] = {"Next best", false},
};

static const char *name_of(struct ts_document *d, const struct ts_group *g)
{
    return ts_document_printf(d, "%s (%s)", g->model, g->provider);
}

static void write_leader(struct ts_document *d, const struct outcome *o, struct ts_doc_cell *cells)
{
    const struct ts_evidence *e = &o->first->figures.evidence;
    cells[MODEL].text = name_of(d, o->first);
    cells[GOOD].text = rate_interval(d, e->good, e->trials);
    cells[CHANCE].text = ts_document_printf(d, "%.0f %%", 100 * o->p_best);
    if (o->calls_needed != TS_UNKNOWN)
        cells[NEEDED].text = count_text(d, o->calls_needed);
    if (o->next != NULL)
        cells[NEXT].text = name_of(d, o->next);
}

static void write_tasks(const struct writing *w)
{
    struct ts_document *d = w->d;
    ts_document_heading(d, 2, "By task");
    ts_document_table(d, task_columns, TS_ARRAY_LEN(task_columns));
    for (int i = 0; i < w->count; i++) {
        const struct outcome *o = &w->outcomes[i];
        struct ts_doc_cell *cells = ts_document_row(d);
        if (cells == NULL)
            return;
        for (size_t c = 0; c < TS_ARRAY_LEN(task_columns); c++)
            cells[c].text = DASH;
        cells[TASK].text = ts_document_printf(d, "%s", o->task->task_type);
        cells[CALLS].text = count_text(d, o->task->figures.total_calls);
        cells[VERDICT].text = ts_verdict_name(o->verdict);
        cells[VERDICT].tone = o->verdict == TS_VERDICT_RECOMMEND ? TS_TONE_GOOD : TS_TONE_DIM;
        if (o->first != NULL)
            write_leader(d, o, cells);
    }
}

static void write_findings(const struct ts_report *r, struct ts_document *d)
{
    struct ts_insight found[MAX_FINDINGS];
    int count = ts_insights_find(r->by_task, r->tasks, r->all, &r->limits, found, MAX_FINDINGS);
    if (count > 0)
        ts_document_heading(d, 2, "Findings");
    for (int i = 0; i < count; i++) {
        TS_AUTO(ts_buf_free) struct ts_buf sentence = TS_BUF_INIT(SENTENCE_MAX_BYTES);
        ts_insight_say(&found[i], &sentence);
        ts_document_item(d, ts_document_printf(d, "%s.", ts_buf_text(&sentence)));
        d->failed = d->failed || !ts_buf_ok(&sentence);
    }
}

/* -- website clones ---------------------------------------------------------------------------- */

static const char *kib_text(struct ts_document *d, double bytes)
{
    return isnan(bytes) ? DASH : ts_document_printf(d, "%.1f", bytes / 1024);
}

static const char *score_text(struct ts_document *d, double score)
{
    return isnan(score) ? DASH : ts_document_printf(d, "%.1f", score);
}

static const char *samples_text(struct ts_document *d, int64_t n)
{
    char number[NUMBER_SIZE];
    return n > 0 ? ts_document_printf(d, "%s of sample data", grouped(n, number)) : "";
}

/* X(title, right, text): of the attempts *c of a model. */
#define CLONE_COLUMNS(X)                                                                           \
    X("Model", false, ts_document_printf(d, "%s", c->model))                                       \
    X("Provider", false, ts_document_printf(d, "%s", c->provider))                                 \
    X("Attempts", true, count_text(d, c->attempts))                                                \
    X("Success (95 %)", true, rate_interval(d, c->successes, c->attempts))                         \
    X("Average (ms)", true, time_text(d, c->average_us))                                           \
    X("Average size (KiB)", true, kib_text(d, c->average_bytes))                                   \
    X("Code quality (of 100)", true, score_text(d, c->quality))                                    \
    X("Notes", false, samples_text(d, c->samples))

static void write_clones(const struct ts_report *r, struct ts_document *d)
{
    if (r->clone_count == 0)
        return;
    ts_document_heading(d, 2, "Website clones");
#define X(title, right, text) {title, right},
    static const struct ts_doc_column columns[] = {CLONE_COLUMNS(X)};
#undef X
    ts_document_table(d, columns, TS_ARRAY_LEN(columns));
    for (int i = 0; i < r->clone_count; i++) {
        const struct ts_report_clones *c = &r->clones[i];
        struct ts_doc_cell *cells = ts_document_row(d);
        if (cells == NULL)
            return;
#define X(title, right, text) text,
        const char *texts[] = {CLONE_COLUMNS(X)};
#undef X
        for (size_t k = 0; k < TS_ARRAY_LEN(texts); k++)
            cells[k].text = texts[k];
    }
}

/* -- head and foot ---------------------------------------------------------------------------- */

static void write_window(const struct ts_report *r, struct ts_document *d)
{
    char from[TS_RFC3339_SIZE];
    char to[TS_RFC3339_SIZE];
    ts_document_item(d,
                     ts_document_printf(d,
                                        "Window: %s to %s (%.1f days)",
                                        ts_rfc3339(r->from_ms, from),
                                        ts_rfc3339(r->to_ms, to),
                                        (double)(r->to_ms - r->from_ms) / 86400000.0));
    if (r->filters != NULL)
        ts_document_item(d, ts_document_printf(d, "Only: %s", r->filters));
}

static const char *or_dash(const char *text)
{
    return text[0] != '\0' ? text : DASH;
}

static void write_host(const struct ts_host *h, struct ts_document *d)
{
    const double gib = 1024.0 * 1024 * 1024;
    const char *cores = h->cores > 0 ? ts_document_printf(d, "%d", h->cores) : DASH;
    const char *memory = h->memory_bytes > 0
                             ? ts_document_printf(d, "%.1f GiB", (double)h->memory_bytes / gib)
                             : DASH;
    ts_document_item(
        d,
        ts_document_printf(d,
                           "Hardware of the host touchstone runs on: CPU %s, cores %s, "
                           "memory %s, GPU %s",
                           or_dash(h->cpu),
                           cores,
                           memory,
                           or_dash(h->gpus)));
    ts_document_item(d, ts_document_printf(d, "System: %s", or_dash(h->system)));
}

static void write_head(const struct ts_report *r, struct ts_document *d)
{
    char made[TS_RFC3339_SIZE];
    char calls[NUMBER_SIZE];
    int64_t total = r->all.count > 0 ? r->all.at[0].figures.total_calls : 0;
    ts_document_heading(d, 1, "Model benchmark");
    if (r->simulated)
        ts_document_text(d, "Some of these calls are simulated: this is no measurement.");
    write_window(r, d);
    ts_document_item(d, ts_document_printf(d, "Calls: %s", grouped(total, calls)));
    write_host(r->host, d);
    ts_document_item(
        d,
        ts_document_printf(
            d, "Made by touchstone %s at %s", r->version, ts_rfc3339(r->made_ms, made)));
}

static void write_foot(struct ts_document *d)
{
    ts_document_text(
        d,
        ts_document_printf(
            d,
            "Times include failed calls; cancelled calls count among the calls and nowhere else. "
            "Percentiles are nearest-rank, within 0.55 %%. In brackets stand 95 %% intervals: "
            "Wilson's of rates, that of the ranks of medians. A model is provisional below an "
            "effective sample of %d calls, of which older ones count less. " DASH
            " means that nobody knows.",
            TS_PROVISIONAL_BELOW));
}

void ts_report_write(const struct ts_report *r, struct ts_document *d)
{
    write_head(r, d);
    if (r->all.count == 0 || r->all.at[0].figures.total_calls == 0) {
        ts_document_text(d, "There were no calls in this window.");
        write_clones(r, d);
        return;
    }
    struct writing w = {.r = r, .d = d};
    judge_tasks(&w);
    ts_document_heading(d, 2, "Models");
    write_models(&w);
    write_tasks(&w);
    write_findings(r, d);
    write_clones(r, d);
    write_foot(d);
}
