/*
 * The format is RFC 8536 (TZif, version 2 and up): transitions with 64-bit times, and for the time
 * behind the last one a rule as POSIX writes it ("CET-1CEST,M3.5.0,M10.5.0/3").
 */
#include "handlers/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NAME_MAX_BYTES = 64,
    FILE_MAX_BYTES = 256 * 1024,
    HEADER_BYTES = 44,
    RULE_MAX_BYTES = 128,
    DAY_S = 86400,
    HOUR_S = 3600,
};

/* A day of the year as POSIX rules name it: the week-th weekday of a month, at a time of day. */
struct yearly {
    int month;
    int week; /* 5: the last */
    int weekday;
    int32_t at_s;
};

/* What holds behind the last transition. */
struct rule {
    int32_t standard;
    int32_t summer;
    bool has_summer;
    struct yearly begins;
    struct yearly ends;
};

struct transition {
    int64_t at;
    int32_t offset;
};

struct ts_zone {
    int32_t before; /* ahead of the first transition */
    int count;
    bool has_rule;
    struct rule rule;
    struct transition transitions[];
};

/* -- the calendar ----------------------------------------------------------------------------- */

/* Years begin in March here, so that the leap day is the last of a year; eras are 400 years. */
int64_t ts_days_of(struct ts_date d)
{
    int64_t year = d.month <= 2 ? d.year - 1 : d.year;
    int64_t era = ts_floor_div(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (d.month > 2 ? d.month - 3 : d.month + 9) + 2) / 5 + d.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

struct ts_date ts_date_of(int64_t days)
{
    days += 719468;
    int64_t era = ts_floor_div(days, 146097);
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    return (struct ts_date){.year = year_of_era + era * 400 + (month <= 2),
                            .month = month,
                            .day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1)};
}

/* -- reading the rule ------------------------------------------------------------------------- */

static bool read_digits(const char **at, int max, int *out)
{
    int v = 0;
    const char *start = *at;
    for (; **at >= '0' && **at <= '9' && *at - start < 4; ++*at)
        v = v * 10 + (**at - '0');
    *out = v;
    return *at > start && v <= max;
}

/* "<+0330>" or "CEST" */
static bool skip_name(const char **at)
{
    const char *start = *at;
    if (**at == '<') {
        const char *close = strchr(*at, '>');
        *at = close != NULL ? close + 1 : *at;
        return close != NULL;
    }
    while ((**at >= 'A' && **at <= 'Z') || (**at >= 'a' && **at <= 'z'))
        ++*at;
    return *at - start >= 3;
}

/* [+-]hh[:mm[:ss]] */
static bool read_time(const char **at, int32_t *out)
{
    int sign = **at == '-' ? -1 : 1;
    int parts[3] = {0, 0, 0};
    if (**at == '-' || **at == '+')
        ++*at;
    if (!read_digits(at, 167, &parts[0]))
        return false;
    for (int i = 1; i < 3 && **at == ':'; i++) {
        ++*at;
        if (!read_digits(at, 59, &parts[i]))
            return false;
    }
    *out = sign * (parts[0] * HOUR_S + parts[1] * 60 + parts[2]);
    return true;
}

/* ",Mm.w.d[/time]" */
static bool read_yearly(const char **at, struct yearly *y)
{
    if (strncmp(*at, ",M", 2) != 0)
        return false;
    *at += 2;
    if (!read_digits(at, 12, &y->month) || *(*at)++ != '.' || !read_digits(at, 5, &y->week) ||
        *(*at)++ != '.' || !read_digits(at, 6, &y->weekday) || y->month < 1 || y->week < 1)
        return false;
    y->at_s = 2 * HOUR_S;
    if (**at != '/')
        return true;
    ++*at;
    return read_time(at, &y->at_s);
}

