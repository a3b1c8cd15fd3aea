#include "server/sync_copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/id.h"
#include "db/mirror.h"
#include "schema/sql.h"
#include "server/meter.h"

enum {
    STATE_VERSION = 1,  /* of the tables in the copy: another one begins anew */
    LOAD_ROWS = 100000, /* calls in one load */
    MAX_TABLES = 8,
    PIECE_MAX_BYTES = 512 * 1024 * 1024,
    TARGET_SIZE = 33,
};

struct copy {
    struct ts_session *session;
    struct ts_readonly *db;
    struct ts_sync_load *load;
    struct ts_sync_result *result;
    struct ts_meter meter;

    char target[TARGET_SIZE];
    bool reset;        /* the next load begins anew */
    int64_t turn;      /* that the copy has; stored with each load */
    int64_t next_turn; /* that it has when all is done */
    int64_t batch;
    int64_t mark;                      /* what it is to have, of the calls */
    int64_t copied;                    /* what it has */
    int64_t seq[TS_MIRROR_LOG_COUNT_]; /* of the changes */
    int64_t whole_from;
    int64_t kept; /* calls below it that were still there: they go without being noted */
    uint64_t tag;

    const struct ts_mirror_table *tables;
    int table_count;
    struct ts_sync_file files[MAX_TABLES]; /* of the load */
    int64_t rows[MAX_TABLES];
    struct ts_buf csv[MAX_TABLES]; /* of the piece */
    int64_t *ids;                  /* of changed rows */
};

/* -- state ------------------------------------------------------------------------------------- */

static int64_t number_of(const json_t *o, const char *name)
{
    return json_integer_value(json_object_get(o, name));
}

static void take_state(struct copy *c, const json_t *state)
{
    const char *target = json_string_value(json_object_get(state, "target"));
    c->copied = -1;
    c->batch = number_of(state, "batch");
    if (target == NULL || strlen(target) >= TARGET_SIZE ||
        number_of(state, "version") != STATE_VERSION)
        return;
    (void)snprintf(c->target, sizeof(c->target), "%s", target);
    c->turn = number_of(state, "turn");
    c->copied = number_of(state, "mark");
    c->seq[TS_MIRROR_LOG_CALLS] = number_of(state, "seq");
    c->seq[TS_MIRROR_LOG_CLONES] = number_of(state, "cloneSeq");
    c->whole_from = number_of(state, "wholeFrom");
    c->kept = number_of(state, "kept");
}

static json_t *make_state(const struct copy *c)
{
    return json_pack("{s:i, s:s, s:I, s:I, s:I, s:I, s:I, s:I}",
                     "version",
                     STATE_VERSION,
                     "target",
                     c->target,
                     "turn",
                     (json_int_t)c->turn,
                     "mark",
                     (json_int_t)c->copied,
                     "seq",
                     (json_int_t)c->seq[TS_MIRROR_LOG_CALLS],
                     "cloneSeq",
                     (json_int_t)c->seq[TS_MIRROR_LOG_CLONES],
                     "wholeFrom",
                     (json_int_t)c->whole_from,
                     "kept",
                     (json_int_t)c->kept);
}

static enum ts_err name_target(struct copy *c, struct ts_error *err)
{
    uint8_t random[(TARGET_SIZE - 1) / 2];
    if (c->target[0] != '\0')
        return TS_OK;
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return ts_fail(err, TS_ERR_INTERNAL, "the system gives no random numbers");
    for (size_t i = 0; i < sizeof(random); i++)
        (void)snprintf(c->target + 2 * i, 3, "%02x", random[i]);
    return TS_OK;
}

/* -- the turn ---------------------------------------------------------------------------------- */

static enum ts_err begin_turn(struct copy *c, bool anew, struct ts_error *err)
{
    json_auto_t *told = NULL;
    enum ts_err e = name_target(c, err);
    if (e != TS_OK)
        return e;
    e = ts_session_ask(c->session,
                       json_pack("{s:s, s:s, s:s, s:I}",
                                 "verb",
                                 "sync-begin",
                                 "target",
                                 c->target,
                                 "place",
                                 ts_sync_load_file(c->load),
                                 "turn",
                                 (json_int_t)(anew ? 0 : c->turn)),
                       NULL,
                       &told,
                       err);
    if (e != TS_OK)
        return e;
    c->mark = number_of(told, "mark");
    c->next_turn = number_of(told, "turn");
    c->reset = !json_is_true(json_object_get(told, "known"));
    if (!c->reset)
        return TS_OK;
    c->turn = c->next_turn;
    c->copied = -1;
    c->seq[TS_MIRROR_LOG_CALLS] = number_of(told, "seq");
    c->seq[TS_MIRROR_LOG_CLONES] = 0;
    c->whole_from = 0;
    c->kept = 0;
    return TS_OK;
}

