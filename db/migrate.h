/* Bringing a database to the schema of this program. */
#ifndef TS_DB_MIGRATE_H
#define TS_DB_MIGRATE_H

#include "db/conn.h"

/**
 * ts_migrate() - apply the missing migrations, each in a transaction of its own
 * @c:    the writer's connection, with the opener's statements
 * @path: for the messages
 * @created: whether the file was new
 *
 * Of an older version a copy is kept first, `<path>.v1.backup`, where the disk has room for it.
 * A new file is checkpointed at once, so that its first page says whose it is.
 * Errors: FOREIGN_FILE (tables of another program, or a newer version), STORAGE_UNAVAILABLE, NOMEM,
 * INTERNAL (a migration is wrong).
 */
TS_NODISCARD enum ts_err ts_migrate(struct ts_conn *c,
                                    const char *path,
                                    bool *created,
                                    struct ts_error *err);

/* The version of the file's schema; 0: it is empty. @c: with the opener's statements.
 * Errors: as ts_migrate(). */
TS_NODISCARD enum ts_err ts_migrate_check(struct ts_conn *c,
                                          const char *path,
                                          int64_t *version,
                                          struct ts_error *err);

#endif
