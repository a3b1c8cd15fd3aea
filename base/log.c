#include "base/log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

/* A line is no longer than Linux's PIPE_BUF: no pipe takes half of it. */
enum { LINE_MAX_BYTES = 4096, MESSAGE_BYTES = 2048 };

static struct {
    _Atomic int level;
    _Atomic int format;
    _Atomic int64_t dropped;
} sink = {.level = TS_LOG_INFO};

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void ts_log_init(enum ts_log_level level, enum ts_log_format format)
{
    atomic_store(&sink.level, (int)level);
    atomic_store(&sink.format, (int)format);
}

bool ts_log_enabled(enum ts_log_level level)
{
    return (int)level <= atomic_load_explicit(&sink.level, memory_order_relaxed);
}

int64_t ts_log_dropped(void)
{
    return atomic_load(&sink.dropped);
}

static bool is_present(const struct ts_log_field *f)
{
    return f->is_number || f->text != NULL;
}

/* logfmt quotes only what needs it: spaces, quotes, `=`, control characters, nothing at all. */
static bool is_bare(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c <= ' ' || *c == '"' || *c == '=' || *c == '\\' || *c == 0x7f)
            return false;
    }
    return *text != '\0';
}

static void put_text_line(struct ts_buf *b,
                          enum ts_log_level level,
                          const struct ts_log_field *fields,
                          const char *message)
{
    char when[TS_RFC3339_SIZE];
    ts_buf_printf(b, "%s %-5s ", ts_rfc3339(ts_wall_ms(), when), level_names[level]);
    for (const char *c = message; *c != '\0'; c++)
        ts_buf_put(b, (unsigned char)*c < ' ' || *c == 0x7f ? "?" : c, 1);
    for (const struct ts_log_field *f = fields; f != NULL && f->key != NULL; f++) {
        if (!is_present(f))
            continue;
        ts_buf_printf(b, " %s=", f->key);
        if (f->is_number)
            ts_buf_printf(b, "%lld", (long long)f->number);
        else if (is_bare(f->text))
            ts_buf_puts(b, f->text);
        else
            ts_buf_put_json_string(b, f->text, strlen(f->text));
    }
}

static void put_json_line(struct ts_buf *b,
                          enum ts_log_level level,
                          const struct ts_log_field *fields,
                          const char *message)
{
    char when[TS_RFC3339_SIZE];
    ts_buf_printf(b,
                  "{\"time\":\"%s\",\"level\":\"%s\",\"message\":",
                  ts_rfc3339(ts_wall_ms(), when),
                  level_names[level]);
    ts_buf_put_json_string(b, message, strlen(message));
    for (const struct ts_log_field *f = fields; f != NULL && f->key != NULL; f++) {
        if (!is_present(f))
            continue;
        ts_buf_printf(b, ",\"%s\":", f->key);
        if (f->is_number)
            ts_buf_printf(b, "%lld", (long long)f->number);
        else
            ts_buf_put_json_string(b, f->text, strlen(f->text));
    }
    ts_buf_puts(b, "}");
}

/*
 * One write, and only if stderr takes it: a pipe whose reader is stuck must not hold up a loop. A
 * pipe that polls writable has room for PIPE_BUF bytes at least, which no line exceeds.
 */
static bool write_whole(const char *line, size_t len)
{
    struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&p, 1, 0) != 1 || (p.revents & POLLOUT) == 0)
        return false;
    return write(STDERR_FILENO, line, len) == (ssize_t)len;
}

TS_PRINTF(3, 0)
static void write_line(enum ts_log_level level,
                       const struct ts_log_field *fields,
                       const char *fmt,
                       va_list args)
{
    char message[MESSAGE_BYTES];
    (void)vsnprintf(message, sizeof(message), fmt, args);
    TS_AUTO(ts_buf_free) struct ts_buf line = TS_BUF_INIT(LINE_MAX_BYTES);
    if (atomic_load_explicit(&sink.format, memory_order_relaxed) == TS_LOG_JSON)
        put_json_line(&line, level, fields, message);
    else
        put_text_line(&line, level, fields, message);
    ts_buf_puts(&line, "\n");
    if (!ts_buf_ok(&line) || !write_whole(line.data, line.len))
        (void)atomic_fetch_add(&sink.dropped, 1);
}

void ts_log(enum ts_log_level level, const char *fmt, ...)
{
    if (!ts_log_enabled(level))
        return;
    va_list args;
    va_start(args, fmt);
    write_line(level, NULL, fmt, args);
    va_end(args);
}

void ts_logf(enum ts_log_level level, const struct ts_log_field *fields, const char *fmt, ...)
{
    if (!ts_log_enabled(level))
        return;
    va_list args;
    va_start(args, fmt);
    write_line(level, fields, fmt, args);
    va_end(args);
}
