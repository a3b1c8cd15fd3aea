/* Log lines as they come out of stderr. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/clock.h"
#include "base/log.h"

/* stderr goes into a pipe while a test runs. */
struct tap {
    int saved;
    int read_fd;
};

static void open_tap(struct tap *t)
{
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    t->saved = dup(STDERR_FILENO);
    assert_true(t->saved >= 0 && dup2(fds[1], STDERR_FILENO) >= 0);
    (void)close(fds[1]);
    t->read_fd = fds[0];
}

static void close_tap(struct tap *t)
{
    (void)dup2(t->saved, STDERR_FILENO);
    (void)close(t->saved);
    (void)close(t->read_fd);
}

static char *read_line(struct tap *t, char *out, size_t size)
{
    ssize_t n = read(t->read_fd, out, size - 1);
    out[n > 0 ? n : 0] = '\0';
    return out;
}

static void text_lines_are_logfmt(void **state)
{
    (void)state;
    struct tap t;
    char line[4096];
    open_tap(&t);
    ts_log_init(TS_LOG_INFO, TS_LOG_TEXT);
    ts_logf(TS_LOG_WARN,
            TS_LOG_FIELDS(TS_LOG_STR("model", "llama3.2:7b"),
                          TS_LOG_STR("why", "no \"such\"\nfile=x"),
                          TS_LOG_STR("empty", ""),
                          TS_LOG_STR("absent", NULL),
                          TS_LOG_INT("n", -3)),
            "two\nlines\x1b[31m of %s",
            "text");
    read_line(&t, line, sizeof(line));
    close_tap(&t);
    int64_t when = 0;
    assert_int_equal(ts_rfc3339_parse(line, 24, &when), 0);
    assert_string_equal(line + 24,
                        " warn  two?lines?[31m of text model=llama3.2:7b "
                        "why=\"no \\\"such\\\"\\nfile=x\" empty=\"\" n=-3\n");
}

static void json_lines_are_json(void **state)
{
    (void)state;
    struct tap t;
    char line[4096];
    open_tap(&t);
    ts_log_init(TS_LOG_INFO, TS_LOG_JSON);
    ts_logf(
        TS_LOG_ERROR, TS_LOG_FIELDS(TS_LOG_STR("why", "\"\x01\xff"), TS_LOG_INT("n", 7)), "a\tb");
    read_line(&t, line, sizeof(line));
    close_tap(&t);
    json_t *root = json_loads(line, 0, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "level")), "error");
    assert_string_equal(json_string_value(json_object_get(root, "message")), "a\tb");
    assert_string_equal(json_string_value(json_object_get(root, "why")), "\"\x01\xef\xbf\xbd");
    assert_int_equal(json_integer_value(json_object_get(root, "n")), 7);
    json_decref(root);
}

static void levels_below_the_chosen_one_are_silent(void **state)
{
    (void)state;
    struct tap t;
    char line[4096];
    open_tap(&t);
    ts_log_init(TS_LOG_WARN, TS_LOG_TEXT);
    ts_log(TS_LOG_INFO, "no");
    ts_log(TS_LOG_DEBUG, "no");
    ts_log(TS_LOG_WARN, "yes");
    read_line(&t, line, sizeof(line));
    close_tap(&t);
    assert_null(strstr(line, "no"));
    assert_non_null(strstr(line, "warn  yes\n"));
    assert_true(ts_log_enabled(TS_LOG_ERROR) && !ts_log_enabled(TS_LOG_INFO));
}

static void a_reader_that_is_stuck_costs_lines_not_time(void **state)
{
    (void)state;
    struct tap t;
    char text[1024];
    memset(text, 'x', sizeof(text));
    open_tap(&t); /* a blocking pipe that nobody empties */
    ts_log_init(TS_LOG_INFO, TS_LOG_TEXT);
    int64_t before = ts_log_dropped();
    int64_t start = ts_now_us();
    for (int i = 0; i < 200; i++)
        ts_log(TS_LOG_INFO, "%.*s", (int)sizeof(text), text);
    int64_t took = ts_now_us() - start;
    close_tap(&t);
    assert_true(ts_log_dropped() - before > 100);
    assert_true(took < 1000 * 1000);
}

static void a_line_beyond_the_limit_is_dropped_and_counted(void **state)
{
    (void)state;
    struct tap t;
    char line[64];
    static char text[16 * 1024];
    memset(text, 'x', sizeof(text) - 1);
    open_tap(&t);
    int64_t before = ts_log_dropped();
    ts_logf(TS_LOG_ERROR, TS_LOG_FIELDS(TS_LOG_STR("long", text)), "m");
    read_line(&t, line, sizeof(line));
    close_tap(&t);
    assert_string_equal(line, "");
    assert_int_equal(ts_log_dropped() - before, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_lines_are_logfmt),
        cmocka_unit_test(json_lines_are_json),
        cmocka_unit_test(levels_below_the_chosen_one_are_silent),
        cmocka_unit_test(a_reader_that_is_stuck_costs_lines_not_time),
        cmocka_unit_test(a_line_beyond_the_limit_is_dropped_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
