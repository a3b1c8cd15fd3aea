/*
 * Websites: their addresses, and how much there is to a page.
 */
#ifndef TS_ANALYTICS_SITE_H
#define TS_ANALYTICS_SITE_H

#include <stdint.h>

#include "base/call.h"

/**
 * ts_site_url() - an address in the form in which it is kept
 * @out:    scheme and host in small letters, without a fragment, without a slash that stands alone
 * @domain: the host of it
 * Return: NULL, or what is wrong with it, as the end of a sentence ("must ..."). Taken are http and
 * https with a host, of at most TS_MAX_URL bytes, without a user, spaces or control characters.
 */
const char *ts_site_url(struct ts_slice url,
                        char out[static TS_MAX_URL + 1],
                        char domain[static TS_MAX_URL + 1]);

/* Runs of letters and digits between white space: "#" and "---" are no words. */
int64_t ts_count_words(struct ts_slice text);

/* Likewise of a page's text: tags, comments, scripts and styles are not counted. */
int64_t ts_count_words_html(struct ts_slice html);

/* From how many words on a site is medium, and complex. */
struct ts_site_limits {
    int64_t medium_from;
    int64_t complex_from;
};

enum ts_complexity ts_site_complexity(const struct ts_site_limits *limits, int64_t words);

/* The size in a model's name ("llama3.2:7b", "gpt-oss-20b", "Mixtral-8x7B"): "7b"; an empty slice
 * where it tells none. A span of @model. */
struct ts_slice ts_model_size(struct ts_slice model);

#endif
