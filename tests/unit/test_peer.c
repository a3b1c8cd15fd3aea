/* Who the client is: the list of trusted proxies, and headers that anybody may have written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "base/limits.h"
#include "server/peer.h"

enum { MAX_LINES = 3 };

static struct ts_network_list trust(const char *text)
{
    struct ts_network_list list = {.count = 0};
    assert_int_equal(ts_networks_parse(text, &list, NULL), TS_OK);
    return list;
}

static struct sockaddr_storage socket_address(const char *text)
{
    struct sockaddr_storage out = {.ss_family = AF_INET};
    if (inet_pton(AF_INET, text, &((struct sockaddr_in *)&out)->sin_addr) == 1)
        return out;
    out.ss_family = AF_INET6;
    assert_int_equal(inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&out)->sin6_addr), 1);
    return out;
}

/* @lines: "Name: value". */
static void choose(const struct ts_network_list *trusted,
                   const char *peer,
                   const char *const *lines,
                   char out[static TS_CLIENT_SIZE])
{
    struct ts_header_field fields[MAX_LINES];
    struct ts_request_head head = {.fields = fields};
    for (; head.field_count < MAX_LINES && lines[head.field_count] != NULL; head.field_count++) {
        const char *line = lines[head.field_count];
        size_t n = strcspn(line, ":");
        fields[head.field_count] =
            (struct ts_header_field){{line, n}, ts_slice_trim(ts_slice_str(line + n + 1))};
    }
    struct sockaddr_storage address = socket_address(peer);
    ts_peer_client(trusted, (const struct sockaddr *)&address, &head, out);
}

struct row {
    const char *what;
    const char *peer;
    const char *lines[MAX_LINES];
    const char *client;
};

static void check_rows(const char *trusted, const struct row *rows, size_t count)
{
    struct ts_network_list list = trust(trusted);
    for (size_t i = 0; i < count; i++) {
        char got[TS_CLIENT_SIZE];
        choose(&list, rows[i].peer, rows[i].lines, got);
        if (strcmp(got, rows[i].client) != 0)
            fail_msg("%s: \"%s\", not \"%s\"", rows[i].what, got, rows[i].client);
    }
}

/* 10.* and fd00::/8 are proxies, 6.6.6.6 is whoever lies, 192.0.2.7 and 2001:db8::7 are clients. */
#define PROXIES "10.0.0.0/8, fd00::/8"

static void only_what_trusted_proxies_wrote_counts(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"no header", "10.0.0.1", {NULL}, "10.0.0.1"},
        {"no proxy", "192.0.2.7", {NULL}, "192.0.2.7"},
        {"no proxy, IPv6", "2001:db8::7", {NULL}, "2001:db8::7"},
        {"a header from a stranger", "192.0.2.7", {"X-Forwarded-For: 6.6.6.6"}, "192.0.2.7"},
        {"Forwarded from a stranger", "192.0.2.7", {"Forwarded: for=6.6.6.6"}, "192.0.2.7"},
        {"one hop", "10.0.0.1", {"X-Forwarded-For: 192.0.2.7"}, "192.0.2.7"},
        {"the name in small letters", "10.0.0.1", {"x-forwarded-for: 192.0.2.7"}, "192.0.2.7"},
        {"a client that lies", "10.0.0.1", {"X-Forwarded-For: 6.6.6.6, 192.0.2.7"}, "192.0.2.7"},
        {"a client that lies about a proxy",
         "10.0.0.1",
         {"X-Forwarded-For: 6.6.6.6, 10.0.0.9, 192.0.2.7"},
         "192.0.2.7"},
        {"three hops",
         "10.0.0.1",
         {"X-Forwarded-For: 6.6.6.6,192.0.2.7,10.0.0.3 , fd00::2"},
         "192.0.2.7"},
        {"over IPv6", "fd00::1", {"X-Forwarded-For: 192.0.2.7"}, "192.0.2.7"},
        {"two lines are one list",
         "10.0.0.1",
         {"X-Forwarded-For: 6.6.6.6", "Accept: */*", "X-Forwarded-For: 192.0.2.7"},
         "192.0.2.7"},
        {"the last line names proxies only",
         "10.0.0.1",
         {"X-Forwarded-For: 6.6.6.6, 192.0.2.7", "X-Forwarded-For: 10.0.0.3"},
         "192.0.2.7"},
        {"proxies only", "10.0.0.1", {"X-Forwarded-For: 10.0.0.3, 10.0.0.2"}, "10.0.0.1"},
        {"a proxy that writes IPv4 as IPv6",
         "10.0.0.1",
         {"X-Forwarded-For: 192.0.2.7, ::ffff:10.0.0.2"},
         "192.0.2.7"},
        {"a socket that takes IPv4 as IPv6",
         "::ffff:10.0.0.1",
         {"X-Forwarded-For: ::ffff:192.0.2.7"},
         "192.0.2.7"},
        {"another header", "10.0.0.1", {"X-Forwarded-Fo: 6.6.6.6"}, "10.0.0.1"},
    };
    check_rows(PROXIES, rows, TS_ARRAY_LEN(rows));
}

