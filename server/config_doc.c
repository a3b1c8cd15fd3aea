/* The table of settings as people read it: --help, the manual page, .env.example. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "server/config.h"

enum { HELP_COLUMN = 30, HELP_WIDTH = 100 };

static const char *placeholder(const struct ts_setting *s)
{
    switch (s->type) {
    case TS_TYPE_TEXT:
        return "TEXT";
    case TS_TYPE_ADDRESSES:
        return "ADDR:PORT";
    case TS_TYPE_NETWORKS:
        return "ADDR[/BITS]";
    case TS_TYPE_URL:
        return "URL";
    case TS_TYPE_PREFIX:
        return "PATH";
    case TS_TYPE_SECRET:
        return "KEY";
    case TS_TYPE_NUMBER:
        return "N";
    case TS_TYPE_SWITCH:
        return "on|off";
    case TS_TYPE_TRIPLE:
        return "auto|on|off";
    case TS_TYPE_CHOICE:
        return s->choices;
    }
    return "";
}

/* Calls fn for every setting that is shown. */
static void each_shown(void (*fn)(struct ts_buf *out, enum ts_setting_id id), struct ts_buf *out)
{
    for (int i = 0; i < TS_SETTING_COUNT_; i++) {
        if ((ts_setting((enum ts_setting_id)i)->flags & TS_SET_HIDDEN) == 0)
            fn(out, (enum ts_setting_id)i);
    }
}

static const char *later(const struct ts_setting *s)
{
    return (s->flags & TS_SET_LATER) != 0 ? " (no effect in this version)" : "";
}

/* @text wrapped at HELP_WIDTH, every line indented to HELP_COLUMN; the first is there already. */
static void put_wrapped(struct ts_buf *out, const char *text)
{
    size_t width = HELP_WIDTH - HELP_COLUMN;
    while (strlen(text) > width) {
        size_t cut = width;
        while (cut > 0 && text[cut] != ' ')
            cut--;
        cut = cut > 0 ? cut : width;
        ts_buf_printf(out, "%.*s\n%*s", (int)cut, text, HELP_COLUMN, "");
        text += cut + (text[cut] == ' ');
    }
    ts_buf_printf(out, "%s\n", text);
}

static void put_option(struct ts_buf *out, enum ts_setting_id id)
{
    const struct ts_setting *s = ts_setting(id);
    char flag[TS_SETTING_NAME_SIZE];
    char env[TS_SETTING_NAME_SIZE];
    char left[128];
    char text[512];
    int n = snprintf(left, sizeof(left), "  %s %s", ts_setting_flag(id, "", flag), placeholder(s));
    (void)snprintf(text,
                   sizeof(text),
                   "%s%s%s%s%s%s [%s]",
                   s->help,
                   s->type == TS_TYPE_SECRET ? "; also as a file: " : "",
                   s->type == TS_TYPE_SECRET ? ts_setting_flag(id, "-file", flag) : "",
                   *s->fallback != '\0' ? "; default " : "",
                   s->fallback,
                   later(s),
                   ts_setting_env(id, "", env));
    if (n < HELP_COLUMN - 1)
        ts_buf_printf(out, "%-*s", HELP_COLUMN, left);
    else
        ts_buf_printf(out, "%s\n%*s", left, HELP_COLUMN, "");
    put_wrapped(out, text);
}

void ts_config_print_options(struct ts_buf *out)
{
    each_shown(put_option, out);
}

/* Text for troff: a leading dot or quote and every backslash and hyphen would be read. */
static void put_troff(struct ts_buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\\')
            ts_buf_puts(out, "\\e");
        else if (*text == '-')
            ts_buf_puts(out, "\\-");
        else
            ts_buf_put(out, text, 1);
    }
}

