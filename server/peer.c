#include "server/peer.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

#include "base/limits.h"

enum { V4_PREFIX_BITS = 96, ADDRESS_BITS = 128 };

/* -- addresses -------------------------------------------------------------------------------- */

static struct in6_addr from_v4(struct in_addr v4)
{
    struct in6_addr ip = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
    memcpy(&ip.s6_addr[12], &v4, sizeof(v4));
    return ip;
}

static bool parse_ip(struct ts_slice s, struct in6_addr *out)
{
    char text[INET6_ADDRSTRLEN];
    struct in_addr v4;
    if (s.len == 0 || s.len >= sizeof(text) || memchr(s.at, '\0', s.len) != NULL)
        return false;
    memcpy(text, s.at, s.len);
    text[s.len] = '\0';
    if (inet_pton(AF_INET, text, &v4) != 1)
        return inet_pton(AF_INET6, text, out) == 1;
    *out = from_v4(v4);
    return true;
}

/* Copies, because nothing promises that @a is aligned for its family. */
static bool from_sockaddr(const struct sockaddr *a, struct in6_addr *out)
{
    struct in_addr v4;
    int family = a != NULL ? a->sa_family : AF_UNSPEC;
    if (family == AF_INET) {
        memcpy(&v4, (const char *)a + offsetof(struct sockaddr_in, sin_addr), sizeof(v4));
        *out = from_v4(v4);
    } else if (family == AF_INET6) {
        memcpy(out, (const char *)a + offsetof(struct sockaddr_in6, sin6_addr), sizeof(*out));
    }
    return family == AF_INET || family == AF_INET6;
}

static void put_ip(const struct in6_addr *ip, char out[static TS_CLIENT_SIZE])
{
    bool v4 = IN6_IS_ADDR_V4MAPPED(ip);
    (void)inet_ntop(
        v4 ? AF_INET : AF_INET6, v4 ? &ip->s6_addr[12] : ip->s6_addr, out, TS_CLIENT_SIZE);
}

/* -- the list --------------------------------------------------------------------------------- */

/* At most three digits. */
static bool parse_bits(struct ts_slice s, int most, int *out)
{
    int bits = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (i == 3 || s.at[i] < '0' || s.at[i] > '9')
            return false;
        bits = bits * 10 + (s.at[i] - '0');
    }
    *out = bits;
    return s.len > 0 && bits <= most;
}

static bool parse_network(struct ts_slice s, struct ts_network *out)
{
    const char *slash = memchr(s.at, '/', s.len);
    struct ts_slice ip = {s.at, slash != NULL ? (size_t)(slash - s.at) : s.len};
    if (!parse_ip(ip, &out->base))
        return false;
    out->bits = ADDRESS_BITS;
    if (slash == NULL)
        return true;
    bool v4 = memchr(ip.at, ':', ip.len) == NULL;
    int before = v4 ? V4_PREFIX_BITS : 0;
    struct ts_slice bits = {slash + 1, s.len - ip.len - 1};
    if (!parse_bits(bits, ADDRESS_BITS - before, &out->bits))
        return false;
    out->bits += before;
    return true;
}

enum ts_err ts_networks_parse(const char *text, struct ts_network_list *out, struct ts_error *err)
{
    struct ts_network_list list = {.count = 0};
    for (const char *at = text;;) {
        size_t n = strcspn(at, ",");
        struct ts_slice entry = ts_slice_trim((struct ts_slice){at, n});
        if (list.count == TS_MAX_NETWORKS)
            return ts_fail(err, TS_ERR_CONFIG, "more than %d addresses", TS_MAX_NETWORKS);
        if (!parse_network(entry, &list.at[list.count++]))
            return ts_fail(err,
                           TS_ERR_CONFIG,
                           "\"%.*s\" is not an address or a block of them, like 127.0.0.1, ::1 or "
                           "10.0.0.0/8",
                           (int)(entry.len > 80 ? 80 : entry.len),
                           entry.at);
        if (at[n] == '\0')
            break;
        at += n + 1;
    }
    *out = list;
    return TS_OK;
}

static bool holds(const struct ts_network *n, const struct in6_addr *ip)
{
    int whole = n->bits / 8;
    unsigned rest = (0xff00U >> (n->bits % 8)) & 0xff; /* of the byte that is cut */
    if (n->bits < V4_PREFIX_BITS && IN6_IS_ADDR_V4MAPPED(ip))
        return false;
    return memcmp(n->base.s6_addr, ip->s6_addr, (size_t)whole) == 0 &&
           (rest == 0 || ((n->base.s6_addr[whole] ^ ip->s6_addr[whole]) & rest) == 0);
}

static bool is_trusted(const struct ts_network_list *trusted, const struct in6_addr *ip)
{
    for (int i = 0; i < trusted->count; i++) {
        if (holds(&trusted->at[i], ip))
            return true;
    }
    return false;
}

/* -- what the proxies say --------------------------------------------------------------------- */

