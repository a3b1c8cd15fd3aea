#include "analytics/classify.h"

#include <assert.h>
#include <string.h>

#include "analytics/keywords.h"

enum {
    SURE_ENOUGH = 3, /* points a task needs; below it is chat */
    FENCE_POINTS = 4,
    SYNTAX_POINTS = 3,
    IMAGE_POINTS = 4,
    TOOLS_POINTS = 6,
    JSON_POINTS = 1,
    SUM_POINTS = 3,
    SUM_WORDS = 25, /* in more words a figure is only mentioned */
};

static const char *const task_names[] = {
#define X(id, name) [TS_TASK_##id] = name,
    TS_TASK_TABLE(X)
#undef X
};

const char *ts_task_name(enum ts_task t)
{
    assert(t < TS_TASK_COUNT_);
    return task_names[t];
}

/* The text as keywords are written: see keywords.h. Begins and ends with a space. */
struct folded {
    char text[TS_CLASSIFY_BYTES + 3];
    uint16_t start[TS_CLASSIFY_BYTES / 2 + 1]; /* where the words begin */
    int starts;
    int words; /* of them, those with a letter */
};

static bool is_letter(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || c >= 0x80;
}

static bool is_word_byte(unsigned char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '#';
}

static unsigned char folded_byte(unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        return (unsigned char)(c - 'A' + 'a');
    if (c == '\'')
        return '\0'; /* left out: "don't" is one word */
    return is_word_byte(c) ? c : ' ';
}

static void fold(struct ts_slice s, struct folded *f)
{
    unsigned char map[256];
    for (int c = 0; c < 256; c++)
        map[c] = folded_byte((unsigned char)c);
    size_t len = 0;
    f->text[len++] = ' ';
    f->starts = 0;
    f->words = 0;
    bool letters = false; /* in the word at hand */
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = map[(unsigned char)s.at[i]];
        if (c == '\0' || (c == ' ' && f->text[len - 1] == ' '))
            continue;
        if (f->text[len - 1] == ' ') {
            f->start[f->starts++] = (uint16_t)len;
            letters = false;
        }
        if (!letters && is_letter(c)) {
            letters = true;
            f->words++;
        }
        f->text[len++] = (char)c;
    }
    f->text[len++] = ' ';
    f->text[len] = '\0';
}

/* What speaks for each task, and for effort. */
struct points {
    int task[TS_TASK_COUNT_];
    int effort;
};

static bool keyword_at(const char *at, const char *keyword)
{
    while (*keyword != '\0' && *keyword == *at) {
        keyword++;
        at++;
    }
    if (*keyword == '*')
        return true;
    return *keyword == '\0' && *at == ' ';
}

/* Keywords by the first three bytes of the text that they match: a keyword of two is a whole word,
 * so that a space follows there. */
static unsigned bucket_of(const char *word)
{
    unsigned third = word[2] != '\0' ? (unsigned char)word[2] : ' ';
    return ((unsigned char)word[0] * 961u + (unsigned char)word[1] * 31u + third) %
           TS_KEYWORD_BUCKETS;
}

void ts_classifier_init(struct ts_classifier *c)
{
    memset(c->last, 0xff, sizeof(c->last)); /* -1: none */
    for (int16_t k = 0; k < ts_keyword_count; k++) {
        unsigned bucket = bucket_of(ts_keywords[k].text);
        c->before[k] = c->last[bucket];
        c->last[bucket] = k;
    }
}

/* Adds the points of every keyword in the text, each once however often it occurs. */
static void count_keywords(const struct ts_classifier *c, const struct folded *f, struct points *p)
{
    bool seen[TS_MAX_KEYWORDS] = {false};
    for (int i = 0; i < f->starts; i++) {
        const char *word = f->text + f->start[i]; /* a byte at least, then a space, then the NUL */
        for (int k = c->last[bucket_of(word)]; k >= 0; k = c->before[k]) {
            if (seen[k] || !keyword_at(word, ts_keywords[k].text))
                continue;
            seen[k] = true;
            p->task[ts_keywords[k].task] += ts_keywords[k].weight;
            p->effort += ts_keywords[k].effort;
        }
    }
}

/* Whether the text has @needle. The needles here begin with bytes that are rare in prose, so that
 * memchr(), which is fast, does nearly all of the work. */
