#include "analytics/keywords.h"

#include <assert.h>

#define CODING TS_TASK_CODING
#define ANALYSIS TS_TASK_ANALYSIS
#define REASONING TS_TASK_REASONING
#define CREATIVE TS_TASK_CREATIVE
#define FILES TS_TASK_FILE_PROCESSING
#define CALLING TS_TASK_FUNCTION_CALLING
#define ANY TS_TASK_GENERAL_CHAT /* says something about the effort only */

/* clang-format off */
const struct ts_keyword ts_keywords[] = {
    /* coding: languages and tools */
    {"python", CODING, 4, 0},        {"javascript", CODING, 4, 0},  {"typescript", CODING, 4, 0},
    {"java", CODING, 4, 0},          {"c++", CODING, 4, 0},         {"c#", CODING, 4, 0},
    {"golang", CODING, 4, 0},        {"go service", CODING, 3, 0},  {"rust", CODING, 2, 0},
    {"kotlin", CODING, 4, 0},        {"swiftui", CODING, 4, 0},     {"php", CODING, 4, 0},
    {"ruby", CODING, 2, 0},          {"sql", CODING, 3, 0},         {"bash", CODING, 4, 0},
    {"shell script", CODING, 4, 0},  {"powershell", CODING, 4, 0},  {"html", CODING, 3, 0},
    {"css", CODING, 3, 0},           {"react", CODING, 2, 0},       {"django", CODING, 4, 0},
    {"node js", CODING, 4, 0},       {"git", CODING, 4, 0},         {"docker*", CODING, 3, 0},
    {"kubernetes", CODING, 3, 0},    {"gcc", CODING, 4, 0},         {"cmake", CODING, 4, 0},
    {"npm", CODING, 4, 0},           {"regex*", CODING, 4, 0},      {"regular expression*", CODING, 4, 0},
    {"curl command", CODING, 4, 0},  {"postgresql schema", CODING, 3, 0}, {"sqlite", CODING, 3, 0},
    /* coding: things and acts */
    {"code", CODING, 2, 0},          {"codebase", CODING, 4, 1},    {"source code", CODING, 3, 0},
    {"function that", CODING, 3, 0}, {"a function", CODING, 2, 0},  {"algorithm", CODING, 3, 1},
    {"class", CODING, 1, 0},         {"method", CODING, 1, 0},      {"variable", CODING, 1, 0},
    {"compile*", CODING, 3, 0},      {"debug*", CODING, 4, 0},      {"segfault*", CODING, 5, 0},
    {"stack trace", CODING, 4, 0},   {"traceback", CODING, 4, 0},   {"exception", CODING, 3, 0},
    {"typeerror", CODING, 5, 0},     {"syntax error", CODING, 5, 0},{"null pointer", CODING, 4, 0},
    {"unit test*", CODING, 4, 1},    {"integration test*", CODING, 3, 1}, {"refactor*", CODING, 5, 1},
    {"implement", CODING, 2, 1},     {"implement a", CODING, 2, 0}, {"a script", CODING, 3, 0},
    {"dependency injection", CODING, 4, 0}, {"thread safe", CODING, 3, 1}, {"concurrency", CODING, 3, 1},
    {"rest api", CODING, 4, 1},      {"api endpoint", CODING, 2, 0},{"database query", CODING, 3, 0},
    {"frontend", CODING, 3, 0},      {"backend", CODING, 3, 0},     {"data structure*", CODING, 3, 0},
    {"linked list", CODING, 4, 0},   {"hash table", CODING, 4, 0},  {"list comprehension", CODING, 4, 0},
    {"fix this", CODING, 2, 0},      {"bug", CODING, 3, 0},         {"pull request", CODING, 3, 0},
    {"goroutine*", CODING, 4, 0},    {"mutex", CODING, 4, 0},       {"memory leak", CODING, 4, 1},
    {"printf", CODING, 3, 0},        {"println", CODING, 3, 0},     {"console log", CODING, 3, 0},
    {"def", CODING, 2, 0},           {"#include", CODING, 4, 0},    {"group by", CODING, 2, 0},
    {"select", CODING, 1, 0},        {"inner join", CODING, 3, 0},  {"usestate", CODING, 4, 0},
    {"async", CODING, 3, 0},         {"await", CODING, 3, 0},       {"webpack", CODING, 4, 0},

    /* analysis */
    {"analy*", ANALYSIS, 4, 1},      {"compare", ANALYSIS, 4, 0},   {"comparison", ANALYSIS, 4, 0},
    {"contrast", ANALYSIS, 2, 0},    {"evaluat*", ANALYSIS, 4, 1},  {"assess*", ANALYSIS, 3, 1},
    {"pros and cons", ANALYSIS, 5, 0}, {"advantages", ANALYSIS, 3, 0}, {"disadvantages", ANALYSIS, 3, 0},
    {"strengths", ANALYSIS, 3, 0},   {"weaknesses", ANALYSIS, 3, 0},{"swot", ANALYSIS, 5, 1},
    {"summar*", ANALYSIS, 3, 0},     {"sentiment", ANALYSIS, 4, 0}, {"trend*", ANALYSIS, 3, 0},
    {"difference between", ANALYSIS, 3, 0}, {"differences between", ANALYSIS, 3, 0},
    {"key differences", ANALYSIS, 3, 0}, {"insight*", ANALYSIS, 3, 0}, {"statistic*", ANALYSIS, 2, 0},
    {"correlation", ANALYSIS, 4, 0}, {"interpret", ANALYSIS, 3, 0}, {"critique", ANALYSIS, 4, 0},
    {"review this", ANALYSIS, 2, 0}, {"risks", ANALYSIS, 2, 0},     {"trade off*", ANALYSIS, 2, 1},
    {"evidence", ANALYSIS, 2, 0},    {"market", ANALYSIS, 1, 0},    {"revenue", ANALYSIS, 1, 0},
    {"metrics", ANALYSIS, 2, 0},     {"benchmark*", ANALYSIS, 1, 1},{"implications", ANALYSIS, 2, 1},
    {"root cause", ANALYSIS, 3, 1},  {"recommendation*", ANALYSIS, 1, 0}, {"classify", ANALYSIS, 3, 0},
    {"categorize", ANALYSIS, 3, 0},  {"main arguments", ANALYSIS, 3, 0}, {"dataset", ANALYSIS, 2, 0},

    /* reasoning */
    {"prove", REASONING, 5, 2},      {"proof", REASONING, 5, 2},    {"theorem", REASONING, 5, 1},
    {"lemma", REASONING, 4, 1},      {"deduce", REASONING, 4, 0},   {"infer", REASONING, 3, 0},
    {"derive", REASONING, 4, 1},     {"logic", REASONING, 3, 0},    {"logical*", REASONING, 3, 0},
    {"puzzle", REASONING, 4, 0},     {"riddle", REASONING, 5, 0},   {"paradox", REASONING, 4, 0},
    {"solve", REASONING, 4, 0},      {"equation*", REASONING, 4, 0},{"integral", REASONING, 4, 1},
    {"derivative", REASONING, 4, 0}, {"probability", REASONING, 4, 0}, {"expected number", REASONING, 4, 0},
    {"calculate", REASONING, 4, 0},  {"compute", REASONING, 3, 0},  {"math*", REASONING, 3, 0},
    {"step by step", REASONING, 3, 1}, {"reasoning", REASONING, 4, 0}, {"square root", REASONING, 4, 0},
    {"how many", REASONING, 1, 0},   {"if all", REASONING, 3, 0},   {"weighings", REASONING, 3, 1},
    {"strategy with", REASONING, 2, 0}, {"km h", REASONING, 2, 0},  {"litre jug", REASONING, 3, 0},
    {"percent of", REASONING, 2, 0}, {"how can i measure", REASONING, 3, 0}, {"catch up", REASONING, 2, 0},
    {"where is the missing", REASONING, 3, 0}, {"hypothesis", REASONING, 2, 1}, {"variance", REASONING, 2, 1},

    /* creative */
    {"story", CREATIVE, 4, 0},       {"short story", CREATIVE, 2, 0}, {"poem*", CREATIVE, 5, 0},
    {"poetry", CREATIVE, 5, 0},      {"haiku", CREATIVE, 6, -1},    {"limerick", CREATIVE, 6, 0},
    {"sonnet", CREATIVE, 6, 0},      {"lyrics", CREATIVE, 5, 0},    {"song", CREATIVE, 3, 0},
    {"novel", CREATIVE, 4, 1},       {"chapter", CREATIVE, 2, 1},   {"fiction*", CREATIVE, 4, 0},
    {"character*", CREATIVE, 1, 0},  {"plot twist", CREATIVE, 4, 0},{"dialogue", CREATIVE, 4, 0},
    {"screenplay", CREATIVE, 5, 1},  {"blog post", CREATIVE, 4, 0}, {"slogan", CREATIVE, 5, -1},
    {"tagline", CREATIVE, 5, -1},    {"joke*", CREATIVE, 5, -1},    {"funny", CREATIVE, 3, 0},
    {"brainstorm*", CREATIVE, 4, 0}, {"imagine", CREATIVE, 3, 0},   {"creative", CREATIVE, 4, 0},
    {"compose", CREATIVE, 3, 0},     {"birthday wish", CREATIVE, 4, 0}, {"wedding speech", CREATIVE, 4, 0},
    {"in the style of", CREATIVE, 4, 0}, {"write a letter", CREATIVE, 3, 0}, {"essay", CREATIVE, 3, 1},
    {"come up with", CREATIVE, 2, 0},{"rewrite", CREATIVE, 2, 0},   {"ad copy", CREATIVE, 4, 0},
    {"product description", CREATIVE, 4, 0}, {"fairy tale", CREATIVE, 5, 0}, {"metaphor", CREATIVE, 3, 0},

    /* file processing */
    {"attached", FILES, 5, 0},       {"attachment*", FILES, 5, 0},  {"uploaded", FILES, 5, 0},
    {"i attached", FILES, 2, 0},     {"pdf", FILES, 4, 0},          {"pdfs", FILES, 4, 0},
    {"docx", FILES, 4, 0},           {"xlsx", FILES, 4, 0},         {"csv", FILES, 4, 0},
    {"spreadsheet", FILES, 4, 0},    {"this document", FILES, 4, 0},{"the document", FILES, 3, 0},
    {"transcript*", FILES, 5, 0},    {"invoice", FILES, 2, 0},      {"log file", FILES, 3, 0},
    {"extract", FILES, 3, 0},        {"parse this", FILES, 3, 0},   {"this file", FILES, 4, 0},
    {"the file", FILES, 2, 0},       {"scanned", FILES, 4, 0},      {"ocr", FILES, 5, 0},
    {"this image", FILES, 4, 0},     {"this photo", FILES, 4, 0},   {"this picture", FILES, 4, 0},
    {"screenshot", FILES, 3, 0},     {"this sign", FILES, 2, 0},    {"page number", FILES, 2, 0},
    {"minutes of", FILES, 3, 0},     {"meeting notes", FILES, 4, 0},{"each document", FILES, 3, 0},

    /* function calling */
    {"function call*", CALLING, 6, 0}, {"tool call*", CALLING, 6, 0}, {"call the", CALLING, 2, 0},
    {"call the function", CALLING, 5, 0}, {"use the tool", CALLING, 5, 0}, {"search tool", CALLING, 5, 0},
    {"the tool", CALLING, 2, 0},     {"get_weather", CALLING, 5, 0},{"create_event", CALLING, 4, 0},
    {"webhook", CALLING, 4, 0},      {"api call", CALLING, 3, 0},   {"invoke", CALLING, 4, 0},
    {"json arguments", CALLING, 4, 0}, {"arguments for", CALLING, 2, 0}, {"tool use", CALLING, 5, 0},
    {"agent", CALLING, 1, 0},        {"integrate", CALLING, 2, 1},  {"json schema", CALLING, 3, 0},

    /* effort, whatever the work */
    {"comprehensive*", ANY, 0, 2},   {"in detail", ANY, 0, 2},      {"detailed", ANY, 0, 1},
    {"thorough*", ANY, 0, 2},        {"in depth", ANY, 0, 2},       {"architecture", ANY, 0, 2},
    {"design", ANY, 0, 1},           {"optimi*", ANY, 0, 1},        {"scal*", ANY, 0, 1},
    {"must", ANY, 0, 1},             {"constraints", ANY, 0, 1},    {"migrations", ANY, 0, 1},
    {"explain each", ANY, 0, 1},     {"explain the", ANY, 0, 1},    {"discuss", ANY, 0, 1},
    {"generalise*", ANY, 0, 1},      {"generalize*", ANY, 0, 1},    {"reconcile", ANY, 0, 1},
    {"consistent", ANY, 0, 1},       {"consolidated", ANY, 0, 1},   {"production ready", ANY, 0, 2},
    {"list every", ANY, 0, 1},       {"briefly", ANY, 0, -2},       {"in one sentence", ANY, 0, -2},
    {"in two sentences", ANY, 0, -2},{"quick question", ANY, 0, -2},{"tl dr", ANY, 0, -1},
    {"simple", ANY, 0, -1},          {"just", ANY, 0, -1},          {"short answer", ANY, 0, -2},
};
/* clang-format on */

const int ts_keyword_count = (int)TS_ARRAY_LEN(ts_keywords);

static_assert(TS_ARRAY_LEN(ts_keywords) <= TS_MAX_KEYWORDS, "classify.c keeps a flag for each");
