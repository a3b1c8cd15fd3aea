/* The guard against every row of the table of bad requests, by what stands on the wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/call.h"
#include "base/limits.h"
#include "server/guard.h"

static const struct ts_host_rule hosts[] = {
    {"localhost", TS_PORT_OURS},
    {"127.0.0.1", TS_PORT_OURS},
    {"[::1]", TS_PORT_OURS},
    {"models.example", TS_PORT_ANY},
    {"inner.example", 8080},
};
static const int ports[] = {8420};
static const char *const cors[] = {"https://dash.example"};

static struct ts_guard_policy policy(const char *key)
{
    struct ts_guard_policy p = {
        .hosts = hosts,
        .host_count = TS_ARRAY_LEN(hosts),
        .ports = ports,
        .port_count = 1,
        .cors_origins = cors,
        .cors_count = 1,
        .has_key = key != NULL,
    };
    if (key != NULL)
        ts_guard_hash_key(ts_slice_str(key), p.key_hash);
    return p;
}

/* A head as text: "GET /path HTTP/1.1\nName: value\n..." cut into its parts. */
struct wire {
    char text[4096];
    struct ts_header_field fields[TS_MAX_HEADERS];
    struct ts_request_head head;
};

static void cut(struct wire *w, const char *text)
{
    (void)snprintf(w->text, sizeof(w->text), "%s", text);
    char *rest = w->text;
    char *line = strsep(&rest, "\n");
    w->head = (struct ts_request_head){.fields = w->fields};
    w->head.method = strsep(&line, " ");
    char *last = strrchr(line, ' ');
    *last = '\0';
    w->head.target = line;
    w->head.version = last + 1;
    while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
        char *colon = strchr(line, ':');
        char *value = colon + 1 + strspn(colon + 1, " ");
        w->fields[w->head.field_count++] =
            (struct ts_header_field){{line, (size_t)(colon - line)}, {value, strlen(value)}};
    }
}

static enum ts_err judge_head(const char *text, struct ts_guard_facts *facts)
{
    static struct wire w;
    struct ts_error err = TS_ERROR_INIT;
    struct ts_guard_policy p = policy(NULL);
    cut(&w, text);
    enum ts_err e = ts_guard_head(&p, &w.head, facts, &err);
    assert_int_equal(e, err.code);
    assert_true(e == TS_OK || err.text[0] != '\0');
    return e;
}

struct row {
    const char *what;
    const char *head;
    enum ts_err wanted;
};

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct ts_guard_facts facts;
        enum ts_err got = judge_head(rows[i].head, &facts);
        if (got != rows[i].wanted)
            fail_msg("%s: %s, not %s", rows[i].what, ts_err_name(got), ts_err_name(rows[i].wanted));
    }
}

#define H "Host: localhost\n"
#define GET "GET /api/tags HTTP/1.1\n"
#define POST "POST /api/chat HTTP/1.1\n" H

static void the_host_must_be_one_that_we_answer_for(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"plain", GET H, TS_OK},
        {"our port", GET "Host: localhost:8420\n", TS_OK},
        {"capitals", GET "Host: LocalHost\n", TS_OK},
        {"IPv4", GET "Host: 127.0.0.1:8420\n", TS_OK},
        {"IPv6", GET "Host: [::1]:8420\n", TS_OK},
        {"a server name, any port", GET "Host: models.example:443\n", TS_OK},
        {"a server name with its port", GET "Host: inner.example:8080\n", TS_OK},
        {"a server name, wrong port", GET "Host: inner.example:81\n", TS_ERR_HOST_NOT_ALLOWED},
        {"another port", GET "Host: localhost:8421\n", TS_ERR_HOST_NOT_ALLOWED},
        {"a stranger", GET "Host: evil.example\n", TS_ERR_HOST_NOT_ALLOWED},
        {"a name that begins like ours",
         GET "Host: localhost.evil.example\n",
         TS_ERR_HOST_NOT_ALLOWED},
        {"a name that ends like ours", GET "Host: evil-localhost\n", TS_ERR_HOST_NOT_ALLOWED},
        {"a final dot", GET "Host: localhost.\n", TS_ERR_HOST_NOT_ALLOWED},
        {"missing", GET, TS_ERR_BAD_HOST},
        {"missing in HTTP/1.0", "GET / HTTP/1.0\n", TS_OK},
        {"wrong in HTTP/1.0", "GET / HTTP/1.0\nHost: evil.example\n", TS_ERR_HOST_NOT_ALLOWED},
        {"empty", GET "Host:\n", TS_ERR_BAD_HOST},
        {"two", GET H H, TS_ERR_BAD_HOST},
        {"two, other case", GET H "hOST: localhost\n", TS_ERR_BAD_HOST},
        {"a space", GET "Host: local host\n", TS_ERR_BAD_HOST},
        {"a user", GET "Host: user@localhost\n", TS_ERR_BAD_HOST},
        {"no port behind the colon", GET "Host: localhost:\n", TS_ERR_BAD_HOST},
        {"a port that is none", GET "Host: localhost:84x\n", TS_ERR_BAD_HOST},
        {"a port too large", GET "Host: localhost:65536\n", TS_ERR_BAD_HOST},
        {"an open bracket", GET "Host: [::1\n", TS_ERR_BAD_HOST},
        {"a path", GET "Host: localhost/\n", TS_ERR_BAD_HOST},
        {"a list", GET "Host: localhost, evil.example\n", TS_ERR_BAD_HOST},
    };
    check_rows(rows, TS_ARRAY_LEN(rows));
}

