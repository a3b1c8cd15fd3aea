/* Errors in each family's words: as a body of their own, and as an event in a stream. */
#include "base/limits.h"
#include "proxy/dialect.h"

static void put_text(struct ts_buf *out, const char *text)
{
    struct ts_slice s = ts_slice_str(text);
    ts_buf_put_json_string(out, s.at, s.len);
}

/* `"name":"text"` with @before in front; `"name":null` without text. */
static void put_member(struct ts_buf *out, const char *before, const char *name, const char *text)
{
    ts_buf_printf(out, "%s\"%s\":", before, name);
    if (text != NULL && text[0] != '\0')
        put_text(out, text);
    else
        ts_buf_puts(out, "null");
}

/* What the families call a kind of error, by its status. */
struct type_row {
    int status;
    const char *openai;
    const char *anthropic;
};

static const struct type_row *type_of(int status)
{
    static const struct type_row rows[] = {
        {400, "invalid_request_error", "invalid_request_error"},
        {401, "authentication_error", "authentication_error"},
        {403, "permission_error", "permission_error"},
        {404, "invalid_request_error", "not_found_error"},
        {413, "invalid_request_error", "request_too_large"},
        {429, "rate_limit_error", "rate_limit_error"},
        {503, "server_error", "overloaded_error"},
        {504, "server_error", "timeout_error"},
    };
    static const struct type_row client = {0, "invalid_request_error", "invalid_request_error"};
    static const struct type_row server = {0, "server_error", "api_error"};
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++) {
        if (rows[i].status == status)
            return &rows[i];
    }
    return status < 500 ? &client : &server;
}

static void write_openai(const struct ts_error *err, struct ts_buf *out)
{
    put_member(out, "{\"error\":{", "message", err->text);
    put_member(out, ",", "type", type_of(ts_err_status(err->code))->openai);
    put_member(out, ",", "param", err->param);
    put_member(out, ",", "code", ts_err_name(err->code));
    ts_buf_puts(out, "}}");
}

static void write_anthropic(const struct ts_error *err, const char *id, struct ts_buf *out)
{
    put_member(out,
               "{\"type\":\"error\",\"error\":{",
               "type",
               type_of(ts_err_status(err->code))->anthropic);
    put_member(out, ",", "message", err->text);
    put_member(out, "},", "request_id", id);
    ts_buf_puts(out, "}");
}

static void write_ollama(const struct ts_error *err, struct ts_buf *out)
{
    ts_buf_puts(out, "{\"error\":");
    put_text(out, err->text);
    ts_buf_puts(out, "}");
}

static void write_own(const struct ts_error *err, const char *id, struct ts_buf *out)
{
    put_member(out, "{\"error\":{", "code", ts_err_name(err->code));
    put_member(out, ",", "message", err->text);
    if (err->param[0] != '\0')
        put_member(out, ",", "param", err->param);
    put_member(out, ",", "requestId", id);
    ts_buf_puts(out, "}}");
}

void ts_write_error_body(const char *family,
                         const struct ts_error *err,
                         const char *id,
                         struct ts_buf *out)
{
    struct ts_slice f = ts_slice_str(family);
    if (ts_slice_is(f, "openai"))
        write_openai(err, out);
    else if (ts_slice_is(f, "anthropic"))
        write_anthropic(err, id, out);
    else if (ts_slice_is(f, "ollama"))
        write_ollama(err, out);
    else
        write_own(err, id, out);
}

void ts_write_error_event(const struct ts_dialect *d,
                          const struct ts_error *err,
                          const char *id,
                          struct ts_buf *out)
{
    if (d->framing == TS_FRAMING_NDJSON) {
        ts_write_error_body(d->family, err, id, out);
        ts_buf_puts(out, "\n");
        return;
    }
    /* Clients of Anthropic's dialect see only events with a name; those of Responses go by it. */
    if (ts_slice_is(ts_slice_str(d->family), "anthropic") || d == &ts_openai_responses)
        ts_buf_puts(out, "event: error\n");
    ts_buf_puts(out, "data: ");
    ts_write_error_body(d->family, err, id, out);
    ts_buf_puts(out, "\n\n");
}
