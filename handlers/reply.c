/* Answers: JSON, and errors as the route's dialect has them. */
#include "handlers/reply.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "handlers/routes.h"
#include "handlers/services.h"
#include "proxy/dialect.h"

enum { ERROR_BODY_MAX_BYTES = 8 * 1024 };

static const char type_json[] = "application/json";

char *ts_exchange_id(const struct ts_exchange *x, char out[static TS_ID_TEXT_SIZE])
{
    return ts_id_format(x->id, x->services->id_tag, out);
}

void ts_reply_text(struct ts_exchange *x, int status, const char *json)
{
    const struct ts_head head = {.status = status, .content_type = type_json};
    x->ops->respond(x, &head, json, strlen(json));
}

void ts_reply_json(struct ts_exchange *x, int status, json_t *body)
{
    char *text = ts_json_dump(body);
    json_decref(body);
    if (text == NULL) {
        struct ts_error err;
        (void)ts_fail(&err, TS_ERR_NOMEM, "no memory for the answer");
        ts_reply_error(x, &err);
        return;
    }
    ts_reply_text(x, status, text);
    free(text);
}

/* Ollama clients know 403 for what HTTP calls 421. */
static int status_of(const struct ts_exchange *x, enum ts_err code)
{
    if (code == TS_ERR_HOST_NOT_ALLOWED && strcmp(x->route->family, "ollama") == 0)
        return 403;
    return ts_err_status(code);
}

/* Seconds after which the same request may do better; NULL: no promise. */
static const char *retry_after(enum ts_err code)
{
    if (!ts_err_retryable(code))
        return NULL;
    return code == TS_ERR_STORAGE_UNAVAILABLE ? "5" : "1";
}

static int error_headers(const struct ts_exchange *x,
                         enum ts_err code,
                         struct ts_header out[static 3])
{
    int n = 0;
    if (retry_after(code) != NULL)
        out[n++] = (struct ts_header){"Retry-After", retry_after(code)};
    if (code == TS_ERR_OVERLOADED || code == TS_ERR_DRAINING) /* nobody was asked anything yet */
        out[n++] = (struct ts_header){"x-should-retry", "true"};
    if (code == TS_ERR_METHOD_NOT_ALLOWED && x->allow != NULL)
        out[n++] = (struct ts_header){"Allow", x->allow};
    if (ts_err_status(code) == 401)
        out[n++] = (struct ts_header){"WWW-Authenticate", "Bearer realm=\"touchstone\""};
    out[n] = (struct ts_header){NULL, NULL};
    return n;
}

void ts_reply_error(struct ts_exchange *x, const struct ts_error *err)
{
    char id[TS_ID_TEXT_SIZE];
    ts_meters_refused(x->services->meters, err->code);
    struct ts_buf body = TS_BUF_INIT(ERROR_BODY_MAX_BYTES);
    ts_write_error_body(x->route->family, err, ts_exchange_id(x, id), &body);
    struct ts_header headers[4];
    (void)error_headers(x, err->code, headers);
    const struct ts_head head = {
        .status = status_of(x, err->code), .content_type = type_json, .headers = headers};
    bool whole = ts_buf_ok(&body);
    x->ops->respond(x, &head, whole ? ts_buf_text(&body) : "{}", whole ? body.len : 2);
    ts_buf_free(&body);
}
