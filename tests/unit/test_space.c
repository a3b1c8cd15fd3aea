/* Room on the disk: kept back, and given up when a write fails for want of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "storekit.h"

static bool wait_for_file(const char *path, bool there)
{
    for (int i = 0; i < 1000; i++, (void)usleep(10000)) {
        if ((access(path, F_OK) == 0) == there)
            return true;
    }
    return false;
}

static void some_room_is_kept_back_beside_the_database(void **state)
{
    struct kit *k = *state;
    char reserve[128];
    struct stat st;
    kit_open(k);
    kit_path(k, ".reserve", reserve);
    assert_true(wait_for_file(reserve, true));
    assert_int_equal(stat(reserve, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(st.st_size > 0 && st.st_size <= 32 << 20);
    assert_true((int64_t)st.st_blocks * 512 >= st.st_size); /* not only promised */
    assert_false(ts_store_health(k->store).low_space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            some_room_is_kept_back_beside_the_database, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests_name("space", tests, NULL, NULL);
}
