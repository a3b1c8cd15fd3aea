/*
 * Where a command writes a file: standard output, or a file that appears when it is whole.
 *
 * A regular file is written beside its place and renamed at the end; what was there stays until
 * then. Anything else (a pipe, a device) is written as it is.
 *
 * Thread: the main one.
 */
#ifndef TS_SERVER_OUTFILE_H
#define TS_SERVER_OUTFILE_H

#include <stddef.h>

#include "base/err.h"

struct ts_outfile {
    const char *name; /* as the user wrote it, for messages */
    char *beside;     /* what is renamed at the end; NULL: nothing */
    int fd;
};

/* @path: NULL or "-" for standard output. Errors: IO, NOMEM. */
TS_NODISCARD enum ts_err ts_outfile_open(const char *path,
                                         struct ts_outfile *out,
                                         struct ts_error *err);

/* Errors: IO; CLIENT_GONE: nobody reads any more. */
TS_NODISCARD enum ts_err ts_outfile_write(struct ts_outfile *f,
                                          const char *bytes,
                                          size_t n,
                                          struct ts_error *err);

/* Makes it whole. Errors: IO. */
TS_NODISCARD enum ts_err ts_outfile_commit(struct ts_outfile *f, struct ts_error *err);

/* Without a commit before, nothing is left behind. */
void ts_outfile_close(struct ts_outfile *f);

#endif