static enum ts_err end_turn(struct copy *c, struct ts_error *err)
{
    return ts_session_ask(c->session,
                          json_pack("{s:s, s:s, s:I, s:I}",
                                    "verb",
                                    "sync-done",
                                    "target",
                                    c->target,
                                    "turn",
                                    (json_int_t)c->turn,
                                    "seq",
                                    (json_int_t)c->seq[TS_MIRROR_LOG_CALLS]),
                          NULL,
                          NULL,
                          err);
}

/* -- a load ------------------------------------------------------------------------------------ */

static enum ts_err begin_load(struct copy *c, struct ts_error *err)
{
    enum ts_err e = ts_sync_load_begin(c->load, ++c->batch, c->reset, c->tag, err);
    c->result->anew = c->result->anew || c->reset;
    c->reset = false;
    return e;
}

static enum ts_err commit_load(struct copy *c, struct ts_error *err)
{
    json_auto_t *state = make_state(c);
    return state != NULL ? ts_sync_load_commit(c->load, state, err)
                         : ts_fail(err, TS_ERR_NOMEM, "no memory for a sync");
}

/* What was read goes to the files of the load, after the reading transaction. */
static enum ts_err put_pieces(struct copy *c, struct ts_error *err)
{
    enum ts_err e = TS_OK;
    for (int i = 0; e == TS_OK && i < c->table_count; i++) {
        if (c->csv[i].len > 0 && c->files[i].path == NULL)
            e = ts_sync_file_open(c->load, &c->files[i], err);
        if (e == TS_OK && c->csv[i].len > 0)
            e = ts_sync_file_put(&c->files[i], &c->csv[i], err);
        ts_buf_clear(&c->csv[i]);
    }
    return e;
}

/* Runs @block for every table of the kind, then puts in the rows that were read. */
static enum ts_err load_tables(struct copy *c,
                               enum ts_mirror_kind kind,
                               const char *block,
                               const struct ts_mirror_piece *piece,
                               struct ts_error *err)
{
    enum ts_err e = TS_OK;
    for (int i = 0; e == TS_OK && i < c->table_count; i++) {
        const struct ts_mirror_table *t = &c->tables[i];
        struct ts_sync_words words = {
            .table = t->name, .key = t->key, .after = piece->after, .end = piece->end};
        if (t->kind != kind)
            continue;
        e = ts_sync_load_run(c->load, block, &words, err);
        words.file = c->files[i].path;
        if (e == TS_OK && words.file != NULL)
            e = ts_sync_file_close(&c->files[i], err);
        if (e == TS_OK && words.file != NULL)
            e = ts_sync_load_run(c->load, ts_duckdb_rows, &words, err);
        ts_sync_file_drop(c->load, &c->files[i]);
    }
    return e;
}

/* Puts lines into a file of their own and has @block read it. */
static enum ts_err load_lines(struct copy *c,
                              const struct ts_buf *lines,
                              const char *block,
                              const char *table,
                              struct ts_error *err)
{
    struct ts_sync_file f = {.fd = -1};
    enum ts_err e = ts_sync_file_open(c->load, &f, err);
    if (e == TS_OK)
        e = ts_sync_file_put(&f, lines, err);
    if (e == TS_OK)
        e = ts_sync_file_close(&f, err);
    const struct ts_sync_words words = {.table = table, .file = f.path};
    if (e == TS_OK)
        e = ts_sync_load_run(c->load, block, &words, err);
    ts_sync_file_drop(c->load, &f);
    return e;
}

/* -- by their ids ------------------------------------------------------------------------------ */

static void show(struct copy *c, int64_t first)
{
    double all = (double)(c->mark - first);
    ts_meter_show(
        &c->meter, c->result->calls, all > 0 && first > 0 ? (double)(c->copied - first) / all : -1);
}

static enum ts_err read_calls(struct copy *c, struct ts_mirror_piece *piece, struct ts_error *err)
{
    enum ts_err e = ts_readonly_begin(c->db, err);
    if (e != TS_OK)
        return e;
    e = ts_mirror_next_calls(c->db, c->mark, piece, err);
    for (int i = 0; e == TS_OK && i < c->table_count; i++) {
        if (c->tables[i].kind == TS_MIRROR_CALLS && piece->count > 0)
            e = ts_mirror_rows(c->db, i, piece, &c->csv[i], &c->rows[i], err);
    }
    ts_readonly_end(c->db);
    return e;
}

