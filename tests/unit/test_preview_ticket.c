/* Tickets of previews: what opens one, and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "handlers/preview_ticket.h"

static const uint8_t key[TS_PREVIEW_KEY_BYTES] = {1, 2, 3};

static void a_ticket_opens_its_preview_until_its_end(void **state)
{
    (void)state;
    static const int64_t ids[] = {1, 77, INT64_MAX};
    for (size_t i = 0; i < 3; i++) {
        char ticket[TS_PREVIEW_TICKET_SIZE];
        int64_t id = 0;
        ts_preview_ticket_write(key, ids[i], 1000, ticket);
        assert_true(ts_preview_ticket_read(key, ticket, 999, &id));
        assert_true(id == ids[i]);
        id = -5;
        assert_false(ts_preview_ticket_read(key, ticket, 1000, &id));
        assert_int_equal(id, -5);
    }
}

static void no_other_text_is_a_ticket(void **state)
{
    (void)state;
    static const uint8_t other[TS_PREVIEW_KEY_BYTES] = {1, 2, 4};
    static const char *const texts[] = {"", ".", "..", "7", "7.2000.", "7.2000.00", "x.y.z"};
    char ticket[TS_PREVIEW_TICKET_SIZE];
    int64_t id = 0;
    ts_preview_ticket_write(key, 7, 2000, ticket);
    assert_false(ts_preview_ticket_read(other, ticket, 0, &id));
    for (size_t i = 0; i < strlen(ticket); i++) {
        char was = ticket[i];
        ticket[i] = was == '1' ? '2' : '1';
        assert_false(ts_preview_ticket_read(key, ticket, 0, &id));
        ticket[i] = was;
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_false(ts_preview_ticket_read(key, texts[i], 0, &id));
    ticket[strlen(ticket) - 1] = '\0';
    assert_false(ts_preview_ticket_read(key, ticket, 0, &id));
    assert_int_equal(id, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ticket_opens_its_preview_until_its_end),
        cmocka_unit_test(no_other_text_is_a_ticket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
