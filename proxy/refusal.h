/*
 * What an upstream's failure means: may another server be asked, and what does the client get?
 */
#ifndef TS_PROXY_REFUSAL_H
#define TS_PROXY_REFUSAL_H

#include "base/buf.h"
#include "base/slice.h"
#include "proxy/upstream.h"

struct ts_refusal {
    enum ts_err cause; /* recorded, and what the client is told unless status says otherwise */
    bool retryable;    /* another server may be asked */
    int client_status; /* the upstream's own status goes to the client; 0: the cause's */
};

/* An answer with a status that is not 2xx. */
struct ts_refusal ts_refusal_of_status(int status);

/* A transfer that ended before the answer was complete. */
struct ts_refusal ts_refusal_of_end(enum ts_fetch_end end);

/**
 * ts_error_text() - the server's own words from the body of an error answer
 * Understands {"error": "text"}, {"error": {"message"}}, {"message"} and {"detail"}; else the body
 * itself. Cleaned: one line, valid UTF-8, at most TS_MAX_ERROR_TEXT bytes. Appends nothing when
 * there is nothing to say.
 */
void ts_error_text(struct ts_slice body, struct ts_buf *out);

/* The same cleaning for text that is at hand. */
void ts_error_clean(struct ts_slice text, struct ts_buf *out);

/**
 * ts_retry_after_ms() - how long a server wants to be left alone
 * @ms:     the header retry-after-ms, which some send beside the other; or NULL. It wins
 * @header: the header Retry-After, in seconds or as an HTTP date; or NULL
 * Return: milliseconds from @now_ms (Unix) on, never negative; TS_UNKNOWN where neither says it,
 * and for more than a day.
 */
int64_t ts_retry_after_ms(const char *ms, const char *header, int64_t now_ms);

#endif
