/*
 * The file of an import, which is read twice: once to check all of it, once to send it.
 *
 * A regular file is read where it is; anything else (a pipe, "-") is copied first into a file
 * without a name beside the database, or in $TMPDIR where that is not possible.
 *
 * Thread: the main one.
 */
#ifndef TS_SERVER_IMPORT_FILE_H
#define TS_SERVER_IMPORT_FILE_H

#include <sodium.h>

#include "handlers/intake.h"

enum { TS_IMPORT_PRINT_SIZE = 33 };

struct ts_import_file {
    const char *name; /* as the user wrote it, for messages */
    int fd;
    int64_t size;
    int64_t read; /* in this pass */
    bool hashing; /* the first pass */
    crypto_generichash_state hash;
};

/* @folder_of: the database's path. Errors: IO. */
TS_NODISCARD enum ts_err ts_import_file_open(const char *name,
                                             const char *folder_of,
                                             struct ts_import_file *out,
                                             struct ts_error *err);
void ts_import_file_close(struct ts_import_file *f);

/* From the beginning. The first pass takes the fingerprint along. Errors: IO. */
TS_NODISCARD enum ts_err ts_import_file_rewind(struct ts_import_file *f,
                                               bool first,
                                               struct ts_error *err);
struct ts_intake_source ts_import_file_source(struct ts_import_file *f);

/* Of the whole content, after a first pass that read all of it. */
void ts_import_file_print(struct ts_import_file *f, char out[static TS_IMPORT_PRINT_SIZE]);

/* How much of it was read in this pass, 0 to 1. */
double ts_import_file_share(const struct ts_import_file *f);

#endif