static void addresses_come_with_brackets_and_ports(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"port", "10.0.0.1", {"X-Forwarded-For: 192.0.2.7:4711"}, "192.0.2.7"},
        {"IPv6", "10.0.0.1", {"X-Forwarded-For: 2001:db8::7"}, "2001:db8::7"},
        {"brackets", "10.0.0.1", {"X-Forwarded-For: [2001:db8::7]"}, "2001:db8::7"},
        {"both", "10.0.0.1", {"X-Forwarded-For: [2001:DB8:0::7]:4711"}, "2001:db8::7"},
        {"a proxy with a port",
         "10.0.0.1",
         {"X-Forwarded-For: 192.0.2.7, [fd00::3]:80, 10.0.0.2:80"},
         "192.0.2.7"},
        {"Forwarded", "10.0.0.1", {"Forwarded: for=192.0.2.7"}, "192.0.2.7"},
        {"with a port", "10.0.0.1", {"Forwarded: For=\"192.0.2.7:4711\""}, "192.0.2.7"},
        {"a comma within quotes is not looked behind",
         "10.0.0.1",
         {"Forwarded: proto=https; FOR=\"[2001:db8::7]:4711\" ;by=\"_a,b\""},
         "10.0.0.1"},
        {"among other pairs",
         "10.0.0.1",
         {"Forwarded: for=6.6.6.6, proto=https; FOR=\"[2001:db8::7]:4711\" ;by=_a, for=10.0.0.2"},
         "2001:db8::7"},
        {"X-Forwarded-For comes first",
         "10.0.0.1",
         {"Forwarded: for=6.6.6.6", "X-Forwarded-For: 192.0.2.7"},
         "192.0.2.7"},
    };
    check_rows(PROXIES, rows, TS_ARRAY_LEN(rows));
}

