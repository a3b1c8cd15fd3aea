/* Base64 as RFC 4648 has it, with padding. Thread: any. */
#ifndef TS_BASE_BASE64_H
#define TS_BASE_BASE64_H

#include "base/buf.h"

/* An encoding in progress: bytes may come in pieces of any size. Zero at first. */
struct ts_base64 {
    unsigned char left[3];
    size_t count; /* of them */
};

void ts_base64_put(struct ts_base64 *b, const void *bytes, size_t n, struct ts_buf *out);
void ts_base64_end(struct ts_base64 *b, struct ts_buf *out);

#endif
