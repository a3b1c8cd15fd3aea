/* The control socket and the sessions of commands, against a store of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/control.h"
#include "server/session.h"
#include "storekit.h"

static struct ts_control *start(struct kit *k)
{
    struct ts_error err = TS_ERROR_INIT;
    struct ts_control *c = NULL;
    const struct ts_verb_env env = {.store = k->store, .db_path = k->path};
    if (ts_control_start(&env, &c, &err) != TS_OK)
        fail_msg("%s", err.text);
    return c;
}

static struct ts_config *config_for(const char *path)
{
    struct ts_config *c = calloc(1, sizeof(*c));
    const char *const args[] = {"--db", path, NULL};
    const char *const env[] = {"TOUCHSTONE_CONFIG=/dev/null", NULL};
    struct ts_error err = TS_ERROR_INIT;
    if (c == NULL || ts_config_load(c, args, env, &err) != TS_OK)
        fail_msg("%s", err.text);
    return c;
}

static void free_config(struct ts_config *c)
{
    ts_config_deinit(c);
    free(c);
}

static enum ts_err hello(const char *path, bool may_create, char *version, struct ts_error *err)
{
    struct ts_config *c = config_for(path);
    struct ts_session *s = NULL;
    json_t *result = NULL;
    enum ts_err e = ts_session_open(c, may_create, &s, err);
    if (e == TS_OK)
        e = ts_session_ask(s, json_pack("{s:s}", "verb", "hello"), NULL, &result, err);
    if (e == TS_OK)
        (void)snprintf(version, 32, "%s", json_string_value(json_object_get(result, "version")));
    json_decref(result);
    ts_session_close(s);
    free_config(c);
    return e;
}

/* -- raw connections -------------------------------------------------------------------------- */

static int dial(const struct kit *k)
{
    struct sockaddr_un at;
    assert_true(ts_control_address(k->path, &at));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval patience = {.tv_sec = 20};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* One line without its end; "" when the connection ended. */
static void hear(int fd, char line[static 1024])
{
    size_t n = 0;
    while (n < 1023 && recv(fd, line + n, 1, 0) == 1 && line[n] != '\n')
        n++;
    line[n] = '\0';
}

/* -- tests ------------------------------------------------------------------------------------ */

static void the_server_and_the_command_itself_answer_alike(void **state)
{
    struct kit *k = *state;
    char version[32] = "";
    struct ts_error err = TS_ERROR_INIT;
    assert_int_equal(hello(k->path, true, version, &err), TS_OK); /* creates it, holds the lock */
    assert_string_equal(version, TS_VERSION);
    kit_open(k);
    struct ts_control *c = start(k);
    version[0] = '\0';
    assert_int_equal(hello(k->path, false, version, &err), TS_OK);
    assert_string_equal(version, TS_VERSION);
    ts_control_stop(c);
}

static void a_database_that_is_not_there_is_not_made_by_asking(void **state)
{
    struct kit *k = *state;
    char version[32];
    struct ts_error err = TS_ERROR_INIT;
    assert_int_equal(hello(k->path, false, version, &err), TS_ERR_IO);
    assert_non_null(strstr(err.text, k->path));
    assert_int_not_equal(access(k->path, F_OK), 0);
}

static void a_server_without_a_socket_is_said_to_be_in_the_way(void **state)
{
    struct kit *k = *state;
    char version[32];
    struct ts_error err = TS_ERROR_INIT;
    kit_open(k);
    assert_int_equal(hello(k->path, true, version, &err), TS_ERR_IN_USE);
    assert_non_null(strstr(err.text, "does not answer on its control socket"));
}

static void the_socket_is_its_owners_and_goes_with_the_server(void **state)
{
    struct kit *k = *state;
    struct stat st;
    char path[128];
    kit_path(k, ".sock", path);
    kit_open(k);
    struct ts_control *c = start(k);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(S_ISSOCK(st.st_mode));
    ts_control_stop(c);
    assert_int_not_equal(stat(path, &st), 0);
}

static void the_socket_of_a_dead_server_is_replaced(void **state)
{
    struct kit *k = *state;
    struct sockaddr_un at;
    assert_true(ts_control_address(k->path, &at));
    int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(dead, (const struct sockaddr *)&at, sizeof(at)), 0);
    (void)close(dead);
    kit_open(k);
    struct ts_control *c = start(k);
    int fd = dial(k);
    char line[1024];
    say(fd, "{\"verb\":\"hello\"}\n");
    hear(fd, line);
    assert_non_null(strstr(line, "{\"result\":{\"version\":\"" TS_VERSION "\""));
    (void)close(fd);
    ts_control_stop(c);
}