static bool contains(struct ts_slice s, const char *needle)
{
    size_t n = strlen(needle);
    const char *end = s.at + s.len;
    const char *at = s.len >= n ? memchr(s.at, needle[0], s.len) : NULL;
    while (at != NULL && (size_t)(end - at) >= n) {
        if (memcmp(at, needle, n) == 0)
            return true;
        at = memchr(at + 1, needle[0], (size_t)(end - at) - 1);
    }
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Whether the sign at @at stands between figures: "17 * 23", "x^2", "15 % of". */
static bool joins_figures(struct ts_slice s, const char *at)
{
    const char *end = s.at + s.len;
    const char *left = at;
    while (left > s.at && left[-1] == ' ')
        left--;
    const char *right = at + 1;
    while (right < end && *right == ' ')
        right++;
    if (left == s.at || right == end)
        return false;
    bool power = *at == '^' && (is_letter((unsigned char)left[-1]) || left[-1] == ')');
    bool share = *at == '%' && end - right > 3 && memcmp(right, "of ", 3) == 0;
    return (is_digit(left[-1]) || power) && (is_digit(*right) || share);
}

static bool looks_like_sum(struct ts_slice s)
{
    static const char signs[] = "*^+=%";
    for (const char *sign = signs; *sign != '\0'; sign++) {
        const char *at = memchr(s.at, *sign, s.len);
        while (at != NULL) {
            if (joins_figures(s, at))
                return true;
            at = memchr(at + 1, *sign, (size_t)(s.at + s.len - at) - 1);
        }
    }
    return false;
}

/* Marks that programs have and prose has not. */
static bool looks_like_code(struct ts_slice s)
{
    static const char *const marks[] = {"();", ");\n", "{\n", "};", "=> ", "==", "!=", "->", "</"};
    int found = 0;
    for (size_t i = 0; i < TS_ARRAY_LEN(marks) && found < 2; i++)
        found += contains(s, marks[i]);
    return found == 2 || contains(s, "`");
}

/* "- ", "* ", "1." or "1)", behind spaces. */
static bool is_list_item(const char *line, const char *end)
{
    while (line < end && *line == ' ')
        line++;
    if (end - line < 2)
        return false;
    bool bullet = (line[0] == '-' || line[0] == '*') && line[1] == ' ';
    bool number = line[0] >= '1' && line[0] <= '9' && (line[1] == '.' || line[1] == ')');
    return bullet || number;
}

/* Lines that begin like the points of a list. */
static int list_items(struct ts_slice s)
{
    int items = 0;
    const char *end = s.at + s.len;
    for (const char *line = s.at; line != NULL && line < end;) {
        items += is_list_item(line, end);
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        line = newline != NULL ? newline + 1 : NULL;
    }
    return items;
}

/* The task with most points; of equals the one that comes first here. */
static enum ts_task winner(const struct points *p)
{
    static const enum ts_task order[] = {TS_TASK_FUNCTION_CALLING,
                                         TS_TASK_FILE_PROCESSING,
                                         TS_TASK_CODING,
                                         TS_TASK_REASONING,
                                         TS_TASK_CREATIVE,
                                         TS_TASK_ANALYSIS};
    enum ts_task best = TS_TASK_GENERAL_CHAT;
    int most = SURE_ENOUGH - 1;
    for (size_t i = 0; i < TS_ARRAY_LEN(order); i++) {
        if (p->task[order[i]] > most) {
            best = order[i];
            most = p->task[best];
        }
    }
    return best;
}

static enum ts_complexity complexity_of(const struct ts_prompt_text *p, int words, int effort)
{
    effort += words > 12;
    effort += words > 60;
    effort += 2 * (words > 200);
    effort += list_items(p->text) >= 3;
    effort += p->turns >= 8;
    if (effort >= 5)
        return TS_COMPLEXITY_COMPLEX;
    return effort >= 1 ? TS_COMPLEXITY_MEDIUM : TS_COMPLEXITY_SIMPLE;
}

struct ts_class ts_classify(const struct ts_classifier *c, const struct ts_prompt_text *p)
{
    struct ts_prompt_text cut = *p;
    if (cut.text.at == NULL)
        cut.text = TS_SLICE_LIT("");
    if (cut.text.len > TS_CLASSIFY_BYTES)
        cut.text.len = TS_CLASSIFY_BYTES;
    struct folded folded;
    fold(cut.text, &folded);
    struct points points = {.effort = 0};
    count_keywords(c, &folded, &points);
    if (contains(cut.text, "```")) {
        points.task[TS_TASK_CODING] += FENCE_POINTS;
        points.effort++;
    } else if (looks_like_code(cut.text)) {
        points.task[TS_TASK_CODING] += SYNTAX_POINTS;
    }
    if (folded.words <= SUM_WORDS && looks_like_sum(cut.text))
        points.task[TS_TASK_REASONING] += SUM_POINTS;
    points.task[TS_TASK_FILE_PROCESSING] += p->has_images ? IMAGE_POINTS : 0;
    points.task[TS_TASK_FUNCTION_CALLING] += p->has_tools ? TOOLS_POINTS : 0;
    points.task[TS_TASK_FUNCTION_CALLING] += p->wants_json ? JSON_POINTS : 0;

    bool nothing_said = folded.words == 0 && !p->has_images && !p->has_tools;
    return (struct ts_class){
        .task = nothing_said ? TS_TASK_OTHER : winner(&points),
        .complexity = complexity_of(&cut, folded.words, points.effort),
    };
}
