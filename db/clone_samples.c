/*
 * Sample sites, attempts and benchmarks: those of the documents, with their averages and rates.
 * They are marked, so that they can be told from real ones and taken away together.
 */
#include <math.h>
#include <stdio.h>

#include "analytics/file_path.h"
#include "base/clock.h"
#include "db/parts.h"

static const struct {
    const char *url;
    const char *domain;
    const char *title;
    const char *description;
    int64_t words;
    int64_t bytes;
} sites[] = {
    {"https://stripe.com", "stripe.com", "Stripe", "Payment processing website", 1240, 96400},
    {"https://vercel.com", "vercel.com", "Vercel", "Frontend cloud platform", 860, 71250},
    {"https://tailwindcss.com",
     "tailwindcss.com",
     "Tailwind CSS",
     "CSS framework documentation",
     3120,
     187300},
    {"https://openai.com", "openai.com", "OpenAI", "AI research company", 430, 38900},
};

/* Of @attempts the last @failures failed; the times are evenly spread around the average. */
static const struct {
    const char *provider;
    const char *model;
    const char *size;
    int attempts;
    int failures;
    int64_t average_ms;
    const char *notes;
} models[] = {
    {"ollama", "llama3.2:7b", "7b", 20, 1, 3200, "Good balance of speed/quality"},
    {"ollama", "deepseek-coder:6.7b", "6.7b", 25, 2, 4100, "Excellent for code generation"},
    {"vllm",
     "meta-llama/CodeLlama-7b-Instruct-hf",
     "7b",
     25,
     3,
     2600,
     "Fastest with vLLM optimization"},
    {"lmstudio", "gpt-oss-20b", "20b", 20, 3, 7200, "Highest quality, slower"},
};

static const char page[] = "<!doctype html>\n<html lang=\"en\">\n<head>\n"
                           "  <meta charset=\"utf-8\">\n  <title>%s</title>\n"
                           "  <link rel=\"stylesheet\" href=\"styles.css\">\n</head>\n<body>\n"
                           "  <header><h1>%s</h1></header>\n"
                           "  <main><p>%s</p></main>\n"
                           "  <footer>A sample, as if made by %s</footer>\n</body>\n</html>\n";
static const char style[] = "body {\n  margin: 0;\n  font-family: sans-serif;\n}\n"
                            "header {\n  padding: 2rem;\n  background: #0a2540;\n"
                            "  color: white;\n}\nmain {\n  padding: 2rem;\n}\n";

enum { DAYS_BETWEEN = 6 };

static enum ts_err add_sites(struct ts_conn *c, int64_t now_ms, int *added, struct ts_error *err)
{
    enum ts_err e = TS_OK;
    for (size_t i = 0; e == TS_OK && i < TS_ARRAY_LEN(sites); i++) {
        bool known = false;
        {
            TS_LEASE(q, c, TS_SQL_WEBSITE_OF_URL);
            ts_bind_text(&q, sites[i].url);
            known = ts_step(&q) == TS_ROW;
        }
        if (known) /* somebody's own: it stays as it is */
            continue;
        const struct ts_website w = {
            .url = sites[i].url,
            .domain = sites[i].domain,
            .title = sites[i].title,
            .description = sites[i].description,
            .status = "scraped",
            .content_length = sites[i].bytes,
            .word_count = sites[i].words,
            .at_ms = now_ms,
            .sample = true,
        };
        int64_t id = 0;
        bool created = false;
        e = ts_website_write(c, &w, &id, &created, err);
        *added += e == TS_OK;
    }
    return e;
}

static struct ts_code_file file_of(const char *path, const char *text)
{
    struct ts_slice content = ts_slice_str(text);
    return (struct ts_code_file){
        .path = path,
        .type = ts_file_type(ts_slice_str(path)),
        .content = content,
        .lines = (int64_t)ts_lines_of_code(content),
        .quality = (double)NAN,
    };
}

/* The @i-th attempt of a model. */
static enum ts_err add_attempt(
    struct ts_conn *c, size_t m, int i, int64_t now_ms, struct ts_error *err)
{
    size_t site = (size_t)i % TS_ARRAY_LEN(sites);
    char html[1024];
    (void)snprintf(html,
                   sizeof(html),
                   page,
                   sites[site].title,
                   sites[site].title,
                   sites[site].description,
                   models[m].model);
    const struct ts_code_file files[] = {file_of("index.html", html), file_of("styles.css", style)};
    bool success = i < models[m].attempts - models[m].failures;
    int64_t spread = models[m].average_ms / 100 * (2 * i - (models[m].attempts - 1));
    const struct ts_clone clone = {
        .url = sites[site].url,
        .domain = sites[site].domain,
        .provider = models[m].provider,
        .model = models[m].model,
        .success = success,
        .generation_ms = models[m].average_ms + spread,
        .size_bytes = success ? (int64_t)(files[0].content.len + files[1].content.len) : TS_UNKNOWN,
        .components = success ? 0 : TS_UNKNOWN,
        .created_ms = now_ms - (int64_t)(models[m].attempts - i) * DAYS_BETWEEN * TS_DAY_MS,
        .quality = (double)NAN,
        .error_message = success ? NULL : "the model gave no code",
        .files = files,
        .file_count = success ? (int)TS_ARRAY_LEN(files) : 0,
        .sample = true,
    };
    int64_t id = 0;
    int64_t website_id = 0;
    return ts_clone_write(c, &clone, &id, &website_id, err);
}

static enum ts_err add_benchmark(struct ts_conn *c, size_t m, int64_t now_ms, struct ts_error *err)
{
    const struct ts_benchmark b = {
        .provider = models[m].provider,
        .model = models[m].model,
        .size = models[m].size,
        .attempts = models[m].attempts,
        .calls = TS_UNKNOWN,
        .avg_generation_ms = (double)models[m].average_ms,
        .avg_size_bytes = (double)NAN,
        .success_rate =
            100.0 * (models[m].attempts - models[m].failures) / (double)models[m].attempts,
        .quality = (double)NAN,
        .satisfaction = (double)NAN,
        .tokens_per_second = (double)NAN,
        .notes = models[m].notes,
        .at_ms = now_ms,
        .sample = true,
    };
    int64_t id = 0;
    return ts_benchmark_write(c, &b, &id, err);
}

static enum ts_err are_there(struct ts_conn *c, bool *out, struct ts_error *err)
{
    TS_LEASE(q, c, TS_SQL_SAMPLES_THERE);
    if (ts_step(&q) != TS_ROW)
        return ts_stmt_fail(&q, err, "looking for samples");
    *out = ts_col_i64(&q) != 0;
    return TS_OK;
}

enum ts_err ts_clone_apply_samples(struct ts_store *s,
                                   struct ts_store_job *job,
                                   struct ts_error *err)
{
    struct ts_store_clone_samples *out = TS_CONTAINER(job, struct ts_store_clone_samples, job);
    struct ts_conn *c = s->writer.conn;
    int64_t now_ms = ts_wall_ms();
    bool there = false;
    out->websites = out->attempts = out->benchmarks = 0;
    job->result = are_there(c, &there, err);
    if (job->result != TS_OK || there)
        return job->result;
    enum ts_err e = add_sites(c, now_ms, &out->websites, err);
    for (size_t m = 0; e == TS_OK && m < TS_ARRAY_LEN(models); m++) {
        for (int i = 0; e == TS_OK && i < models[m].attempts; i++, out->attempts++)
            e = add_attempt(c, m, i, now_ms, err);
        if (e == TS_OK)
            e = add_benchmark(c, m, now_ms, err);
        out->benchmarks++;
    }
    job->result = e;
    return e;
}