static void what_is_no_socket_is_left_alone(void **state)
{
    struct kit *k = *state;
    char path[128];
    kit_path(k, ".sock", path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    (void)fputs("mine", f);
    (void)fclose(f);
    kit_open(k);
    struct ts_control *c = NULL;
    struct ts_error err = TS_ERROR_INIT;
    const struct ts_verb_env env = {.store = k->store, .db_path = k->path};
    assert_int_equal(ts_control_start(&env, &c, &err), TS_ERR_IN_USE);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(access(path, F_OK), 0);
}

static void a_path_too_long_for_a_socket_is_said(void **state)
{
    struct kit *k = *state;
    char long_path[256];
    (void)snprintf(long_path, sizeof(long_path), "%s/%0120d.db", k->folder, 1);
    struct ts_control *c = NULL;
    struct ts_error err = TS_ERROR_INIT;
    const struct ts_verb_env env = {.store = NULL, .db_path = long_path};
    assert_int_equal(ts_control_start(&env, &c, &err), TS_ERR_CONFIG);
    assert_non_null(strstr(err.text, "too long for a control socket"));
    k->options.path = long_path;
    kit_open(k);
    char version[32];
    assert_int_equal(hello(long_path, true, version, &err), TS_ERR_IN_USE);
    assert_non_null(strstr(err.text, "too long for a control socket"));
}

static void several_requests_follow_each_other_on_one_connection(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    struct ts_control *c = start(k);
    int fd = dial(k);
    char line[1024];
    say(fd, "{\"verb\":\"hello\"}\n{\"verb\":\"no-such\"}\n{nonsense\n[]\n{\"verb\":\"hello\"}\n");
    hear(fd, line);
    assert_non_null(strstr(line, "\"result\""));
    hear(fd, line);
    assert_non_null(strstr(line, "\"code\":\"invalid_field\""));
    assert_non_null(strstr(line, "no-such"));
    hear(fd, line);
    assert_non_null(strstr(line, "\"code\":\"invalid_json\""));
    hear(fd, line);
    assert_non_null(strstr(line, "\"code\":\"invalid_field\""));
    hear(fd, line);
    assert_non_null(strstr(line, "\"result\""));
    (void)close(fd);
    ts_control_stop(c);
}

static void one_connection_too_many_is_told_so_and_a_place_comes_free_again(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    struct ts_control *c = start(k);
    int fds[TS_CONTROL_MAX_CONNECTIONS];
    char line[1024];
    for (size_t i = 0; i < TS_ARRAY_LEN(fds); i++) {
        fds[i] = dial(k);
        say(fds[i], "{\"verb\":\"hello\"}\n");
        hear(fds[i], line);
        assert_non_null(strstr(line, "\"result\""));
    }
    int over = dial(k);
    hear(over, line);
    assert_non_null(strstr(line, "\"code\":\"overloaded\""));
    (void)close(over);
    (void)close(fds[0]);
    for (bool free = false; !free;) {
        int fd = dial(k);
        (void)send(fd, "{\"verb\":\"hello\"}\n", 17, MSG_NOSIGNAL);
        hear(fd, line);
        free = strstr(line, "\"result\"") != NULL;
        (void)close(fd);
    }
    ts_control_stop(c); /* breaks off those that are still there */
    hear(fds[1], line);
    assert_string_equal(line, "");
    for (size_t i = 1; i < TS_ARRAY_LEN(fds); i++)
        (void)close(fds[i]);
}

static void a_request_without_end_is_refused(void **state)
{
    struct kit *k = *state;
    kit_open(k);
    struct ts_control *c = start(k);
    int fd = dial(k);
    static char piece[64 * 1024];
    memset(piece, ' ', sizeof(piece));
    ssize_t sent = 1;
    for (int i = 0; sent > 0 && i < 2 * TS_CONTROL_MAX_LINE_BYTES / (int)sizeof(piece); i++)
        sent = send(fd, piece, sizeof(piece), MSG_NOSIGNAL);
    char line[1024];
    hear(fd, line);
    assert_non_null(strstr(line, "at most"));
    (void)close(fd);
    ts_control_stop(c);
}

int main(void)
{
#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)
    const struct CMUnitTest tests[] = {
        STORE_TEST(the_server_and_the_command_itself_answer_alike),
        STORE_TEST(a_database_that_is_not_there_is_not_made_by_asking),
        STORE_TEST(a_server_without_a_socket_is_said_to_be_in_the_way),
        STORE_TEST(the_socket_is_its_owners_and_goes_with_the_server),
        STORE_TEST(the_socket_of_a_dead_server_is_replaced),
        STORE_TEST(what_is_no_socket_is_left_alone),
        STORE_TEST(a_path_too_long_for_a_socket_is_said),
        STORE_TEST(several_requests_follow_each_other_on_one_connection),
        STORE_TEST(one_connection_too_many_is_told_so_and_a_place_comes_free_again),
        STORE_TEST(a_request_without_end_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
