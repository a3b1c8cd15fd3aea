/*
 * How long the classifier takes: one line of figures for each length of prompt.
 *
 * The sentence holds words that begin keywords, so that it is no easy one.
 */
#include <stdio.h>
#include <stdlib.h>

#include "analytics/classify.h"
#include "base/clock.h"

enum { ROUNDS = 400, CALLS = 50 };

static const char sentence[] = "Please compare the story of the old script with a small chapter; ";

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Microseconds a call, the mean of each of ROUNDS rounds, in ascending order. */
static void measure(const struct ts_classifier *c, size_t len, double us[static ROUNDS])
{
    static char text[TS_CLASSIFY_BYTES];
    for (size_t i = 0; i < len; i++)
        text[i] = sentence[i % (sizeof(sentence) - 1)];
    const struct ts_prompt_text p = {.text = {.at = text, .len = len}};
    for (int round = 0; round < ROUNDS; round++) {
        int64_t start = ts_now_us();
        for (int i = 0; i < CALLS; i++)
            (void)ts_classify(c, &p);
        us[round] = (double)(ts_now_us() - start) / CALLS;
    }
    qsort(us, ROUNDS, sizeof(us[0]), ascending);
}

int main(void)
{
    static const size_t lengths[] = {64, 512, 2048, TS_CLASSIFY_BYTES};
    struct ts_classifier c;
    ts_classifier_init(&c);
    for (size_t i = 0; i < TS_ARRAY_LEN(lengths); i++) {
        double us[ROUNDS];
        measure(&c, lengths[i], us);
        (void)printf("%5zu bytes: best %.1f us, median %.1f us, 99th of 100 %.1f us\n",
                     lengths[i],
                     us[0],
                     us[ROUNDS / 2],
                     us[ROUNDS * 99 / 100]);
    }
    return 0;
}