/* One load's worth. @more: there is more. */
static enum ts_err scan_some(struct copy *c, int64_t *first, bool *more, struct ts_error *err)
{
    struct ts_mirror_piece all = {.after = c->copied};
    struct ts_mirror_piece piece = {.after = c->copied, .count = 1};
    enum ts_err e = TS_OK;
    while (e == TS_OK && piece.count > 0 && all.count < LOAD_ROWS) {
        e = read_calls(c, &piece, err);
        if (e == TS_OK)
            e = put_pieces(c, err);
        all.count += piece.count;
        piece.after = piece.end;
        if (*first <= 0)
            *first = piece.end;
        show(c, *first);
    }
    *more = piece.count > 0;
    all.end = *more ? piece.end : c->mark;
    if (e == TS_OK)
        e = load_tables(c, TS_MIRROR_CALLS, ts_duckdb_scan, &all, err);
    if (e != TS_OK)
        return e;
    c->result->calls += all.count;
    c->copied = all.end;
    show(c, *first);
    return TS_OK;
}

/* -- by what changed --------------------------------------------------------------------------- */

static enum ts_err read_ids(
    struct copy *c, enum ts_mirror_kind kind, int from, int to, struct ts_error *err)
{
    enum ts_err e = ts_readonly_begin(c->db, err);
    if (e != TS_OK)
        return e;
    for (int k = from; e == TS_OK && k < to; k++) {
        const struct ts_mirror_piece one = {.after = c->ids[k] - 1, .end = c->ids[k]};
        for (int i = 0; e == TS_OK && i < c->table_count; i++) {
            if (c->tables[i].kind == kind)
                e = ts_mirror_rows(c->db, i, &one, &c->csv[i], &c->rows[i], err);
        }
    }
    ts_readonly_end(c->db);
    return e == TS_OK ? put_pieces(c, err) : e;
}

static enum ts_err load_ids(struct copy *c, int count, struct ts_error *err)
{
    TS_AUTO(ts_buf_free) struct ts_buf lines = TS_BUF_INIT(PIECE_MAX_BYTES);
    for (int i = 0; i < count; i++) {
        ts_buf_put_int(&lines, c->ids[i]);
        ts_buf_put(&lines, "\n", 1);
    }
    return ts_buf_ok(&lines) ? load_lines(c, &lines, ts_duckdb_ids, NULL, err)
                             : ts_fail(err, TS_ERR_NOMEM, "no memory for a sync");
}

/* Rows of a kind that a piece of the changes names: away with them, and in as they are now. */
static enum ts_err change_kind(struct copy *c,
                               enum ts_mirror_kind kind,
                               const struct ts_mirror_piece *changes,
                               struct ts_error *err)
{
    int count = 0;
    enum ts_err e = ts_mirror_changed(c->db, kind, changes, c->ids, &count, err);
    if (e != TS_OK || count == 0)
        return e;
    int some = ts_mirror_limit(kind);
    for (int from = 0; e == TS_OK && from < count; from += some)
        e = read_ids(c, kind, from, from + some < count ? from + some : count, err);
    if (e == TS_OK)
        e = load_ids(c, count, err);
    if (e == TS_OK)
        e = load_tables(c, kind, ts_duckdb_change, changes, err);
    c->result->changes += count;
    return e;
}

/* One load's worth. @more: there is more. */
static enum ts_err change_some(struct copy *c,
                               enum ts_mirror_log log,
                               bool *more,
                               struct ts_error *err)
{
    struct ts_mirror_piece piece = {.after = c->seq[log]};
    enum ts_err e = ts_mirror_next_changes(c->db, log, &piece, more, err);
    for (int i = 0; e == TS_OK && piece.count > 0 && i < TS_MIRROR_KIND_COUNT_; i++) {
        enum ts_mirror_kind kind = (enum ts_mirror_kind)i;
        if (ts_mirror_log_of(kind) == log)
            e = change_kind(c, kind, &piece, err);
    }
    if (e == TS_OK)
        c->seq[log] = piece.end;
    return e;
}

/* -- what went for its age, and what is small -------------------------------------------------- */

static enum ts_err expire(struct copy *c, int64_t below, struct ts_error *err)
{
    TS_AUTO(ts_buf_free) struct ts_buf kept = TS_BUF_INIT(PIECE_MAX_BYTES);
    const struct ts_mirror_piece piece = {.end = below};
    if (below <= 0)
        return TS_OK;
    c->kept = 0;
    enum ts_err e = ts_mirror_kept(c->db, below, &kept, &c->kept, err);
    if (e == TS_OK)
        e = load_lines(c, &kept, ts_duckdb_ids, NULL, err);
    c->whole_from = below;
    return e == TS_OK ? load_tables(c, TS_MIRROR_CALLS, ts_duckdb_expire, &piece, err) : e;
}

static enum ts_err copy_stats(struct copy *c, struct ts_error *err)
{
    TS_AUTO(ts_buf_free) struct ts_buf rows = TS_BUF_INIT(PIECE_MAX_BYTES);
    const struct ts_sync_words words = {.table = "model_stats"};
    enum ts_err e = ts_mirror_stats(c->db, &rows, err);
    if (e == TS_OK)
        e = ts_sync_load_run(c->load, ts_duckdb_forget, &words, err);
    return e == TS_OK ? load_lines(c, &rows, ts_duckdb_rows, words.table, err) : e;
}

