#include "server/guard.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>
#include <strings.h>

#include "base/call.h"
#include "base/limits.h"
#include "server/target.h"

/* -- the fields that are looked at ------------------------------------------------------------ */

/* X(enum suffix, name in lower case, error when it stands twice; OK: may) */
/* clang-format off */
#define FIELD_TABLE(X)                                                  \
    X(HOST,              "host",                          BAD_HOST)     \
    X(CONTENT_LENGTH,    "content-length",                BAD_FRAMING)  \
    X(TRANSFER_ENCODING, "transfer-encoding",             BAD_FRAMING)  \
    X(CONTENT_TYPE,      "content-type",                  BAD_HEADER)   \
    X(AUTHORIZATION,     "authorization",                 AMBIGUOUS_CREDENTIALS) \
    X(API_KEY,           "x-api-key",                     AMBIGUOUS_CREDENTIALS) \
    X(ORIGIN,            "origin",                        BAD_HEADER)   \
    X(EXPECT,            "expect",                        BAD_EXPECT)   \
    X(FETCH_SITE,        "sec-fetch-site",                BAD_HEADER)   \
    X(FETCH_MODE,        "sec-fetch-mode",                BAD_HEADER)   \
    X(FETCH_DEST,        "sec-fetch-dest",                BAD_HEADER)   \
    X(REQUEST_METHOD,    "access-control-request-method", BAD_HEADER)
/* clang-format on */

enum field {
#define X(id, name, twice) FIELD_##id,
    FIELD_TABLE(X)
#undef X
        FIELD_COUNT_
};

struct field_row {
    struct ts_slice name;
    enum ts_err twice;
};

static const struct field_row field_rows[] = {
#define X(id, text, again) [FIELD_##id] = {{text, sizeof(text) - 1}, TS_ERR_##again},
    FIELD_TABLE(X)
#undef X
};

struct seen {
    struct ts_slice at[FIELD_COUNT_]; /* absent: not there */
};

static bool is_nocase(struct ts_slice a, const char *text)
{
    return a.at != NULL && ts_slice_same_nocase(a, ts_slice_str(text));
}

/* RFC 9110's token. */
static bool is_token(struct ts_slice s)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alnum && (c == '\0' || strchr(others, c) == NULL))
            return false;
    }
    return s.len > 0;
}

static bool has_control(struct ts_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return true;
    }
    return false;
}

static enum ts_err note_field(const struct ts_header_field *f,
                              struct seen *seen,
                              struct ts_error *err)
{
    for (int i = 0; i < FIELD_COUNT_; i++) {
        if (!ts_slice_same_nocase(f->name, field_rows[i].name))
            continue;
        if (seen->at[i].at != NULL)
            return ts_fail(err,
                           field_rows[i].twice,
                           "the header %s stands twice, where only one is allowed",
                           field_rows[i].name.at);
        seen->at[i] = f->value;
        return TS_OK;
    }
    return TS_OK;
}

static enum ts_err read_fields(const struct ts_request_head *head,
                               struct seen *seen,
                               struct ts_error *err)
{
    if (head->field_count > TS_MAX_HEADERS)
        return ts_fail(err, TS_ERR_HEADERS_TOO_LARGE, "more than %d headers", TS_MAX_HEADERS);
    size_t bytes = strlen(head->method) + strlen(head->target);
    for (int i = 0; i < head->field_count; i++) {
        const struct ts_header_field *f = &head->fields[i];
        bytes += f->name.len + f->value.len + 4;
        if (!is_token(f->name))
            return ts_fail(err, TS_ERR_BAD_HEADER, "the name of header %d is not a token", i + 1);
        if (has_control(f->value))
            return ts_fail(err,
                           TS_ERR_BAD_HEADER,
                           "a control character in the header %.*s",
                           (int)(f->name.len > 64 ? 64 : f->name.len),
                           f->name.at);
        enum ts_err e = note_field(f, seen, err);
        if (e != TS_OK)
            return e;
    }
    if (bytes > TS_MAX_HEAD_BYTES)
        return ts_fail(err,
                       TS_ERR_HEADERS_TOO_LARGE,
                       "request line and headers have %zu bytes; the limit is %d",
                       bytes,
                       TS_MAX_HEAD_BYTES);
    return TS_OK;
}

/* -- request line ----------------------------------------------------------------------------- */