static bool read_rule(const char *text, struct rule *r)
{
    const char *at = text;
    int32_t west = 0; /* POSIX counts offsets westwards */
    if (!skip_name(&at) || !read_time(&at, &west))
        return false;
    r->standard = -west;
    r->has_summer = *at != '\0';
    if (!r->has_summer)
        return true;
    if (!skip_name(&at))
        return false;
    r->summer = r->standard + HOUR_S;
    if (*at != ',') {
        if (!read_time(&at, &west))
            return false;
        r->summer = -west;
    }
    return read_yearly(&at, &r->begins) && read_yearly(&at, &r->ends) && *at == '\0';
}

/* -- applying the rule ------------------------------------------------------------------------ */

/* When that day and time comes in a year, in seconds of the local clock. */
static int64_t local_moment(const struct yearly *y, int64_t year)
{
    int64_t first = ts_days_of((struct ts_date){.year = year, .month = y->month, .day = 1});
    int64_t first_weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
    int64_t day = first + (y->weekday - first_weekday + 7) % 7 + (y->week - 1) * 7;
    struct ts_date next = {.year = year + y->month / 12, .month = y->month % 12 + 1, .day = 1};
    while (day >= ts_days_of(next))
        day -= 7;
    return day * DAY_S + y->at_s;
}

static int32_t rule_offset(const struct rule *r, int64_t unix_s)
{
    if (!r->has_summer)
        return r->standard;
    int64_t year = ts_date_of(ts_floor_div(unix_s + r->standard, DAY_S)).year;
    int64_t begins = local_moment(&r->begins, year) - r->standard;
    int64_t ends = local_moment(&r->ends, year) - r->summer;
    bool summer = begins < ends ? unix_s >= begins && unix_s < ends /* north */
                                : unix_s >= begins || unix_s < ends;
    return summer ? r->summer : r->standard;
}

int32_t ts_zone_offset(const struct ts_zone *z, int64_t unix_s)
{
    if (z->count == 0 || unix_s < z->transitions[0].at)
        return z->count == 0 && z->has_rule ? rule_offset(&z->rule, unix_s) : z->before;
    if (z->has_rule && unix_s >= z->transitions[z->count - 1].at)
        return rule_offset(&z->rule, unix_s);
    int low = 0; /* the last transition at or before the moment lies in [low, high) */
    int high = z->count;
    while (high - low > 1) {
        int middle = low + (high - low) / 2;
        if (z->transitions[middle].at <= unix_s)
            low = middle;
        else
            high = middle;
    }
    return z->transitions[low].offset;
}

/* -- the file --------------------------------------------------------------------------------- */

struct reader {
    const unsigned char *at;
    const unsigned char *end;
};

