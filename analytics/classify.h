/*
 * What kind of work a prompt asks for, and how hard it looks: fences, keywords, attachments.
 *
 * Deterministic, linear in the text, at most TS_CLASSIFY_BYTES of it. The classifier itself is only
 * an index of the keywords: made once, never changed by a question, so that all threads share one.
 */
#ifndef TS_ANALYTICS_CLASSIFY_H
#define TS_ANALYTICS_CLASSIFY_H

#include "base/call.h"

enum { TS_CLASSIFY_BYTES = 8192 };

/* X(enum suffix, name) */
#define TS_TASK_TABLE(X)                                                                           \
    X(GENERAL_CHAT, "general_chat")                                                                \
    X(CODING, "coding")                                                                            \
    X(ANALYSIS, "analysis")                                                                        \
    X(REASONING, "reasoning")                                                                      \
    X(CREATIVE, "creative")                                                                        \
    X(FILE_PROCESSING, "file_processing")                                                          \
    X(FUNCTION_CALLING, "function_calling")                                                        \
    X(OTHER, "other")

enum ts_task {
#define X(id, name) TS_TASK_##id,
    TS_TASK_TABLE(X)
#undef X
        TS_TASK_COUNT_
};

const char *ts_task_name(enum ts_task t);

struct ts_prompt_text {
    struct ts_slice text; /* unescaped; the newest user message, or the whole prompt */
    bool has_images;
    bool has_tools;
    bool wants_json;
    int turns; /* messages before this one */
};

struct ts_class {
    enum ts_task task;
    enum ts_complexity complexity;
};

enum { TS_KEYWORD_BUCKETS = 1024, TS_MAX_KEYWORDS = 1280 };

/* Keywords by their first bytes, as chains of their indices; -1 ends one. */
struct ts_classifier {
    int16_t last[TS_KEYWORD_BUCKETS];
    int16_t before[TS_MAX_KEYWORDS];
};

void ts_classifier_init(struct ts_classifier *c);

struct ts_class ts_classify(const struct ts_classifier *c, const struct ts_prompt_text *p);

#endif
