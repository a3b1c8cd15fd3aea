/*
 * Parts of a text that stand in it again: subtrees of at least TS_CODE_REPEAT_LEAVES tokens whose
 * tokens are the same, whatever the white space and comments between them.
 */
#ifndef TS_ANALYTICS_CODE_REPEATS_H
#define TS_ANALYTICS_CODE_REPEATS_H

#include "base/buf.h"

enum { TS_CODE_REPEAT_LEAVES = 50 };

struct ts_code_repeats {
    struct ts_buf spans; /* of struct ts_code_span */
};

/* Of the tokens in a run of bytes. Two that are equal stand for the same tokens. */
uint64_t ts_code_hash(uint64_t seed, const char *bytes, size_t len);

void ts_code_repeats_init(struct ts_code_repeats *r);
void ts_code_repeats_deinit(struct ts_code_repeats *r);

/* A subtree from byte @start to before @end. */
void ts_code_repeats_add(struct ts_code_repeats *r, uint64_t hash, uint32_t start, uint32_t end);

/* Bytes in all but the first of each set of equal subtrees, each byte counted once. Reorders. */
int64_t ts_code_repeats_bytes(struct ts_code_repeats *r);

#endif
