#include "handlers/preview_ticket.h"

#include <assert.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CODE_SIZE = 2 * crypto_auth_BYTES + 1 };

static_assert(TS_PREVIEW_KEY_BYTES == crypto_auth_KEYBYTES, "the key is libsodium's");
static_assert(TS_PREVIEW_TICKET_SIZE > 2 * 20 + 2 + CODE_SIZE, "two numbers and a code fit");

/* Of the first @len bytes of a ticket, in hexadecimal. */
static void make_code(const uint8_t *key, const char *text, size_t len, char out[static CODE_SIZE])
{
    unsigned char code[crypto_auth_BYTES];
    (void)crypto_auth(code, (const unsigned char *)text, len, key);
    (void)sodium_bin2hex(out, CODE_SIZE, code, sizeof(code));
}

void ts_preview_ticket_write(const uint8_t key[static TS_PREVIEW_KEY_BYTES],
                             int64_t id,
                             int64_t until_ms,
                             char out[static TS_PREVIEW_TICKET_SIZE])
{
    char code[CODE_SIZE];
    int len = snprintf(out, TS_PREVIEW_TICKET_SIZE, "%" PRId64 ".%" PRId64 ".", id, until_ms);
    make_code(key, out, (size_t)len, code);
    (void)snprintf(out + len, TS_PREVIEW_TICKET_SIZE - (size_t)len, "%s", code);
}

bool ts_preview_ticket_read(const uint8_t key[static TS_PREVIEW_KEY_BYTES],
                            const char *ticket,
                            int64_t now_ms,
                            int64_t *id)
{
    char code[CODE_SIZE];
    const char *dot = strrchr(ticket, '.');
    if (dot == NULL || strlen(dot + 1) != CODE_SIZE - 1)
        return false;
    make_code(key, ticket, (size_t)(dot + 1 - ticket), code);
    if (sodium_memcmp(code, dot + 1, CODE_SIZE - 1) != 0)
        return false;
    char *end = NULL; /* what follows was written by us */
    int64_t number = strtoll(ticket, &end, 10);
    if (strtoll(end + 1, NULL, 10) <= now_ms)
        return false;
    *id = number;
    return true;
}
