/* What the parts of genreq share: scanning (genreq.c), labels and building. */
#ifndef TS_PROXY_GENREQ_IMPL_H
#define TS_PROXY_GENREQ_IMPL_H

#include "proxy/genreq.h"

/* "a string", "an object": for messages. */
const char *ts_genreq_type_name(enum ts_jtype type);

/* INVALID_FIELD: "@param must be @expected, not a number". */
TS_NODISCARD enum ts_err ts_genreq_mistyped(const char *param,
                                            const char *expected,
                                            enum ts_jtype found,
                                            struct ts_error *err);

/**
 * ts_genreq_text() - a string of 1 to @max bytes without control characters, in the arena
 * Errors: INVALID_FIELD with @param, NOMEM.
 */
TS_NODISCARD enum ts_err ts_genreq_text(struct ts_arena *arena,
                                        struct ts_jvalue value,
                                        size_t max,
                                        const char *param,
                                        const char **out,
                                        struct ts_error *err);

/* The same for text that is not in JSON. */
TS_NODISCARD enum ts_err ts_genreq_plain(struct ts_arena *arena,
                                         struct ts_slice text,
                                         size_t max,
                                         const char *param,
                                         const char **out,
                                         struct ts_error *err);

/* The `touchstone` member, an object. */
TS_NODISCARD enum ts_err ts_genreq_labels(struct ts_genreq *q,
                                          struct ts_jvalue object,
                                          struct ts_error *err);

#endif
