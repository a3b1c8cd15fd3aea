/* What is read about the machine, from folders made for the test. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/host.h"

/* -- a folder with proc/ and sys/ ---------------------------------------------------------------
 */

static int make_root(void **state)
{
    char *root = strdup("/tmp/ts-host-XXXXXX");
    *state = root;
    return root != NULL && mkdtemp(root) != NULL ? 0 : -1;
}

static int remove_root(void **state)
{
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -r '%s'", (char *)*state);
    int status = system(command); /* allowed: the folder is the test's own */
    free(*state);
    return status;
}

static void put(const char *root, const char *path, const char *text)
{
    char full[512];
    (void)snprintf(full, sizeof(full), "%s/%s", root, path);
    for (char *slash = strchr(full + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        assert_true(mkdir(full, 0700) == 0 || errno == EEXIST);
        *slash = '/';
    }
    FILE *f = fopen(full, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* -- the machine ------------------------------------------------------------------------------- */

static void a_server_with_cards_is_told_in_full(void **state)
{
    const char *root = *state;
    put(root,
        "proc/cpuinfo",
        "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC 7763 64-Core Processor\n"
        "flags\t\t: fpu vme\n\nprocessor\t: 1\nmodel name\t: AMD EPYC 7763 64-Core Processor\n");
    put(root, "proc/meminfo", "MemTotal:       65536000 kB\nMemFree:        1 kB\n");
    put(root, "proc/sys/kernel/ostype", "Linux\n");
    put(root, "proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
    put(root,
        "proc/driver/nvidia/gpus/0000:01:00.0/information",
        "Model: \t\t NVIDIA GeForce RTX 4090\nIRQ:   \t\t 72\n");
    put(root,
        "proc/driver/nvidia/gpus/0000:02:00.0/information",
        "Model: \t\t NVIDIA GeForce RTX 4090\n");
    put(root, "proc/driver/nvidia/gpus/0000:03:00.0/information", "Model: \t\t Tesla T4\n");
    put(root, "sys/class/drm/card0/device/vendor", "0x1002\n");
    put(root, "sys/class/drm/card0/device/product_name", "Radeon RX 7900 XTX\n");
    put(root, "sys/class/drm/card0/device/mem_info_vram_total", "25769803776\n");
    put(root, "sys/class/drm/card0-HDMI-A-1/device/vendor", "0x1002\n");
    put(root, "sys/class/drm/card1/device/vendor", "0x1234\n");
    struct ts_host h;
    ts_host_read(root, &h);
    assert_string_equal(h.cpu, "AMD EPYC 7763 64-Core Processor");
    assert_int_equal(h.cores, 2);
    assert_int_equal(h.memory_bytes, INT64_C(65536000) * 1024);
    assert_string_equal(h.system, "Linux 6.1.0-18-amd64");
    assert_string_equal(
        h.gpus, "2 x NVIDIA GeForce RTX 4090, NVIDIA Tesla T4, AMD Radeon RX 7900 XTX, 24 GiB");
}

static void a_board_is_named_by_its_firmware(void **state)
{
    const char *root = *state;
    put(root, "proc/cpuinfo", "processor\t: 0\nBogoMIPS\t: 108.00\n");
    put(root, "sys/firmware/devicetree/base/model", "Raspberry Pi 5 Model B Rev 1.0");
    struct ts_host h;
    ts_host_read(root, &h);
    assert_string_equal(h.cpu, "Raspberry Pi 5 Model B Rev 1.0");
    assert_int_equal(h.cores, 1);
    assert_string_equal(h.gpus, "");
}

static void an_empty_folder_leaves_everything_unknown(void **state)
{
    struct ts_host h;
    ts_host_read(*state, &h);
    assert_string_equal(h.cpu, "");
    assert_int_equal(h.cores, 0);
    assert_int_equal(h.memory_bytes, 0);
    assert_string_equal(h.system, "");
    assert_string_equal(h.gpus, "");
}

static void a_name_without_end_is_cut(void **state)
{
    static char text[600];
    (void)snprintf(text, sizeof(text), "model name : %0500d\n", 7);
    put(*state, "proc/cpuinfo", text);
    struct ts_host h;
    ts_host_read(*state, &h);
    assert_int_equal(strlen(h.cpu), sizeof(h.cpu) - 1);
}

static void this_machine_has_a_core_and_memory(void **state)
{
    (void)state;
    struct ts_host h;
    ts_host_read("", &h);
    assert_true(h.cores > 0);
    assert_true(h.memory_bytes > 0);
}

int main(void)
{
#define ROOT(fn) cmocka_unit_test_setup_teardown(fn, make_root, remove_root)
    const struct CMUnitTest tests[] = {
        ROOT(a_server_with_cards_is_told_in_full),
        ROOT(a_board_is_named_by_its_firmware),
        ROOT(an_empty_folder_leaves_everything_unknown),
        ROOT(a_name_without_end_is_cut),
        cmocka_unit_test(this_machine_has_a_core_and_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