static void behind_what_is_no_address_nothing_is_believed(void **state)
{
    (void)state;
    static const char *const garbage[] = {
        "",
        " ",
        ",",
        "unknown",
        "_hidden",
        "192.0.2",
        "192.0.2.256",
        "192.0.2.7:",
        "192.0.2.7:x",
        "192.0.2.7:123456",
        "192.0.2.7/",
        "192.0.2.07",
        "[2001:db8::7",
        "2001:db8::7]",
        "[2001:db8::7]80",
        "[2001:db8::7]:",
        "[]",
        "[",
        "::1::2",
        "fe80::1%eth0",
        "\"192.0.2.7\"",
        "192.0.2.7 192.0.2.8",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:0000",
    };
    static const char *const forwarded[] = {
        "",
        "for",
        "for=",
        "for=\"",
        "for=unknown",
        "for=_hidden",
        "for=\"192.0.2.7",
        "for=\"\"",
        "by=192.0.2.7",
        "xfor=192.0.2.7",
        "for =192.0.2.7",
        "proto=https",
        /* a Host that the client made up, quoted by the proxy */
        "for=10.0.0.2;host=\"a,for=6.6.6.6\"",
        "for=10.0.0.2;host=\"a,for=6.6.6.6;b\"",
        "for=10.0.0.2;host=\"a,for=6.6.6.6,b\"",
        "for=10.0.0.2;host=\"a;for=6.6.6.6;b\"",
        "for=10.0.0.2;host=\"a\\\",for=6.6.6.6;b=\\\"\"",
    };
    struct ts_network_list list = trust(PROXIES);
    char line[128];
    char got[TS_CLIENT_SIZE];
    const char *lines[] = {line, NULL};
    for (size_t i = 0; i < TS_ARRAY_LEN(garbage); i++) {
        (void)snprintf(line, sizeof(line), "X-Forwarded-For: 6.6.6.6, %s", garbage[i]);
        choose(&list, "10.0.0.1", lines, got);
        assert_string_equal(got, "10.0.0.1");
    }
    for (size_t i = 0; i < TS_ARRAY_LEN(forwarded); i++) {
        (void)snprintf(line, sizeof(line), "Forwarded: for=6.6.6.6, %s", forwarded[i]);
        choose(&list, "10.0.0.1", lines, got);
        assert_string_equal(got, "10.0.0.1");
    }
}

static void heads_that_the_guard_has_yet_to_refuse_are_safe(void **state)
{
    (void)state;
    static struct ts_header_field fields[TS_MAX_HEADERS];
    struct ts_network_list list = trust(PROXIES);
    struct sockaddr_storage peer = socket_address("10.0.0.1");
    char got[TS_CLIENT_SIZE];
    for (int i = 0; i < TS_MAX_HEADERS; i++)
        fields[i] = (struct ts_header_field){TS_SLICE_LIT("X-Forwarded-For"), {NULL, 0}};
    struct ts_request_head head = {.fields = fields, .field_count = TS_MAX_HEADERS + 1};
    ts_peer_client(&list, (const struct sockaddr *)&peer, &head, got);
    assert_string_equal(got, "10.0.0.1");
    fields[TS_MAX_HEADERS - 1].value = TS_SLICE_LIT("192.0.2.7\0");
    ts_peer_client(&list, (const struct sockaddr *)&peer, &head, got);
    assert_string_equal(got, "10.0.0.1");
    ts_peer_client(&list, NULL, &head, got);
    assert_string_equal(got, "");
    peer.ss_family = AF_UNIX;
    ts_peer_client(&list, (const struct sockaddr *)&peer, &head, got);
    assert_string_equal(got, "");
}