/* -- all of it --------------------------------------------------------------------------------- */

/* Whether the copy has all there is. It may then not have the newest of all-time statistics that
 * were imported, which come with the next call. */
static bool is_up_to_date(struct copy *c, const struct ts_mirror_position *now)
{
    struct ts_mirror_piece next = {.after = c->copied};
    struct ts_error ignored = TS_ERROR_INIT;
    return !c->reset && c->kept == 0 && memcmp(now->seq, c->seq, sizeof(c->seq)) == 0 &&
           now->whole_from == c->whole_from &&
           ts_mirror_next_calls(c->db, c->mark, &next, &ignored) == TS_OK && next.count == 0;
}

/* What makes up the last load, behind calls and changes. */
static enum ts_err copy_rest(struct copy *c, int64_t whole_from, struct ts_error *err)
{
    enum ts_err e = expire(c, whole_from, err);
    if (e == TS_OK)
        e = copy_stats(c, err);
    c->turn = c->next_turn;
    return e;
}

/* With the library each load is committed by itself, so that a sync which breaks off has done
 * something; files are one load, which DuckDB takes as a whole. */
static enum ts_err next_load(struct copy *c, struct ts_error *err)
{
    if (ts_sync_load_script(c->load) != NULL)
        return TS_OK;
    enum ts_err e = commit_load(c, err);
    return e == TS_OK ? begin_load(c, err) : e;
}

static enum ts_err copy_calls(struct copy *c, struct ts_error *err)
{
    int64_t first = c->copied;
    bool more = true;
    enum ts_err e = TS_OK;
    while (e == TS_OK && more) {
        e = scan_some(c, &first, &more, err);
        if (e == TS_OK && more)
            e = next_load(c, err);
    }
    return e;
}

static enum ts_err copy_changes(struct copy *c, enum ts_mirror_log log, struct ts_error *err)
{
    bool more = true;
    enum ts_err e = TS_OK;
    while (e == TS_OK && more) {
        e = change_some(c, log, &more, err);
        if (e == TS_OK && more)
            e = next_load(c, err);
    }
    return e;
}

static enum ts_err copy_all(struct copy *c, int64_t whole_from, struct ts_error *err)
{
    enum ts_err e = begin_load(c, err);
    if (e == TS_OK)
        e = copy_calls(c, err);
    for (int log = 0; e == TS_OK && log < TS_MIRROR_LOG_COUNT_; log++)
        e = copy_changes(c, (enum ts_mirror_log)log, err);
    if (e == TS_OK)
        e = copy_rest(c, whole_from, err);
    if (e == TS_OK)
        e = commit_load(c, err);
    return e == TS_OK ? end_turn(c, err) : e;
}

static void free_copy(struct copy *c)
{
    ts_meter_end(&c->meter);
    for (int i = 0; i < MAX_TABLES; i++) {
        ts_sync_file_drop(c->load, &c->files[i]);
        ts_buf_free(&c->csv[i]);
    }
    free(c->ids);
}

static enum ts_err prepare(struct copy *c, struct ts_error *err)
{
    json_auto_t *state = NULL;
    c->table_count = ts_mirror_tables(&c->tables);
    for (int i = 0; i < MAX_TABLES; i++) {
        c->files[i].fd = -1;
        c->csv[i] = TS_BUF_INIT(PIECE_MAX_BYTES);
    }
    c->ids = calloc(TS_MIRROR_MAX_CHANGES, sizeof(c->ids[0]));
    if (c->ids == NULL)
        return ts_fail(err, TS_ERR_NOMEM, "no memory for a sync");
    enum ts_err e = ts_mirror_prepare(c->db, err);
    if (e == TS_OK)
        e = ts_sync_load_state(c->load, &state, err);
    if (e == TS_OK)
        take_state(c, state);
    return e;
}

enum ts_err ts_sync_copy(struct ts_session *session,
                         struct ts_readonly *db,
                         struct ts_sync_load *load,
                         bool anew,
                         struct ts_sync_result *out,
                         struct ts_error *err)
{
    *out = (struct ts_sync_result){0};
    TS_AUTO(free_copy)
    struct copy c = {.session = session, .db = db, .load = load, .result = out, .copied = -1};
    c.meter = ts_meter_start("copying", "calls", 0);
    struct ts_mirror_position now = {0};
    enum ts_err e = prepare(&c, err);
    if (e == TS_OK)
        e = begin_turn(&c, anew, err);
    if (e == TS_OK)
        e = ts_mirror_position(db, &now, err);
    if (e != TS_OK || is_up_to_date(&c, &now))
        return e;
    c.tag = now.tag;
    return copy_all(&c, now.whole_from, err);
}
