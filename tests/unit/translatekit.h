/* Requests and answers taken from one dialect to another; a test fails where they do not come out
 * as expected. */
#ifndef TS_TESTS_UNIT_TRANSLATEKIT_H
#define TS_TESTS_UNIT_TRANSLATEKIT_H

#include "proxy/dialect.h"

struct way {
    const struct ts_dialect *from;
    const struct ts_dialect *to;
    bool extensions;
};

/* The body for the upstream, asked for as model "N". */
enum ts_err translate(struct way way, const char *body, struct ts_buf *out, struct ts_error *err);

/* It is @want, byte for byte. */
void expect(struct way way, const char *body, const char *want);

/* It is refused as INVALID_FIELD, with that member. */
void expect_refusal(struct way way, const char *body, const char *param);

/* What a client that asked for model "m" gets of such a stream, or in one piece; read in two
 * pieces, cut behind @first bytes. The caller's. */
struct ts_buf written(const struct ts_dialect *from,
                      const struct ts_dialect *to,
                      struct ts_slice bytes,
                      size_t first,
                      bool fold);

/* That is @want. */
void expect_written(const struct ts_dialect *from,
                    const struct ts_dialect *to,
                    const char *stream,
                    bool fold,
                    const char *want);

#endif
