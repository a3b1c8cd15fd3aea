#include "analytics/rules.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "analytics/classify.h"

static const char *const priority_names[] = {
#define X(id, name) [TS_PRIORITY_##id] = name,
    TS_PRIORITY_TABLE(X)
#undef X
};

const char *ts_priority_name(enum ts_priority p)
{
    assert(p < TS_PRIORITY_COUNT_);
    return priority_names[p];
}

bool ts_priority_parse(struct ts_slice text, enum ts_priority *out)
{
    for (int i = 0; i < TS_PRIORITY_COUNT_; i++) {
        if (ts_slice_is(text, priority_names[i])) {
            *out = (enum ts_priority)i;
            return true;
        }
    }
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Reads "7", "1.5"; moves @at behind it. */
static double read_number(const char **at)
{
    double v = 0;
    double unit = 1;
    for (; is_digit(**at); ++*at)
        v = v * 10 + (**at - '0');
    if (**at == '.' && is_digit((*at)[1])) {
        for (++*at; is_digit(**at); ++*at)
            v += (**at - '0') * (unit /= 10);
    }
    return v;
}

/* The first "7b", "1.5B", "270m" or "8x7b" in the text that is a word of its own. */
static double billions_in(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        bool begins = is_digit(*at) &&
                      (at == text || (!is_digit(at[-1]) && !is_letter(at[-1]) && at[-1] != '.'));
        if (!begins)
            continue;
        double size = read_number(&at);
        if (*at == 'x' && is_digit(at[1])) {
            at++;
            size *= read_number(&at);
        }
        char unit = *at;
        if (unit == '\0')
            return 0;
        if (!is_letter(at[1]) && !is_digit(at[1])) {
            if (unit == 'b' || unit == 'B')
                return size;
            if (unit == 'm' || unit == 'M')
                return size / 1000;
        }
        at--;
    }
    return 0;
}

double ts_model_billions(const char *parameter_size, const char *name)
{
    double told = parameter_size != NULL ? billions_in(parameter_size) : 0;
    return told > 0 ? told : billions_in(name);
}

bool ts_model_embeds(const char *name)
{
    static const char *const marks[] = {"embed", "rerank", "bge-", "minilm", "e5-"};
    for (size_t i = 0; i < TS_ARRAY_LEN(marks); i++) {
        if (strcasestr(name, marks[i]) != NULL)
            return true;
    }
    return false;
}

static bool named_for_code(const char *name)
{
    static const char *const marks[] = {"code", "coder", "starcoder", "devstral", "codestral"};
    for (size_t i = 0; i < TS_ARRAY_LEN(marks); i++) {
        if (strcasestr(name, marks[i]) != NULL)
            return true;
    }
    return false;
}

/* A cloud model that does not tell its size is a large one, a local one a middling one. */
static double size_of(const struct ts_candidate *c)
{
    double told = ts_model_billions(c->parameter_size, c->model);
    if (told > 0)
        return told;
    return c->local ? 7 : 200;
}

struct wish {
    bool code_first;
    bool local_first;
    bool loaded_first;
    bool smallest;
};

static struct wish wish_for(const char *task,
                            enum ts_complexity complexity,
                            enum ts_priority priority)
{
    bool coding = strcmp(task, ts_task_name(TS_TASK_CODING)) == 0;
    bool reasoning = strcmp(task, ts_task_name(TS_TASK_REASONING)) == 0;
    switch (priority) {
    case TS_PRIORITY_COST:
        return (struct wish){.local_first = true, .smallest = true};
    case TS_PRIORITY_SPEED:
        return (struct wish){.smallest = true};
    case TS_PRIORITY_QUALITY:
        return (struct wish){.code_first = coding};
    case TS_PRIORITY_BALANCED:
    case TS_PRIORITY_COUNT_:
        break;
    }
    bool simple = complexity == TS_COMPLEXITY_SIMPLE && !reasoning;
    bool hard = complexity == TS_COMPLEXITY_COMPLEX || reasoning;
    return (struct wish){
        .code_first = coding, .smallest = simple, .loaded_first = !simple && !hard};
}

static bool is_better(const struct ts_candidate *a,
                      const struct ts_candidate *b,
                      const struct wish *w)
{
    if (w->local_first && a->local != b->local)
        return a->local;
    if (w->code_first && named_for_code(a->model) != named_for_code(b->model))
        return named_for_code(a->model);
    if (w->loaded_first && a->loaded != b->loaded)
        return a->loaded;
    return w->smallest ? size_of(a) < size_of(b) : size_of(a) > size_of(b);
}

int ts_rules_choose(const struct ts_candidate *candidates,
                    int count,
                    const char *task_type,
                    enum ts_complexity complexity,
                    enum ts_priority priority)
{
    struct wish wish = wish_for(task_type, complexity, priority);
    int best = -1;
    for (int i = 0; i < count; i++) {
        if (ts_model_embeds(candidates[i].model))
            continue;
        if (best < 0 || is_better(&candidates[i], &candidates[best], &wish))
            best = i;
    }
    return best;
}