static bool is_port(struct ts_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
    }
    return s.len > 0 && s.len <= 5;
}

/* "192.0.2.7", "192.0.2.7:80", "2001:db8::7", "[2001:db8::7]", "[2001:db8::7]:80". */
static bool parse_node(struct ts_slice s, struct in6_addr *out)
{
    bool bracketed = s.len > 0 && s.at[0] == '[';
    const char *end = s.len > 0 ? memchr(s.at, bracketed ? ']' : ':', s.len) : NULL;
    if (bracketed && end == NULL)
        return false;
    if (end == NULL || (!bracketed && memrchr(s.at, ':', s.len) != end))
        return parse_ip(s, out);
    struct ts_slice ip = {s.at + bracketed, (size_t)(end - s.at) - bracketed};
    struct ts_slice rest = {end + bracketed, s.len - (size_t)(end - s.at) - bracketed};
    return (rest.len == 0 ||
            (rest.at[0] == ':' && is_port((struct ts_slice){rest.at + 1, rest.len - 1}))) &&
           parse_ip(ip, out);
}

/* Cuts the piece behind the last @mark off @s. */
static struct ts_slice cut_last(struct ts_slice *s, char mark)
{
    const char *last = memrchr(s->at, mark, s->len);
    size_t before = last != NULL ? (size_t)(last - s->at) : 0;
    size_t from = last != NULL ? before + 1 : 0;
    struct ts_slice piece = {s->at + from, s->len - from};
    *s = last != NULL ? (struct ts_slice){s->at, before} : (struct ts_slice){NULL, 0};
    return ts_slice_trim(piece);
}

/*
 * Whether commas and semicolons of this piece are really marks: a quoted text may hold them, such
 * as a host that the client chose. Then its quotes lie in different pieces or are escaped.
 */
static bool is_whole(struct ts_slice s)
{
    int quotes = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == '\\')
            return false;
        quotes += s.at[i] == '"';
    }
    return quotes % 2 == 0;
}

/* An element of Forwarded: `for="[2001:db8::7]:80";proto=https`. */
static bool parse_forwarded(struct ts_slice s, struct in6_addr *out)
{
    static const struct ts_slice key = {"for=", 4};
    if (!is_whole(s))
        return false;
    while (s.at != NULL) {
        struct ts_slice pair = cut_last(&s, ';');
        struct ts_slice name = {pair.at, pair.len < key.len ? pair.len : key.len};
        if (!is_whole(pair))
            return false;
        if (!ts_slice_same_nocase(name, key))
            continue;
        struct ts_slice node = {pair.at + key.len, pair.len - key.len};
        if (node.len >= 2 && node.at[0] == '"' && node.at[node.len - 1] == '"')
            node = (struct ts_slice){node.at + 1, node.len - 2};
        return parse_node(node, out);
    }
    return false;
}

struct source {
    struct ts_slice name;
    bool (*parse)(struct ts_slice element, struct in6_addr *out);
};

enum verdict { NOTHING, UNTRUSTED, BROKEN };

/* Reads a field from the right. UNTRUSTED: @out is the client. */
static enum verdict read_field(const struct ts_network_list *trusted,
                               const struct source *source,
                               struct ts_slice value,
                               struct in6_addr *out)
{
    while (value.at != NULL) {
        if (!source->parse(cut_last(&value, ','), out))
            return BROKEN;
        if (!is_trusted(trusted, out))
            return UNTRUSTED;
    }
    return NOTHING;
}

/* Several fields of one name are one list, the last of them its end. */
static bool find_client(const struct ts_network_list *trusted,
                        const struct ts_request_head *head,
                        struct in6_addr *out)
{
    static const struct source sources[] = {
        {{"x-forwarded-for", 15}, parse_node},
        {{"forwarded", 9}, parse_forwarded},
    };
    int count = head->field_count < TS_MAX_HEADERS ? head->field_count : TS_MAX_HEADERS;
    for (size_t s = 0; s < TS_ARRAY_LEN(sources); s++) {
        bool seen = false;
        for (int i = count - 1; i >= 0; i--) {
            const struct ts_header_field *f = &head->fields[i];
            if (!ts_slice_same_nocase(f->name, sources[s].name))
                continue;
            seen = true;
            enum verdict v = read_field(trusted, &sources[s], f->value, out);
            if (v != NOTHING)
                return v == UNTRUSTED;
        }
        if (seen)
            return false;
    }
    return false;
}

void ts_peer_client(const struct ts_network_list *trusted,
                    const struct sockaddr *peer,
                    const struct ts_request_head *head,
                    char out[static TS_CLIENT_SIZE])
{
    struct in6_addr ip;
    struct in6_addr client;
    out[0] = '\0';
    if (!from_sockaddr(peer, &ip))
        return;
    bool named = is_trusted(trusted, &ip) && find_client(trusted, head, &client);
    put_ip(named ? &client : &ip, out);
}
