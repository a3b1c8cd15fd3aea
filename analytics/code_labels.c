#include "analytics/code_labels.h"

#include <stdlib.h>

#include "analytics/code_repeats.h"

static const struct {
    const char *name;
    enum ts_code_tag_kind kind;
} tags[] = {
    {"img", TS_CODE_TAG_PICTURE},
    {"area", TS_CODE_TAG_PICTURE},
    {"input", TS_CODE_TAG_INPUT},
    {"select", TS_CODE_TAG_CONTROL},
    {"textarea", TS_CODE_TAG_CONTROL},
    {"label", TS_CODE_TAG_LABEL},
};

/* An id is a random text: one hash for another would need 2^32 of them in a file. */
static uint64_t hash_id(struct ts_slice value)
{
    return value.len > 0 ? ts_code_hash(1, value.at, value.len) : 0;
}

static bool is_one_of(struct ts_slice s, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (ts_slice_same_nocase(s, ts_slice_str(words[i])))
            return true;
    }
    return false;
}

void ts_code_labels_init(struct ts_code_labels *l)
{
    size_t max = sizeof(uint64_t) * TS_CODE_MAX_BYTES;
    *l = (struct ts_code_labels){.goals = TS_BUF_INIT(max), .waiting = TS_BUF_INIT(max)};
}

void ts_code_labels_deinit(struct ts_code_labels *l)
{
    ts_buf_free(&l->goals);
    ts_buf_free(&l->waiting);
}

struct ts_code_tag ts_code_tag_begin(struct ts_slice name, bool any_case)
{
    struct ts_code_tag t = {.kind = TS_CODE_TAG_OTHER};
    for (size_t i = 0; i < TS_ARRAY_LEN(tags); i++) {
        struct ts_slice known = ts_slice_str(tags[i].name);
        if (any_case ? ts_slice_same_nocase(name, known) : ts_slice_is(name, tags[i].name))
            t.kind = tags[i].kind;
    }
    return t;
}

/* What an input is, by its type. */
static void take_type(struct ts_code_tag *t, struct ts_slice value)
{
    static const char *const silent[] = {"hidden", "submit", "reset", "button"};
    static const char *const picture[] = {"image"};
    if (t->kind != TS_CODE_TAG_INPUT)
        return;
    if (is_one_of(value, picture, TS_ARRAY_LEN(picture)))
        t->kind = TS_CODE_TAG_PICTURE;
    else if (is_one_of(value, silent, TS_ARRAY_LEN(silent)))
        t->is_exempt = true;
}

void ts_code_tag_attribute(struct ts_code_tag *t, struct ts_slice name, struct ts_slice value)
{
    static const char *const naming[] = {"aria-label", "aria-labelledby", "title"};
    static const char *const goal[] = {"for", "htmlFor"};
    static const char *const alt[] = {"alt"};
    static const char *const id[] = {"id"};
    static const char *const type[] = {"type"};
    static const char *const role[] = {"role"};
    static const char *const decoration[] = {"none", "presentation"};
    if (is_one_of(name, alt, 1))
        t->has_alt = true;
    else if (is_one_of(name, naming, TS_ARRAY_LEN(naming)))
        t->has_name = t->has_name || value.len > 0;
    else if (is_one_of(name, id, 1))
        t->id = hash_id(value);
    else if (is_one_of(name, goal, TS_ARRAY_LEN(goal)))
        t->goal = hash_id(value);
    else if (is_one_of(name, type, 1))
        take_type(t, value);
    else if (is_one_of(name, role, 1) && is_one_of(value, decoration, TS_ARRAY_LEN(decoration)))
        t->is_exempt = true;
}

static void judge_picture(const struct ts_code_tag *t, struct ts_code_figures *f)
{
    if (t->is_exempt)
        return;
    f->pictures++;
    if (!t->has_alt && !t->has_name && !t->has_unseen)
        f->pictures_bare++;
}

static void judge_control(struct ts_code_labels *l,
                          const struct ts_code_tag *t,
                          bool in_label,
                          struct ts_code_figures *f)
{
    if (t->is_exempt)
        return;
    f->controls++;
    if (in_label || t->has_name || t->has_unseen)
        return;
    if (t->id != 0)
        ts_buf_put(&l->waiting, &t->id, sizeof(t->id));
    else
        f->controls_bare++;
}

void ts_code_labels_tag(struct ts_code_labels *l,
                        const struct ts_code_tag *t,
                        bool in_label,
                        struct ts_code_figures *f)
{
    switch (t->kind) {
    case TS_CODE_TAG_OTHER:
        return;
    case TS_CODE_TAG_PICTURE:
        judge_picture(t, f);
        return;
    case TS_CODE_TAG_INPUT:
    case TS_CODE_TAG_CONTROL:
        judge_control(l, t, in_label, f);
        return;
    case TS_CODE_TAG_LABEL:
        if (t->goal != 0)
            ts_buf_put(&l->goals, &t->goal, sizeof(t->goal));
        return;
    }
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

void ts_code_labels_finish(struct ts_code_labels *l, struct ts_code_figures *f)
{
    uint64_t *goals = (uint64_t *)(void *)l->goals.data;
    const uint64_t *waiting = (const uint64_t *)(const void *)l->waiting.data;
    size_t goal_count = l->goals.len / sizeof(*goals);
    if (goal_count > 0)
        qsort(goals, goal_count, sizeof(*goals), by_value);
    for (size_t i = 0; i < l->waiting.len / sizeof(*waiting); i++) {
        bool is_named = goal_count > 0 &&
                        bsearch(&waiting[i], goals, goal_count, sizeof(*goals), by_value) != NULL;
        f->controls_bare += is_named ? 0 : 1;
    }
}
