/*
 * Reading the members of a JSON object that a client sent, one by one, with the first fault kept.
 *
 * A getter returns the member's value, or its "absent" value (NULL, TS_UNKNOWN, NaN) when there is
 * none, when it is null, and after a fault. Names and limits of faults go into the error, its param
 * being the member, behind "[3]." in an array.
 */
#ifndef TS_HANDLERS_FIELDS_H
#define TS_HANDLERS_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct ts_fields {
    json_t *object;
    int index; /* in an array of objects, or -1 */
    enum ts_err rc;
    struct ts_error *err;
};

/* Checks that @value is an object with no other members than @known (ends with NULL). */
struct ts_fields ts_fields_of(json_t *value,
                              int index,
                              const char *const *known,
                              struct ts_error *err);

/* Notes a fault of that member, unless there is one already. Returns f->rc. */
enum ts_err ts_fields_fault(struct ts_fields *f, const char *name, const char *what);

/* 1 to @max characters. Borrowed from the object. */
const char *ts_fields_text(struct ts_fields *f, const char *name, size_t max);
int64_t ts_fields_int(struct ts_fields *f, const char *name, int64_t min, int64_t max);
double ts_fields_number(struct ts_fields *f, const char *name, double min, double max);

/* 1, 0, or -1 for absent. */
int ts_fields_bool(struct ts_fields *f, const char *name);

/* Faults if the member is absent or null. */
void ts_fields_require(struct ts_fields *f, const char *name);

#endif
