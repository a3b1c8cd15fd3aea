/*
 * A ticket for one preview: lets it be fetched without a key, for some hours.
 *
 * A frame cannot send a key. Whoever may read an attempt is told an address of its preview that
 * carries a ticket instead: the attempt's number and an end, under a code that only this process
 * can make. It opens that preview and nothing else. Thread: any.
 */
#ifndef TS_HANDLERS_PREVIEW_TICKET_H
#define TS_HANDLERS_PREVIEW_TICKET_H

#include <stdbool.h>
#include <stdint.h>

enum {
    TS_PREVIEW_KEY_BYTES = 32,
    TS_PREVIEW_TICKET_SIZE = 128, /* with its NUL */
    TS_PREVIEW_TICKET_MS = 8 * 3600 * 1000,
};

void ts_preview_ticket_write(const uint8_t key[static TS_PREVIEW_KEY_BYTES],
                             int64_t id,
                             int64_t until_ms,
                             char out[static TS_PREVIEW_TICKET_SIZE]);

/* Whether it is one of ours, and has not ended at @now_ms; then @id is the attempt's. */
bool ts_preview_ticket_read(const uint8_t key[static TS_PREVIEW_KEY_BYTES],
                            const char *ticket,
                            int64_t now_ms,
                            int64_t *id);

#endif