static void a_body_has_one_unmistakable_end(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"a length", POST "Content-Length: 5\n", TS_OK},
        {"chunked", POST "Transfer-Encoding: chunked\n", TS_OK},
        {"chunked in capitals", POST "Transfer-Encoding: CHUNKED\n", TS_OK},
        {"two lengths", POST "Content-Length: 5\nContent-Length: 6\n", TS_ERR_BAD_FRAMING},
        {"the same length twice",
         POST "Content-Length: 5\nContent-Length: 5\n",
         TS_ERR_BAD_FRAMING},
        {"length and chunked",
         POST "Content-Length: 5\nTransfer-Encoding: chunked\n",
         TS_ERR_BAD_FRAMING},
        {"chunked and length",
         POST "Transfer-Encoding: chunked\nContent-Length: 5\n",
         TS_ERR_BAD_FRAMING},
        {"two codings",
         POST "Transfer-Encoding: chunked\nTransfer-Encoding: identity\n",
         TS_ERR_BAD_FRAMING},
        {"chunked in HTTP/1.0",
         "POST / HTTP/1.0\n" H "Transfer-Encoding: chunked\n",
         TS_ERR_BAD_FRAMING},
        {"gzip, chunked", POST "Transfer-Encoding: gzip, chunked\n", TS_ERR_BAD_TRANSFER_CODING},
        {"xchunked", POST "Transfer-Encoding: xchunked\n", TS_ERR_BAD_TRANSFER_CODING},
        {"identity", POST "Transfer-Encoding: identity\n", TS_ERR_BAD_TRANSFER_CODING},
        {"negative", POST "Content-Length: -1\n", TS_ERR_BAD_FRAMING},
        {"a sign", POST "Content-Length: +5\n", TS_ERR_BAD_FRAMING},
        {"hex", POST "Content-Length: 0x5\n", TS_ERR_BAD_FRAMING},
        {"words", POST "Content-Length: abc\n", TS_ERR_BAD_FRAMING},
        {"two numbers", POST "Content-Length: 5 6\n", TS_ERR_BAD_FRAMING},
        {"a list", POST "Content-Length: 5, 5\n", TS_ERR_BAD_FRAMING},
        {"empty", POST "Content-Length:\n", TS_ERR_BAD_FRAMING},
        {"2^63", POST "Content-Length: 9223372036854775808\n", TS_ERR_BAD_FRAMING},
        {"2^64", POST "Content-Length: 18446744073709551616\n", TS_ERR_BAD_FRAMING},
        {"100-continue", POST "Content-Length: 5\nExpect: 100-Continue\n", TS_OK},
        {"another expectation", POST "Content-Length: 5\nExpect: tea\n", TS_ERR_BAD_EXPECT},
    };
    check_rows(rows, TS_ARRAY_LEN(rows));
}

