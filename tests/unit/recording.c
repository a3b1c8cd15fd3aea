#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recording.h"

enum { MAX_BYTES = 16 * 1024 * 1024 };

static char unescaped(char c)
{
    static const char codes[] = "n\nr\rt\t";
    const char *found = strchr(codes, c);
    return found != NULL ? found[1] : c;
}

/* One line's bytes, escaped as in a Python bytes literal. */
static void put_unescaped(struct ts_buf *out, const char *s)
{
    while (*s != '\0' && *s != '\n') {
        char c = *s++;
        if (c == '\\' && *s == 'x') {
            char hex[3] = {s[1], s[2], '\0'};
            c = (char)strtoul(hex, NULL, 16);
            s += 3;
        } else if (c == '\\') {
            c = unescaped(*s++);
        }
        ts_buf_put(out, &c, 1);
    }
}

/* The bytes of all recv()s of the answer. */
static struct ts_buf answer_bytes(FILE *f)
{
    struct ts_buf wire = TS_BUF_INIT(MAX_BYTES);
    char *line = NULL;
    size_t cap = 0;
    bool answer = false;
    while (getline(&line, &cap, f) > 0) {
        answer = answer || strncmp(line, "# response", 10) == 0;
        const char *bytes = strstr(line, "] ");
        if (answer && line[0] == '[' && bytes != NULL && strncmp(bytes, "] <peer", 7) != 0)
            put_unescaped(&wire, bytes + 2);
    }
    free(line);
    return wire;
}

static struct ts_buf dechunked(const char *at)
{
    struct ts_buf body = TS_BUF_INIT(MAX_BYTES);
    for (;;) {
        char *end;
        size_t n = strtoul(at, &end, 16);
        if (strncmp(end, "\r\n", 2) != 0)
            fail_msg("bad chunk: %.40s", at);
        if (n == 0)
            return body;
        ts_buf_put(&body, end + 2, n);
        at = end + 2 + n + 2;
    }
}

struct ts_buf recording_body(const char *name)
{
    char path[1024];
    (void)snprintf(path, sizeof(path), "%s/llamacpp/%s.txt", getenv("TS_FIXTURES"), name);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        fail_msg("cannot open %s", path);
    struct ts_buf wire = answer_bytes(f);
    (void)fclose(f);
    const char *head_end = strstr(ts_buf_text(&wire), "\r\n\r\n");
    if (head_end == NULL)
        fail_msg("%s: no head", path);
    struct ts_buf body = TS_BUF_INIT(MAX_BYTES);
    if (strstr(wire.data, "Transfer-Encoding: chunked") != NULL)
        body = dechunked(head_end + 4);
    else
        ts_buf_puts(&body, head_end + 4);
    ts_buf_free(&wire);
    return body;
}