static enum ts_err check_line(const struct ts_request_head *head,
                              struct ts_guard_facts *out,
                              struct ts_error *err)
{
    static const char *const methods[] = {
        [TS_GET] = "GET",
        [TS_HEAD] = "HEAD",
        [TS_POST] = "POST",
        [TS_PUT] = "PUT",
        [TS_PATCH] = "PATCH",
        [TS_DELETE] = "DELETE",
        [TS_OPTIONS] = "OPTIONS",
    };
    out->http10 = strcmp(head->version, "HTTP/1.0") == 0;
    if (!out->http10 && strcmp(head->version, "HTTP/1.1") != 0)
        return ts_fail(err, TS_ERR_HTTP_VERSION, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    for (size_t i = 0; i < TS_ARRAY_LEN(methods); i++) {
        if (strcmp(head->method, methods[i]) == 0) {
            out->method = (enum ts_method)i;
            return ts_target_check(ts_slice_str(head->target), err);
        }
    }
    return ts_fail(err, TS_ERR_METHOD_UNKNOWN, "an unknown method");
}

/* -- framing: where the body ends, and so where the next request starts ------------------------ */

/* Digits only: no sign, no list, no spaces. */
static bool parse_length(struct ts_slice s, int64_t *out)
{
    int64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, s.at[i] - '0', &v))
            return false;
    }
    *out = v;
    return s.len > 0;
}

static enum ts_err check_framing(const struct seen *seen,
                                 struct ts_guard_facts *out,
                                 struct ts_error *err)
{
    struct ts_slice length = seen->at[FIELD_CONTENT_LENGTH];
    struct ts_slice coding = seen->at[FIELD_TRANSFER_ENCODING];
    struct ts_slice expect = seen->at[FIELD_EXPECT];
    if (length.at != NULL && coding.at != NULL)
        return ts_fail(
            err, TS_ERR_BAD_FRAMING, "both Content-Length and Transfer-Encoding are given");
    if (length.at != NULL && !parse_length(length, &out->content_length))
        return ts_fail(err, TS_ERR_BAD_FRAMING, "Content-Length is not a number");
    if (coding.at != NULL && out->http10)
        return ts_fail(err, TS_ERR_BAD_FRAMING, "Transfer-Encoding does not exist in HTTP/1.0");
    if (coding.at != NULL && !is_nocase(coding, "chunked"))
        return ts_fail(
            err, TS_ERR_BAD_TRANSFER_CODING, "the only transfer coding spoken here is chunked");
    if (expect.at != NULL && !is_nocase(expect, "100-continue"))
        return ts_fail(
            err, TS_ERR_BAD_EXPECT, "the only expectation that can be met is 100-continue");
    out->chunked = coding.at != NULL;
    out->has_body = out->chunked || out->content_length > 0;
    return TS_OK;
}

/* -- Host and Origin -------------------------------------------------------------------------- */

struct authority {
    struct ts_slice name;
    int port; /* 0: none given */
};

static bool is_host_char(char c, bool bracketed)
{
    bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    return alnum || c == '.' || (bracketed ? c == ':' : c == '-' || c == '_');
}

/* How many bytes of @s are the host's name, brackets included; 0: none. */
static size_t name_length(struct ts_slice s)
{
    bool bracketed = s.len > 0 && s.at[0] == '[';
    size_t n = bracketed ? 1 : 0;
    while (n < s.len && is_host_char(s.at[n], bracketed))
        n++;
    if (!bracketed)
        return n;
    return n > 1 && n < s.len && s.at[n] == ']' ? n + 1 : 0;
}

static bool parse_authority(struct ts_slice s, struct authority *out)
{
    size_t n = name_length(s);
    if (n == 0)
        return false;
    *out = (struct authority){.name = {s.at, n}};
    if (n == s.len)
        return true;
    int64_t port = 0;
    if (s.at[n] != ':' || !parse_length((struct ts_slice){s.at + n + 1, s.len - n - 1}, &port) ||
        port < 1 || port > 65535)
        return false;
    out->port = (int)port;
    return true;
}

static bool is_our_port(const struct ts_guard_policy *p, int port)
{
    for (int i = 0; i < p->port_count; i++) {
        if (p->ports[i] == port)
            return true;
    }
    return false;
}

/* @origin_port: 0 for Host; for an Origin what no port means there, 80 or 443. */
static bool authority_allowed(const struct ts_guard_policy *p, struct authority a, int origin_port)
{
    int port = a.port != 0 ? a.port : origin_port;
    for (int i = 0; i < p->host_count; i++) {
        const struct ts_host_rule *rule = &p->hosts[i];
        if (!is_nocase(a.name, rule->name))
            continue;
        if (rule->port == TS_PORT_ANY || rule->port == port ||
            (rule->port == TS_PORT_OURS && (port == 0 || is_our_port(p, port))))
            return true;
    }
    return false;
}