static void the_request_line_is_strict(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"query", "GET /a?b=c&d HTTP/1.1\n" H, TS_OK},
        {"escapes", "GET /a%20b/%C3%A9 HTTP/1.1\n" H, TS_OK},
        {"a newline in the query", "GET /a?b=%0A HTTP/1.1\n" H, TS_OK},
        {"a slash at the end", "GET /a/ HTTP/1.1\n" H, TS_OK},
        {"HTTP/1.0", "GET / HTTP/1.0\n" H, TS_OK},
        {"HTTP/2.0", "GET / HTTP/2.0\n" H, TS_ERR_HTTP_VERSION},
        {"HTTP/1.2", "GET / HTTP/1.2\n" H, TS_ERR_HTTP_VERSION},
        {"HTTP/0.9", "GET / HTTP/0.9\n" H, TS_ERR_HTTP_VERSION},
        {"small letters", "GET / http/1.1\n" H, TS_ERR_HTTP_VERSION},
        {"a method in small letters", "get / HTTP/1.1\n" H, TS_ERR_METHOD_UNKNOWN},
        {"TRACE", "TRACE / HTTP/1.1\n" H, TS_ERR_METHOD_UNKNOWN},
        {"CONNECT", "CONNECT / HTTP/1.1\n" H, TS_ERR_METHOD_UNKNOWN},
        {"junk", "FOO / HTTP/1.1\n" H, TS_ERR_METHOD_UNKNOWN},
        {"absolute", "GET http://localhost/ HTTP/1.1\n" H, TS_ERR_BAD_TARGET},
        {"a star", "OPTIONS * HTTP/1.1\n" H, TS_ERR_BAD_TARGET},
        {"no slash", "GET a HTTP/1.1\n" H, TS_ERR_BAD_TARGET},
        {"a space", "GET /a b HTTP/1.1\n" H, TS_ERR_BAD_TARGET},
        {"up", "GET /a/../b HTTP/1.1\n" H, TS_ERR_BAD_TARGET},
        {"up at the end", "GET /a/.. HTTP/1.1\n" H, TS_ERR_BAD_TARGET},
        {"up, escaped", "GET /a/%2e%2E/b HTTP/1.1\n" H, TS_ERR_BAD_TARGET},
        {"up behind an escaped slash", "GET /a%2f../b HTTP/1.1\n" H, TS_ERR_BAD_TARGET},
        {"an empty segment", "GET //a HTTP/1.1\n" H, TS_ERR_BAD_TARGET},
        {"an empty segment inside", "GET /a//b HTTP/1.1\n" H, TS_ERR_BAD_TARGET},
        {"NUL", "GET /a%00b HTTP/1.1\n" H, TS_ERR_BAD_TARGET},
        {"NUL in the query", "GET /a?b=%00 HTTP/1.1\n" H, TS_ERR_BAD_TARGET},
        {"a control character", "GET /a%0Ab HTTP/1.1\n" H, TS_ERR_BAD_TARGET},
        {"raw UTF-8", "GET /\xc3\xa9 HTTP/1.1\n" H, TS_ERR_BAD_TARGET},
        {"a cut escape", "GET /a%2 HTTP/1.1\n" H, TS_ERR_BAD_TARGET},
        {"a bad escape", "GET /a%zz HTTP/1.1\n" H, TS_ERR_BAD_TARGET},
        {"a bad escape in the query", "GET /a?b=%f HTTP/1.1\n" H, TS_ERR_BAD_TARGET},
        {"not UTF-8", "GET /a%ff HTTP/1.1\n" H, TS_ERR_BAD_TARGET},
    };
    check_rows(rows, TS_ARRAY_LEN(rows));
}

static void headers_are_tokens_and_text(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"bytes above 0x7f", GET H "X-Name: caf\xc3\xa9\n", TS_OK},
        {"a tab", GET H "X-Name: a\tb\n", TS_OK},
        {"a space before the colon", GET H "X-Name : a\n", TS_ERR_BAD_HEADER},
        {"chunked with a space before the colon",
         POST "Transfer-Encoding : chunked\n",
         TS_ERR_BAD_HEADER},
        {"no name", GET H ": a\n", TS_ERR_BAD_HEADER},
        {"a folded line, as libmicrohttpd glues it", GET "Hos t: localhost\n" H, TS_ERR_BAD_HEADER},
        {"a name outside ASCII", GET H "X-\xc3\xa9: a\n", TS_ERR_BAD_HEADER},
        {"a bare CR", GET H "X-Name: a\rb\n", TS_ERR_BAD_HEADER},
        {"an escape character", GET H "X-Name: a\x1b[31m\n", TS_ERR_BAD_HEADER},
        {"DEL", GET H "X-Name: a\x7f\n", TS_ERR_BAD_HEADER},
        {"two types",
         POST "Content-Type: a/b\nContent-Type: application/json\n",
         TS_ERR_BAD_HEADER},
        {"two origins", GET H "Origin: http://localhost\nOrigin: null\n", TS_ERR_BAD_HEADER},
        {"two authorizations",
         GET H "Authorization: Bearer a\nAuthorization: Bearer a\n",
         TS_ERR_AMBIGUOUS_CREDENTIALS},
    };
    check_rows(rows, TS_ARRAY_LEN(rows));
}