/* The header of a trusted peer is believed: so it shows who is trusted. */
static void a_block_holds_its_addresses_and_no_others(void **state)
{
    (void)state;
    static const struct {
        const char *list, *peer;
        bool trusted;
    } rows[] = {
        {"127.0.0.1", "127.0.0.1", true},
        {"127.0.0.1", "127.0.0.2", false},
        {"127.0.0.1/32", "127.0.0.2", false},
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.1.2.3/8", "10.9.9.9", true},
        {"192.168.4.0/22", "192.168.7.255", true},
        {"192.168.4.0/22", "192.168.8.0", false},
        {"192.0.2.6/31", "192.0.2.7", true},
        {"192.0.2.6/31", "192.0.2.5", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "203.0.113.9", false},
        {"::1", "::1", true},
        {"::1", "127.0.0.1", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"2001:db8::1/128", "2001:db8::2", false},
        {"::ffff:10.0.0.0/104", "10.1.1.1", true},
        {"::1,\t10.0.0.1 , fd00::/8", "10.0.0.1", true},
        {"::1,\t10.0.0.1 , fd00::/8", "fdff::1", true},
        {"::1,\t10.0.0.1 , fd00::/8", "fe00::1", false},
    };
    static const char *const lines[] = {"X-Forwarded-For: 6.6.6.6", "Forwarded: for=7.7.7.7", NULL};
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++) {
        char got[TS_CLIENT_SIZE];
        struct ts_network_list list = trust(rows[i].list);
        /* where all of IPv4 is trusted, so is the one who is named */
        const char *other[] = {"X-Forwarded-For: 2001:db8:9::9", NULL};
        bool all_v4 = strcmp(rows[i].list, "0.0.0.0/0") == 0;
        const char *named = all_v4 ? "2001:db8:9::9" : "6.6.6.6";
        choose(&list, rows[i].peer, all_v4 ? other : lines, got);
        if ((strcmp(got, named) == 0) != rows[i].trusted)
            fail_msg("%s, %s: %s", rows[i].list, rows[i].peer, got);
    }
    struct ts_network_list nobody = {.count = 0};
    char got[TS_CLIENT_SIZE];
    choose(&nobody, "127.0.0.1", lines, got);
    assert_string_equal(got, "127.0.0.1");
}

static void a_bad_entry_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *list, *entry;
    } rows[] = {
        {"", "\"\""},
        {"localhost", "\"localhost\""},
        {"127.0.0.1,", "\"\""},
        {"::1, 10.0.0.0/33 ,fd00::/8", "\"10.0.0.0/33\""},
        {"10.0.0.0/", "\"10.0.0.0/\""},
        {"10.0.0.0/-1", "\"10.0.0.0/-1\""},
        {"10.0.0.0/0008", "\"10.0.0.0/0008\""},
        {"10.0.0.0/8/8", "\"10.0.0.0/8/8\""},
        {"10.0.0.0/255.0.0.0", "\"10.0.0.0/255.0.0.0\""},
        {"::/129", "\"::/129\""},
        {"[::1]", "\"[::1]\""},
        {"127.0.0.1:80", "\"127.0.0.1:80\""},
        {"10.0.0", "\"10.0.0\""},
        {"unix:", "\"unix:\""},
    };
    for (size_t i = 0; i < TS_ARRAY_LEN(rows); i++) {
        struct ts_network_list list = {.count = 0};
        struct ts_error err = TS_ERROR_INIT;
        assert_int_equal(ts_networks_parse(rows[i].list, &list, &err), TS_ERR_CONFIG);
        assert_int_equal(list.count, 0);
        if (strstr(err.text, rows[i].entry) == NULL)
            fail_msg("%s: %s", rows[i].list, err.text);
    }
}

static void a_list_has_a_limit(void **state)
{
    (void)state;
    char text[TS_MAX_NETWORKS * 4 + 8];
    struct ts_network_list list;
    for (int i = 0; i <= TS_MAX_NETWORKS; i++)
        memcpy(text + (ptrdiff_t)i * 4, "::1,", 4);
    text[TS_MAX_NETWORKS * 4 - 1] = '\0';
    assert_int_equal(ts_networks_parse(text, &list, NULL), TS_OK);
    assert_int_equal(list.count, TS_MAX_NETWORKS);
    text[TS_MAX_NETWORKS * 4 - 1] = ',';
    text[TS_MAX_NETWORKS * 4 + 3] = '\0';
    assert_int_equal(ts_networks_parse(text, &list, NULL), TS_ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_trusted_proxies_wrote_counts),
        cmocka_unit_test(addresses_come_with_brackets_and_ports),
        cmocka_unit_test(behind_what_is_no_address_nothing_is_believed),
        cmocka_unit_test(heads_that_the_guard_has_yet_to_refuse_are_safe),
        cmocka_unit_test(a_block_holds_its_addresses_and_no_others),
        cmocka_unit_test(a_bad_entry_is_named),
        cmocka_unit_test(a_list_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
