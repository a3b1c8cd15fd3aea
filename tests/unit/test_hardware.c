#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hardware.h"

static void burn(int ms)
{
    for (int64_t until = ts_now_us() + ms * 1000; ts_now_us() < until;)
        ;
}

static void the_machine_has_memory_and_processors(void **state)
{
    (void)state;
    struct ts_cpu_mark before = ts_machine_mark();
    assert_true(before.busy >= 0 && before.busy <= before.all);
    burn(60);
    struct ts_machine m = ts_machine_since(&before);
    assert_true(m.cpu_percent > 0 && m.cpu_percent <= 100);
    assert_true(m.memory_total_bytes > 64 * 1024 * 1024);
    assert_true(m.memory_bytes > 0 && m.memory_bytes <= m.memory_total_bytes);
}

static void a_process_is_found_by_the_port_it_listens_on(void **state)
{
    (void)state;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    assert_int_equal(ts_process_of_port(ntohs(at.sin_port)), getpid());
    assert_int_equal(close(fd), 0);
    assert_int_equal(ts_process_of_port(ntohs(at.sin_port)), -1);
}

static void a_busy_process_shows_as_busy_and_one_that_is_gone_as_unknown(void **state)
{
    (void)state;
    struct ts_cpu_mark before = ts_process_mark(getpid());
    assert_true(before.busy >= 0);
    burn(200);
    struct ts_process_use use = ts_process_since(getpid(), &before);
    assert_true(use.cpu_percent > 5 && use.cpu_percent < 150);
    assert_true(use.memory_bytes > 100 * 1024);
    before = ts_process_mark(999999999);
    assert_int_equal(before.busy, -1);
    use = ts_process_since(999999999, &before);
    assert_true(use.cpu_percent < 0 && use.memory_bytes < 0);
}

static void gpus_are_added_up_and_those_that_tell_nonsense_left_out(void **state)
{
    (void)state;
    const char *library = getenv("TS_FAKE_GPU");
    assert_non_null(library);
    assert_int_equal(setenv("FAKE_GPU", "", 1), 0);
    struct ts_gpus *g = ts_gpus_open(library);
    assert_non_null(g);
    struct ts_gpu_use use = ts_gpus_read(g);
    assert_int_equal(use.count, 2);
    assert_true(use.percent == 60);
    assert_int_equal(use.memory_bytes, INT64_C(6000000000));
    assert_int_equal(use.memory_total_bytes, INT64_C(16000000000));
    assert_int_equal(setenv("FAKE_GPU", "nonsense", 1), 0);
    use = ts_gpus_read(g);
    assert_int_equal(use.count, 1);
    assert_true(use.percent == 30);
    ts_gpus_close(g);
}

static void without_the_library_nothing_is_known(void **state)
{
    (void)state;
    assert_null(ts_gpus_open("libno-such-library.so.1"));
    assert_null(ts_gpus_open("libc.so.6")); /* a library, but not that one */
    assert_int_equal(setenv("FAKE_GPU", "broken", 1), 0);
    assert_null(ts_gpus_open(getenv("TS_FAKE_GPU")));
    struct ts_gpu_use use = ts_gpus_read(NULL);
    assert_true(use.count == 0 && use.percent < 0 && use.memory_bytes < 0);
    ts_gpus_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_machine_has_memory_and_processors),
        cmocka_unit_test(a_process_is_found_by_the_port_it_listens_on),
        cmocka_unit_test(a_busy_process_shows_as_busy_and_one_that_is_gone_as_unknown),
        cmocka_unit_test(gpus_are_added_up_and_those_that_tell_nonsense_left_out),
        cmocka_unit_test(without_the_library_nothing_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