static void large_heads_are_refused(void **state)
{
    (void)state;
    static char target[TS_MAX_TARGET_BYTES + 2];
    static char value[TS_MAX_HEAD_BYTES];
    static struct ts_header_field fields[TS_MAX_HEADERS];
    struct ts_guard_policy p = policy(NULL);
    struct ts_guard_facts facts;
    for (int i = 0; i < TS_MAX_HEADERS; i++)
        fields[i] = (struct ts_header_field){TS_SLICE_LIT("X-Some"), TS_SLICE_LIT("value")};
    fields[0] = (struct ts_header_field){TS_SLICE_LIT("Host"), TS_SLICE_LIT("localhost")};
    struct ts_request_head head = {"GET", "/", "HTTP/1.1", fields, TS_MAX_HEADERS};
    assert_int_equal(ts_guard_head(&p, &head, &facts, NULL), TS_OK);
    head.field_count++;
    assert_int_equal(ts_guard_head(&p, &head, &facts, NULL), TS_ERR_HEADERS_TOO_LARGE);
    head.field_count = 2;
    memset(value, 'a', sizeof(value));
    fields[1].value = (struct ts_slice){value, sizeof(value) - 100};
    assert_int_equal(ts_guard_head(&p, &head, &facts, NULL), TS_OK);
    fields[1].value.len = sizeof(value);
    assert_int_equal(ts_guard_head(&p, &head, &facts, NULL), TS_ERR_HEADERS_TOO_LARGE);
    head.field_count = 1;
    memset(target, 'a', sizeof(target) - 1);
    target[0] = '/';
    head.target = target;
    assert_int_equal(ts_guard_head(&p, &head, &facts, NULL), TS_ERR_URI_TOO_LONG);
    target[TS_MAX_TARGET_BYTES] = '\0';
    assert_int_equal(ts_guard_head(&p, &head, &facts, NULL), TS_OK);
    for (int i = 0; i < TS_MAX_QUERY_ARGS; i++)
        memcpy(target + 2 + (ptrdiff_t)i * 4, "a=1&", 4);
    target[1] = '?';
    target[2 + TS_MAX_QUERY_ARGS * 4] = '\0';
    assert_int_equal(ts_guard_head(&p, &head, &facts, NULL), TS_OK);
    memcpy(target + 2 + TS_MAX_QUERY_ARGS * 4, "a", 2);
    assert_int_equal(ts_guard_head(&p, &head, &facts, NULL), TS_ERR_URI_TOO_LONG);
}

/* -- by route --------------------------------------------------------------------------------- */

struct route_row {
    const char *what;
    const char *head;
    enum ts_route_class class;
    enum ts_err wanted;
};

static void check_routes(const struct route_row *rows, size_t count, const char *key)
{
    static struct wire w;
    struct ts_guard_policy p = policy(key);
    for (size_t i = 0; i < count; i++) {
        struct ts_guard_facts facts;
        struct ts_route_entry route = {.class = rows[i].class, .scope = TS_SCOPE_GENERATE};
        if (rows[i].class == TS_ROUTE_STATIC || rows[i].class == TS_ROUTE_OPEN)
            route.scope = TS_SCOPE_NONE;
        cut(&w, rows[i].head);
        enum ts_err got = ts_guard_head(&p, &w.head, &facts, NULL);
        if (got == TS_OK)
            got = ts_guard_route(&p, &facts, &route, NULL);
        if (got != rows[i].wanted)
            fail_msg("%s: %s, not %s", rows[i].what, ts_err_name(got), ts_err_name(rows[i].wanted));
    }
}

#define JSON "Content-Type: application/json\nContent-Length: 2\n"

