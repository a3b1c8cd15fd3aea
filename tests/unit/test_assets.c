#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "static/assets.h"

static void every_asset_is_found_by_its_path(void **state)
{
    (void)state;
    assert_true(ts_asset_count > 0);
    for (size_t i = 0; i < ts_asset_count; i++) {
        assert_ptr_equal(ts_asset_find(ts_asset_table[i].path), &ts_asset_table[i]);
    }
}

static void only_an_exact_path_finds_an_asset(void **state)
{
    (void)state;
    static const char *const absent[] = {
        "",
        "/",
        "/analytics",
        "/analytics/models/",
        "analytics/models",
        "/analytics/model",
        "/static/../static/feedback.js",
        "/zzz",
    };
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        assert_null(ts_asset_find(absent[i]));
    }
}

static void the_page_is_revalidated_and_its_hashed_parts_are_not(void **state)
{
    (void)state;
    const struct ts_asset *page = ts_asset_find("/analytics/models");
    assert_non_null(page);
    assert_non_null(
        ts_asset_find("/analytics/clones/{id}")); /* handlers/pages.c asks for it by its route */
    assert_string_equal(page->type, "text/html; charset=utf-8");
    assert_false(page->immutable);
    assert_memory_equal(page->raw, "<!doctype html>", 15);

    const struct ts_asset *feedback = ts_asset_find("/static/feedback.js");
    assert_non_null(feedback);
    assert_false(feedback->immutable);
    assert_true(feedback->embeddable);
    assert_false(page->embeddable);

    size_t immutable = 0;
    for (size_t i = 0; i < ts_asset_count; i++) {
        immutable += ts_asset_table[i].immutable;
    }
    assert_true(immutable >= 4); /* script, style sheet, two fonts */
}

static void etags_are_quoted_and_distinct(void **state)
{
    (void)state;
    for (size_t i = 0; i < ts_asset_count; i++) {
        const char *etag = ts_asset_table[i].etag;
        size_t n = strlen(etag);
        assert_int_equal(n, 34);
        assert_int_equal(etag[0], '"');
        assert_int_equal(etag[n - 1], '"');
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(etag, ts_asset_table[j].etag);
        }
    }
}

static void compressed_forms_are_gzip_and_smaller(void **state)
{
    (void)state;
    size_t compressed = 0;
    for (size_t i = 0; i < ts_asset_count; i++) {
        const struct ts_asset *a = &ts_asset_table[i];
        if (a->gzip == NULL) {
            continue;
        }
        compressed++;
        assert_memory_equal(a->gzip, "\x1f\x8b\x08", 3);
        assert_true(a->gzip_len < a->raw_len);
        const unsigned char *size = a->gzip + a->gzip_len - 4; /* RFC 1952: ISIZE, little-endian */
        uint32_t unpacked = (uint32_t)size[0] | (uint32_t)size[1] << 8 | (uint32_t)size[2] << 16 |
                            (uint32_t)size[3] << 24;
        assert_int_equal(unpacked, a->raw_len);
    }
    assert_true(compressed > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_asset_is_found_by_its_path),
        cmocka_unit_test(only_an_exact_path_finds_an_asset),
        cmocka_unit_test(the_page_is_revalidated_and_its_hashed_parts_are_not),
        cmocka_unit_test(etags_are_quoted_and_distinct),
        cmocka_unit_test(compressed_forms_are_gzip_and_smaller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
