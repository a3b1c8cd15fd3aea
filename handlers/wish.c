#include "handlers/wish.h"

#include <string.h>

#include "analytics/classify.h"
#include "base/clock.h"
#include "base/json.h"
#include "handlers/fields.h"
#include "handlers/services.h"

enum {
    MAX_WANTED = 64,
    MAX_FILES = 1000,
    MAX_MESSAGE = 8 * 1024 * 1024, /* characters; the classifier looks at the first of them */
};

static enum ts_err read_args(const struct ts_exchange *x, struct ts_wish *w, struct ts_error *err)
{
    static const char *const allowed[] = {
        "task_type", "priority", "days", "complexity", "user_segment", NULL};
    int64_t days = 0;
    enum ts_err rc = ts_args_check(x, allowed, err);
    if (rc == TS_OK)
        rc = ts_filter_args(x, &w->filter, err);
    if (rc == TS_OK)
        rc = ts_window_args(x, w->now_ms, &w->filter, &days, err);
    if (rc != TS_OK)
        return rc;
    const char *complexity = ts_arg(x, "complexity");
    if (complexity != NULL)
        (void)ts_complexity_parse(ts_slice_str(complexity), &w->complexity); /* checked above */
    w->filter.complexity = NULL; /* it leads the rules; the data are of all complexities */
    if (w->filter.task_type == NULL)
        w->filter.task_type = ts_task_name(TS_TASK_GENERAL_CHAT);
    const char *priority = ts_arg(x, "priority");
    if (priority == NULL || ts_priority_parse(ts_slice_str(priority), &w->priority))
        return TS_OK;
    return ts_fail_param(err,
                         TS_ERR_INVALID_PARAMETER,
                         "priority",
                         "priority must be balanced, speed, quality or cost, not '%.40s'",
                         priority);
}

/* The first fault of an array: a member that is no text, or too many of them. */
static void check_list(struct ts_fields *f, const char *name, size_t max, bool texts_only)
{
    const json_t *list = json_object_get(f->object, name);
    if (list == NULL || json_is_null(list))
        return;
    bool good = json_is_array(list) && json_array_size(list) <= max;
    size_t i;
    json_t *member;
    json_array_foreach(list, i, member)
    {
        bool text = json_is_string(member) && json_string_length(member) > 0;
        good = good && (text || (!texts_only && json_is_object(member)));
    }
    if (!good)
        (void)ts_fields_fault(
            f, name, texts_only ? "must be a list of names" : "must be a list of names or objects");
}

static void read_priority(struct ts_wish *w, struct ts_fields *f)
{
    static const char *const names[] = {"userPreference", "priority"}; /* the last one wins */
    for (size_t i = 0; i < TS_ARRAY_LEN(names); i++) {
        const char *text = ts_fields_text(f, names[i], TS_MAX_NAME);
        if (text != NULL && !ts_priority_parse(ts_slice_str(text), &w->priority))
            (void)ts_fields_fault(f, names[i], "must be balanced, speed, quality or cost");
    }
}

/* What is not told is read off the message; code and files count where that leaves it open. */
static void read_task(struct ts_wish *w,
                      const struct ts_classifier *classifier,
                      struct ts_fields *f)
{
    const char *task = ts_fields_text(f, "taskType", TS_MAX_NAME);
    const char *complexity = ts_fields_text(f, "complexity", TS_MAX_NAME);
    const char *message = ts_fields_text(f, "messageContent", MAX_MESSAGE);
    bool has_code = ts_fields_bool(f, "hasCodeContent") == 1;
    bool has_files = json_array_size(json_object_get(f->object, "files")) > 0;
    struct ts_class class = {.task = TS_TASK_GENERAL_CHAT};
    if (message != NULL) {
        const struct ts_prompt_text prompt = {.text = ts_slice_str(message)};
        class = ts_classify(classifier, &prompt);
    }
    if (class.task == TS_TASK_GENERAL_CHAT && has_code)
        class.task = TS_TASK_CODING;
    else if (class.task == TS_TASK_GENERAL_CHAT && has_files)
        class.task = TS_TASK_FILE_PROCESSING;
    w->filter.task_type = task != NULL ? task : ts_task_name(class.task);
    w->complexity = class.complexity;
    if (task != NULL && !ts_task_type_valid(ts_slice_str(task)))
        (void)ts_fields_fault(f, "taskType", "must be 1 to 64 characters of A-Z a-z 0-9 _ . : -");
    if (complexity != NULL && !ts_complexity_parse(ts_slice_str(complexity), &w->complexity))
        (void)ts_fields_fault(f, "complexity", "must be simple, medium or complex");
}

static enum ts_err read_body(const struct ts_exchange *x, struct ts_wish *w, struct ts_error *err)
{
    static const char *const no_args[] = {NULL};
    static const char *const known[] = {"messageContent",
                                        "hasCodeContent",
                                        "files",
                                        "userPreference",
                                        "userSegment",
                                        "candidates",
                                        "priority",
                                        "taskType",
                                        "complexity",
                                        "days",
                                        NULL};
    enum ts_err rc = ts_args_check(x, no_args, err);
    if (rc == TS_OK)
        rc = ts_json_parse(x->body.at, x->body.len, &w->body, err);
    if (rc != TS_OK)
        return rc;
    struct ts_fields f = ts_fields_of(w->body, -1, known, err);
    read_task(w, x->services->classifier, &f);
    read_priority(w, &f);
    check_list(&f, "files", MAX_FILES, false);
    check_list(&f, "candidates", MAX_WANTED, true);
    w->filter.user_segment = ts_fields_text(&f, "userSegment", TS_MAX_LABEL);
    int64_t days = ts_fields_int(&f, "days", 1, TS_MAX_DAYS);
    if (days == TS_UNKNOWN)
        days = TS_DEFAULT_DAYS;
    ts_filter_last_days(&w->filter, w->now_ms, days);
    json_t *wanted = json_object_get(w->body, "candidates");
    w->wanted = json_array_size(wanted) > 0 ? wanted : NULL;
    return f.rc;
}

enum ts_err ts_wish_read(const struct ts_exchange *x, struct ts_wish *w, struct ts_error *err)
{
    *w = (struct ts_wish){.now_ms = ts_wall_ms()};
    return x->method == TS_POST ? read_body(x, w, err) : read_args(x, w, err);
}

void ts_wish_free(struct ts_wish *w)
{
    json_decref(w->body);
}

/* "model" or "provider/model". */
static bool is_name_of(const char *name, const char *provider, const char *model)
{
    size_t n = strlen(provider);
    return strcmp(name, model) == 0 ||
           (strncmp(name, provider, n) == 0 && name[n] == '/' && strcmp(name + n + 1, model) == 0);
}

bool ts_wish_allows(const struct ts_wish *w, const char *provider, const char *model)
{
    size_t i;
    json_t *name;
    json_array_foreach(w->wanted, i, name)
    {
        if (is_name_of(json_string_value(name), provider, model))
            return true;
    }
    return w->wanted == NULL;
}