static void other_pages_are_kept_out(void **state)
{
    (void)state;
    static const struct route_row rows[] = {
        {"no browser", GET H, TS_ROUTE_API, TS_OK},
        {"our page",
         GET "Host: localhost:8420\nOrigin: http://localhost:8420\n",
         TS_ROUTE_API,
         TS_OK},
        {"our page by another name", GET H "Origin: http://127.0.0.1:8420\n", TS_ROUTE_API, TS_OK},
        {"our page behind a proxy",
         GET "Host: models.example\nOrigin: https://models.example\n",
         TS_ROUTE_API,
         TS_OK},
        {"our page behind a proxy that changes Host",
         GET H "Origin: https://models.example\n",
         TS_ROUTE_API,
         TS_OK},
        {"a CORS origin",
         GET H "Origin: https://dash.example\nSec-Fetch-Site: cross-site\n",
         TS_ROUTE_API,
         TS_OK},
        {"another scheme than the CORS origin's",
         GET H "Origin: http://dash.example\n",
         TS_ROUTE_API,
         TS_ERR_ORIGIN_NOT_ALLOWED},
        {"a stranger",
         GET H "Origin: https://evil.example\n",
         TS_ROUTE_API,
         TS_ERR_ORIGIN_NOT_ALLOWED},
        {"a stranger posts",
         POST "Origin: https://evil.example\n" JSON,
         TS_ROUTE_GENERATE,
         TS_ERR_ORIGIN_NOT_ALLOWED},
        {"another server on this machine",
         GET H "Origin: http://localhost:3000\n",
         TS_ROUTE_API,
         TS_ERR_ORIGIN_NOT_ALLOWED},
        {"port 80 of this machine",
         GET "Host: localhost:8420\nOrigin: http://localhost\n",
         TS_ROUTE_API,
         TS_ERR_ORIGIN_NOT_ALLOWED},
        {"null", GET H "Origin: null\n", TS_ROUTE_API, TS_ERR_ORIGIN_NOT_ALLOWED},
        {"an image on another page",
         GET H "Sec-Fetch-Site: cross-site\n",
         TS_ROUTE_API,
         TS_ERR_ORIGIN_NOT_ALLOWED},
        {"typed by hand", GET H "Sec-Fetch-Site: none\n", TS_ROUTE_API, TS_OK},
        {"our own page reads", GET H "Sec-Fetch-Site: same-origin\n", TS_ROUTE_API, TS_OK},
        {"a link from another page to ours",
         GET H "Sec-Fetch-Site: cross-site\n",
         TS_ROUTE_STATIC,
         TS_OK},
        {"health from another page",
         GET H "Sec-Fetch-Site: cross-site\n",
         TS_ROUTE_OPEN,
         TS_ERR_ORIGIN_NOT_ALLOWED},
    };
    check_routes(rows, TS_ARRAY_LEN(rows), NULL);
}

static void bodies_have_a_length_a_type_and_a_limit(void **state)
{
    (void)state;
    static const struct route_row rows[] = {
        {"JSON", POST JSON, TS_ROUTE_API, TS_OK},
        {"JSON with a charset",
         POST "Content-Type: Application/JSON; charset=utf-8\nContent-Length: 2\n",
         TS_ROUTE_API,
         TS_OK},
        {"no type", POST "Content-Length: 2\n", TS_ROUTE_API, TS_ERR_UNSUPPORTED_MEDIA_TYPE},
        {"a form",
         POST "Content-Type: application/x-www-form-urlencoded\nContent-Length: 2\n",
         TS_ROUTE_API,
         TS_ERR_UNSUPPORTED_MEDIA_TYPE},
        {"a type that begins like JSON",
         POST "Content-Type: application/jsonx\nContent-Length: 2\n",
         TS_ROUTE_API,
         TS_ERR_UNSUPPORTED_MEDIA_TYPE},
        {"a form to generation",
         POST "Content-Type: application/x-www-form-urlencoded\nContent-Length: 2\n",
         TS_ROUTE_GENERATE,
         TS_OK},
        {"a form from a browser",
         POST "Content-Type: text/plain\nContent-Length: 2\nSec-Fetch-Site: same-origin\n",
         TS_ROUTE_GENERATE,
         TS_ERR_UNSUPPORTED_MEDIA_TYPE},
        {"JSON from Node", POST "Sec-Fetch-Mode: cors\n" JSON, TS_ROUTE_GENERATE, TS_OK},
        {"no length",
         POST "Content-Type: application/json\n",
         TS_ROUTE_API,
         TS_ERR_LENGTH_REQUIRED},
        {"no length to generation", POST, TS_ROUTE_GENERATE, TS_ERR_LENGTH_REQUIRED},
        {"chunked",
         POST "Content-Type: application/json\nTransfer-Encoding: chunked\n",
         TS_ROUTE_API,
         TS_OK},
        {"1 MiB",
         POST "Content-Type: application/json\nContent-Length: 1048576\n",
         TS_ROUTE_API,
         TS_OK},
        {"1 MiB and one",
         POST "Content-Type: application/json\nContent-Length: 1048577\n",
         TS_ROUTE_API,
         TS_ERR_BODY_TOO_LARGE},
        {"32 MiB of prompt", POST "Content-Length: 33554432\n", TS_ROUTE_GENERATE, TS_OK},
        {"and one", POST "Content-Length: 33554433\n", TS_ROUTE_GENERATE, TS_ERR_BODY_TOO_LARGE},
        {"a GET with a body", GET H "Content-Length: 3\n", TS_ROUTE_API, TS_OK},
        {"a GET with a large body",
         GET H "Content-Length: 2000000\n",
         TS_ROUTE_API,
         TS_ERR_BODY_TOO_LARGE},
    };
    check_routes(rows, TS_ARRAY_LEN(rows), NULL);
}