static void put_man_entry(struct ts_buf *out, enum ts_setting_id id)
{
    const struct ts_setting *s = ts_setting(id);
    char flag[TS_SETTING_NAME_SIZE];
    char env[TS_SETTING_NAME_SIZE];
    ts_buf_puts(out, ".TP\n\\fB");
    put_troff(out, ts_setting_flag(id, "", flag));
    ts_buf_puts(out, "\\fR \\fI");
    put_troff(out, placeholder(s));
    ts_buf_puts(out, "\\fR, \\fB");
    put_troff(out, ts_setting_env(id, "", env));
    ts_buf_puts(out, "\\fR\n");
    put_troff(out, s->help);
    put_troff(out, later(s));
    ts_buf_puts(out, ".");
    if (*s->fallback != '\0') {
        ts_buf_puts(out, " Default: ");
        put_troff(out, s->fallback);
        ts_buf_puts(out, ".");
    }
    ts_buf_puts(out, "\n");
}

static void put_env_line(struct ts_buf *out, enum ts_setting_id id)
{
    const struct ts_setting *s = ts_setting(id);
    char env[TS_SETTING_NAME_SIZE];
    ts_buf_printf(out, "\n# %s%s\n", s->help, later(s));
    if (s->type == TS_TYPE_CHOICE)
        ts_buf_printf(out, "# one of %s\n", s->choices);
    if (s->type == TS_TYPE_SECRET)
        ts_buf_printf(out, "#%s=\n", ts_setting_env(id, "_FILE", env));
    ts_buf_printf(out, "#%s=%s\n", ts_setting_env(id, "", env), s->fallback);
}

void ts_config_print_env(struct ts_buf *out)
{
    ts_buf_puts(out,
                "# Settings of touchstone with their defaults, as `touchstone --help=env` prints "
                "them.\n");
    each_shown(put_env_line, out);
}

void ts_config_print_man(struct ts_buf *out)
{
    ts_buf_puts(
        out,
        ".TH TOUCHSTONE 1 \"\" \"touchstone " TS_VERSION "\"\n"
        ".SH NAME\n"
        "touchstone \\- analytics server and streaming proxy for language models\n"
        ".SH SYNOPSIS\n"
        ".B touchstone\n[\\fIcommand\\fR] [\\fIoption value\\fR ...]\n"
        ".SH DESCRIPTION\n"
        "Point an OpenAI, Ollama or Anthropic client at touchstone: answers stream through, each\n"
        "call is timed token by token and recorded, people rate answers, and the analytics, the\n"
        "dashboard and the router work from that record.\n"
        ".PP\n"
        "A setting is taken from the command line, else from the environment, else from the file\n"
        "(\\fB\\-\\-config\\fR, else \\fI$XDG_CONFIG_HOME/touchstone/touchstone.ini\\fR, else\n"
        "\\fI/etc/touchstone/touchstone.ini\\fR), else it has its default. In the file an option\n"
        "\\fB\\-\\-max\\-in\\-flight\\fR is written \\fBmax_in_flight = N\\fR; a section's name is "
        "put "
        "before\nits keys. \\fB[provider.NAME]\\fR sections name model servers:\n"
        "kind, base_url, api_key_env, weight, max_concurrency, price_in, price_out,\n"
        "price_cache_read, price_cache_write (US dollars per million tokens),\n"
        "price_per_hour, timeout_connect_ms, timeout_first_token_ms, timeout_gap_ms,\n"
        "timeout_total_ms. \\fB[price.MODEL]\\fR sections name what a model costs: in, out,\n"
        "cache_read, cache_write, and, where need be, model and provider.\n"
        ".SH OPTIONS\n"
        ".TP\n\\fB\\-\\-config\\fR \\fIFILE\\fR\nread this file\n"
        ".TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nsay what there is\n"
        ".TP\n\\fB\\-V\\fR, \\fB\\-\\-version\\fR\nversions of touchstone and its libraries\n");
    each_shown(put_man_entry, out);
    ts_buf_puts(out,
                ".SH EXIT STATUS\n"
                "0 ended as asked; 64 the command line is wrong; 65 bad data; 69 an address is in\n"
                "use or a server is not there; 74 input or output failed; 78 the configuration is\n"
                "wrong.\n");
}