/* HTTP/1.0 knows no Host; no browser speaks it, so there is nobody to be led astray. */
static enum ts_err check_host(const struct ts_guard_policy *p,
                              struct ts_slice host,
                              bool http10,
                              struct ts_error *err)
{
    struct authority a;
    if (host.at == NULL && http10)
        return TS_OK;
    if (host.at == NULL)
        return ts_fail(err, TS_ERR_BAD_HOST, "the Host header is missing");
    if (!parse_authority(host, &a))
        return ts_fail(err, TS_ERR_BAD_HOST, "the Host header is not a name with an optional port");
    if (!authority_allowed(p, a, 0))
        return ts_fail(err,
                       TS_ERR_HOST_NOT_ALLOWED,
                       "this server does not answer for %.*s; TOUCHSTONE_SERVER_NAMES may name it",
                       (int)(host.len > 100 ? 100 : host.len),
                       host.at);
    return TS_OK;
}

static bool is_cors_origin(const struct ts_guard_policy *p, struct ts_slice origin)
{
    for (int i = 0; i < p->cors_count; i++) {
        if (is_nocase(origin, p->cors_origins[i]))
            return true;
    }
    return false;
}

/* A page of ours: the origin's host is the Host of the request, or one that we answer for. */
static bool is_own_origin(const struct ts_guard_policy *p,
                          struct ts_slice origin,
                          struct ts_slice host)
{
    static const struct ts_slice schemes[] = {{"http://", 7}, {"https://", 8}};
    static const int ports[] = {80, 443};
    for (size_t i = 0; i < TS_ARRAY_LEN(schemes); i++) {
        size_t n = schemes[i].len;
        struct authority a;
        if (origin.len <= n || strncasecmp(origin.at, schemes[i].at, n) != 0)
            continue;
        struct ts_slice rest = {origin.at + n, origin.len - n};
        return (host.at != NULL && ts_slice_same_nocase(rest, host)) ||
               (parse_authority(rest, &a) && authority_allowed(p, a, ports[i]));
    }
    return false;
}

static void read_origin(const struct ts_guard_policy *p,
                        const struct seen *seen,
                        struct ts_guard_facts *out)
{
    struct ts_slice origin = seen->at[FIELD_ORIGIN];
    struct ts_slice site = seen->at[FIELD_FETCH_SITE];
    out->origin = origin;
    out->browser = origin.at != NULL || site.at != NULL || seen->at[FIELD_FETCH_MODE].at != NULL ||
                   seen->at[FIELD_FETCH_DEST].at != NULL;
    out->cors = origin.at != NULL && is_cors_origin(p, origin);
    bool own = origin.at == NULL || is_own_origin(p, origin, seen->at[FIELD_HOST]);
    /* Without an Origin (a GET), what the browser says of the site decides. */
    out->cross_site = !out->cors && (!own || is_nocase(site, "cross-site"));
    out->preflight =
        out->method == TS_OPTIONS && origin.at != NULL && seen->at[FIELD_REQUEST_METHOD].at != NULL;
}

/* -- credentials ------------------------------------------------------------------------------ */

static struct ts_slice bearer(struct ts_slice value)
{
    static const char scheme[] = "Bearer ";
    size_t n = sizeof(scheme) - 1;
    if (value.at == NULL || value.len <= n || strncasecmp(value.at, scheme, n) != 0)
        return (struct ts_slice){0};
    while (n < value.len && value.at[n] == ' ')
        n++;
    return (struct ts_slice){value.at + n, value.len - n};
}

static void read_credentials(const struct seen *seen, struct ts_guard_facts *out)
{
    struct ts_slice token = bearer(seen->at[FIELD_AUTHORIZATION]);
    struct ts_slice key = seen->at[FIELD_API_KEY];
    out->credential = token.at != NULL ? token : key;
    out->two_credentials = token.at != NULL && key.at != NULL &&
                           (token.len != key.len || memcmp(token.at, key.at, key.len) != 0);
}

static bool is_json_type(struct ts_slice type)
{
    struct ts_slice essence = type;
    for (size_t i = 0; i < type.len; i++) {
        if (type.at[i] == ';' || type.at[i] == ' ' || type.at[i] == '\t') {
            essence.len = i;
            break;
        }
    }
    return is_nocase(essence, "application/json");
}

