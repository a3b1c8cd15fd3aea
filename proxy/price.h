/*
 * What tokens cost: prices of the configuration, and a small table of published ones.
 *
 * The kinds of tokens are disjoint (base/call.h): what a server's prompt count includes is settled
 * where its dialect is read. A price that is not known makes the cost unknown, never 0.
 */
#ifndef TS_PROXY_PRICE_H
#define TS_PROXY_PRICE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/call.h"

/* US dollars per million tokens; negative: not known. Of a price whose cache prices are not known,
 * cached tokens count like other input. */
struct ts_price {
    double in;
    double out;
    double cache_read;
    double cache_write;
};
#define TS_PRICE_UNKNOWN ((struct ts_price){-1, -1, -1, -1})

static inline bool ts_price_is_known(const struct ts_price *p)
{
    return p->in >= 0 && p->out >= 0;
}

/* Whose price list a published price is from. */
enum ts_price_list { TS_PRICES_OPENAI, TS_PRICES_ANTHROPIC };

/* When the published prices were last looked at, and where: for people. */
extern const char ts_prices_date[];
extern const char ts_prices_source[];

/* The published price of exactly that model id, for a prompt of so many tokens; all unknown where
 * there is none. */
struct ts_price ts_price_published(enum ts_price_list list,
                                   const char *model,
                                   int64_t prompt_tokens);

/* Calls fn for each published price, in the order of the table. */
void ts_price_each(void (*fn)(void *ctx, const char *model, const struct ts_price *p), void *ctx);

/* How costs come about, and the table: docs/costs.md. */
void ts_prices_document(struct ts_buf *out);

/* Nano-dollars of a call's tokens, or TS_UNKNOWN: where the price is not known, or not how many
 * tokens there were by the server's own count. */
int64_t ts_price_of_tokens(const struct ts_price *p, const struct ts_call *call);

/* Nano-dollars of so long on a machine that costs so much an hour; negative: not known. */
int64_t ts_price_of_time(double usd_per_hour, int64_t us);

#endif