static uint32_t be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t be64(const unsigned char *p)
{
    return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

/* The six counts of a header, in the order of the file. */
struct counts {
    uint32_t isut, isstd, leap, time, type, chars;
};

static bool read_header(struct reader *r, struct counts *c)
{
    if (r->end - r->at < HEADER_BYTES || memcmp(r->at, "TZif", 4) != 0 || r->at[4] < '2')
        return false;
    const unsigned char *p = r->at + 20;
    *c = (struct counts){
        be32(p), be32(p + 4), be32(p + 8), be32(p + 12), be32(p + 16), be32(p + 20)};
    r->at += HEADER_BYTES;
    const uint32_t most = 1 << 16; /* keeps the sums below in bounds */
    return c->isut < most && c->isstd < most && c->leap < most && c->time < most && c->type < 256 &&
           c->chars < most;
}

static size_t block_bytes(const struct counts *c, size_t time_bytes)
{
    return c->time * (time_bytes + 1) + c->type * 6 + c->chars + c->leap * (time_bytes + 4) +
           c->isstd + c->isut;
}

static void read_footer(struct reader *r, struct ts_zone *z)
{
    char rule[RULE_MAX_BYTES];
    size_t n = (size_t)(r->end - r->at);
    if (n < 2 || r->at[0] != '\n' || r->at[n - 1] != '\n' || n - 2 >= sizeof(rule))
        return;
    memcpy(rule, r->at + 1, n - 2);
    rule[n - 2] = '\0';
    z->has_rule = rule[0] != '\0' && read_rule(rule, &z->rule);
}

static struct ts_zone *read_block(struct reader *r, const struct counts *c)
{
    const unsigned char *times = r->at;
    const unsigned char *indexes = times + (size_t)c->time * 8;
    const unsigned char *types = indexes + c->time;
    struct ts_zone *z = calloc(1, sizeof(*z) + c->time * sizeof(struct transition));
    if (z == NULL)
        return NULL;
    z->before = (int32_t)be32(types);
    z->count = (int)c->time;
    for (uint32_t i = 0; i < c->time; i++) {
        unsigned type = indexes[i] < c->type ? indexes[i] : 0;
        z->transitions[i] = (struct transition){.at = be64(times + (size_t)i * 8),
                                                .offset = (int32_t)be32(types + (size_t)type * 6)};
    }
    r->at += block_bytes(c, 8);
    read_footer(r, z);
    return z;
}

static enum ts_err parse(const unsigned char *bytes, size_t n, struct ts_zone **out)
{
    struct reader r = {.at = bytes, .end = bytes + n};
    struct counts c;
    if (!read_header(&r, &c) || (size_t)(r.end - r.at) < block_bytes(&c, 4))
        return TS_ERR_INVALID_PARAMETER;
    r.at += block_bytes(&c, 4); /* the same with 32-bit times, for readers of another age */
    if (!read_header(&r, &c) || c.type == 0 || (size_t)(r.end - r.at) < block_bytes(&c, 8))
        return TS_ERR_INVALID_PARAMETER;
    *out = read_block(&r, &c);
    return *out != NULL ? TS_OK : TS_ERR_NOMEM;
}

/* Letters, digits, '_', '+', '-', in parts with '/' between: nothing that leads elsewhere. */
static bool is_zone_name(const char *name)
{
    size_t n = strlen(name);
    if (n == 0 || n > NAME_MAX_BYTES || name[0] == '/' || name[n - 1] == '/' ||
        strstr(name, "//") != NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = name[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              strchr("_+-/", c) != NULL))
            return false;
    }
    return true;
}

static void close_auto(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

static void free_auto(unsigned char **p)
{
    free(*p);
}

static enum ts_err load_file(const char *name, struct ts_zone **out)
{
    TS_AUTO(close_auto)
    int folder = open("/usr/share/zoneinfo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    TS_AUTO(close_auto) int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (folder < 0 || fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 ||
        st.st_size > FILE_MAX_BYTES)
        return TS_ERR_INVALID_PARAMETER;
    size_t size = (size_t)st.st_size;
    TS_AUTO(free_auto) unsigned char *bytes = malloc(size);
    if (bytes == NULL)
        return TS_ERR_NOMEM;
    if (read(fd, bytes, size) != (ssize_t)size)
        return TS_ERR_INVALID_PARAMETER;
    return parse(bytes, size, out);
}

enum ts_err ts_zone_load(const char *name, struct ts_zone **out, struct ts_error *err)
{
    enum ts_err rc = TS_ERR_INVALID_PARAMETER;
    if (strcmp(name, "UTC") == 0) {
        *out = calloc(1, sizeof(**out));
        rc = *out != NULL ? TS_OK : TS_ERR_NOMEM;
    } else if (is_zone_name(name)) {
        rc = load_file(name, out);
    }
    if (rc == TS_ERR_NOMEM)
        return ts_fail(err, rc, "no memory for a time zone");
    if (rc == TS_OK)
        return TS_OK;
    bool installed = access("/usr/share/zoneinfo", X_OK) == 0;
    return ts_fail_param(err,
                         TS_ERR_INVALID_PARAMETER,
                         "tz",
                         "tz must be a zone like Europe/Berlin or UTC, not '%.60s'%s",
                         name,
                         installed ? "" : " (this machine has no tzdata: only UTC is known)");
}

void ts_zone_free(struct ts_zone *z)
{
    free(z);
}