enum ts_err ts_guard_head(const struct ts_guard_policy *p,
                          const struct ts_request_head *head,
                          struct ts_guard_facts *out,
                          struct ts_error *err)
{
    struct seen seen = {0};
    *out = (struct ts_guard_facts){.method = TS_GET, .content_length = TS_UNKNOWN};
    enum ts_err e = check_line(head, out, err);
    if (e == TS_OK)
        e = read_fields(head, &seen, err);
    if (e == TS_OK)
        e = check_framing(&seen, out, err);
    if (e == TS_OK)
        e = check_host(p, seen.at[FIELD_HOST], out->http10, err);
    if (e != TS_OK)
        return e;
    out->json = is_json_type(seen.at[FIELD_CONTENT_TYPE]);
    read_origin(p, &seen, out);
    read_credentials(&seen, out);
    return TS_OK;
}

/* -- by route --------------------------------------------------------------------------------- */

int64_t ts_guard_body_limit(enum ts_route_class class)
{
    switch (class) {
    case TS_ROUTE_GENERATE:
        return TS_MAX_GENERATE_BODY_BYTES;
    case TS_ROUTE_SITE:
        return TS_MAX_SITE_BODY_BYTES;
    case TS_ROUTE_API:
    case TS_ROUTE_STATIC:
    case TS_ROUTE_OPEN:
        break;
    }
    return TS_MAX_BODY_BYTES;
}

void ts_guard_hash_key(struct ts_slice key, uint8_t out[static TS_KEY_HASH_BYTES])
{
    static_assert(TS_KEY_HASH_BYTES == crypto_hash_sha256_BYTES, "the hash is SHA-256");
    (void)crypto_hash_sha256(out, (const unsigned char *)key.at, key.len);
}

static enum ts_err check_key(const struct ts_guard_policy *p,
                             const struct ts_guard_facts *facts,
                             struct ts_error *err)
{
    if (facts->two_credentials)
        return ts_fail(
            err, TS_ERR_AMBIGUOUS_CREDENTIALS, "Authorization and x-api-key carry different keys");
    if (facts->credential.at == NULL)
        return ts_fail(err,
                       TS_ERR_UNAUTHORIZED,
                       "this server asks for a key: Authorization: Bearer <key>, or x-api-key");
    uint8_t hash[TS_KEY_HASH_BYTES];
    ts_guard_hash_key(facts->credential, hash);
    if (sodium_memcmp(hash, p->key_hash, sizeof(hash)) != 0)
        return ts_fail(err, TS_ERR_INVALID_KEY, "the key is not known here");
    return TS_OK;
}

static bool takes_body(enum ts_method m)
{
    return m == TS_POST || m == TS_PUT || m == TS_PATCH;
}

static enum ts_err check_body(const struct ts_guard_facts *facts,
                              const struct ts_route_entry *route,
                              struct ts_error *err)
{
    int64_t limit = ts_guard_body_limit(route->class);
    bool upload = takes_body(facts->method);
    bool json_only = route->class != TS_ROUTE_GENERATE || facts->browser;
    if (upload && !facts->chunked && facts->content_length == TS_UNKNOWN)
        return ts_fail(
            err, TS_ERR_LENGTH_REQUIRED, "a body needs Content-Length or chunked coding");
    if (upload && json_only && !facts->json)
        return ts_fail(
            err, TS_ERR_UNSUPPORTED_MEDIA_TYPE, "Content-Type has to be application/json");
    if (facts->content_length > limit)
        return ts_fail(err,
                       TS_ERR_BODY_TOO_LARGE,
                       "the body has %lld bytes; the limit here is %lld",
                       (long long)facts->content_length,
                       (long long)limit);
    return TS_OK;
}

enum ts_err ts_guard_route(const struct ts_guard_policy *p,
                           const struct ts_guard_facts *facts,
                           const struct ts_route_entry *route,
                           struct ts_error *err)
{
    bool reads_asset =
        route->class == TS_ROUTE_STATIC && (facts->method == TS_GET || facts->method == TS_HEAD);
    if (facts->cross_site && !reads_asset)
        return ts_fail(err,
                       TS_ERR_ORIGIN_NOT_ALLOWED,
                       "pages of another origin may not ask; TOUCHSTONE_CORS_ORIGINS may name it");
    if (p->has_key && route->scope != TS_SCOPE_NONE) {
        enum ts_err e = check_key(p, facts, err);
        if (e != TS_OK)
            return e;
    }
    return check_body(facts, route, err);
}
