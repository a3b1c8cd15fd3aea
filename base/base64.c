#include "base/base64.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void encode(const unsigned char in[static 3], char out[static 4])
{
    out[0] = letters[in[0] >> 2];
    out[1] = letters[(in[0] & 3U) << 4 | in[1] >> 4];
    out[2] = letters[(in[1] & 15U) << 2 | in[2] >> 6];
    out[3] = letters[in[2] & 63U];
}

void ts_base64_put(struct ts_base64 *b, const void *bytes, size_t n, struct ts_buf *out)
{
    const unsigned char *at = bytes;
    char text[4];
    for (size_t i = 0; i < n; i++) {
        b->left[b->count++] = at[i];
        if (b->count < 3)
            continue;
        encode(b->left, text);
        ts_buf_put(out, text, sizeof(text));
        b->count = 0;
    }
}

void ts_base64_end(struct ts_base64 *b, struct ts_buf *out)
{
    char text[4];
    if (b->count == 0)
        return;
    for (size_t i = b->count; i < 3; i++)
        b->left[i] = 0;
    encode(b->left, text);
    for (size_t i = b->count + 1; i < 4; i++)
        text[i] = '=';
    ts_buf_put(out, text, sizeof(text));
    b->count = 0;
}