static void a_key_is_asked_for_when_there_is_one(void **state)
{
    (void)state;
    static const struct route_row rows[] = {
        {"none", GET H, TS_ROUTE_API, TS_ERR_UNAUTHORIZED},
        {"none for assets", GET H, TS_ROUTE_STATIC, TS_OK},
        {"none for health", GET H, TS_ROUTE_OPEN, TS_OK},
        {"the right one", GET H "Authorization: Bearer ts_secret\n", TS_ROUTE_API, TS_OK},
        {"in small letters", GET H "authorization: bearer ts_secret\n", TS_ROUTE_API, TS_OK},
        {"as Anthropic's clients send it",
         GET H "x-api-key: ts_secret\n",
         TS_ROUTE_GENERATE,
         TS_OK},
        {"both, the same",
         GET H "x-api-key: ts_secret\nAuthorization: Bearer ts_secret\n",
         TS_ROUTE_API,
         TS_OK},
        {"both, differing",
         GET H "x-api-key: ts_secret\nAuthorization: Bearer other\n",
         TS_ROUTE_API,
         TS_ERR_AMBIGUOUS_CREDENTIALS},
        {"a wrong one",
         GET H "Authorization: Bearer ts_secreT\n",
         TS_ROUTE_API,
         TS_ERR_INVALID_KEY},
        {"the beginning of it",
         GET H "Authorization: Bearer ts_secre\n",
         TS_ROUTE_API,
         TS_ERR_INVALID_KEY},
        {"more than it",
         GET H "Authorization: Bearer ts_secret2\n",
         TS_ROUTE_API,
         TS_ERR_INVALID_KEY},
        {"another scheme", GET H "Authorization: Basic dHM6\n", TS_ROUTE_API, TS_ERR_UNAUTHORIZED},
        {"an empty one", GET H "Authorization: Bearer \n", TS_ROUTE_API, TS_ERR_UNAUTHORIZED},
    };
    static const struct route_row ignored[] = {
        {"a key nobody asked for", GET H "Authorization: Bearer sk-123\n", TS_ROUTE_API, TS_OK},
        {"two that differ", GET H "x-api-key: a\nAuthorization: Bearer b\n", TS_ROUTE_API, TS_OK},
    };
    check_routes(rows, TS_ARRAY_LEN(rows), "ts_secret");
    check_routes(ignored, TS_ARRAY_LEN(ignored), NULL);
}

static void facts_tell_what_was_seen(void **state)
{
    (void)state;
    struct ts_guard_facts f;
    assert_int_equal(judge_head("OPTIONS /api/chat HTTP/1.1\n" H "Origin: https://dash.example\n"
                                "Access-Control-Request-Method: POST\n",
                                &f),
                     TS_OK);
    assert_true(f.preflight && f.cors && f.browser && !f.has_body);
    assert_int_equal(f.method, TS_OPTIONS);
    assert_int_equal(judge_head("POST / HTTP/1.0\n" H "Content-Length: 0\n", &f), TS_OK);
    assert_true(f.http10 && !f.has_body && !f.preflight && !f.browser);
    assert_int_equal(f.content_length, 0);
    assert_int_equal(judge_head(POST "Transfer-Encoding: chunked\n", &f), TS_OK);
    assert_true(f.chunked && f.has_body);
    assert_int_equal(f.content_length, TS_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_host_must_be_one_that_we_answer_for),
        cmocka_unit_test(a_body_has_one_unmistakable_end),
        cmocka_unit_test(the_request_line_is_strict),
        cmocka_unit_test(headers_are_tokens_and_text),
        cmocka_unit_test(large_heads_are_refused),
        cmocka_unit_test(other_pages_are_kept_out),
        cmocka_unit_test(bodies_have_a_length_a_type_and_a_limit),
        cmocka_unit_test(a_key_is_asked_for_when_there_is_one),
        cmocka_unit_test(facts_tell_what_was_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
