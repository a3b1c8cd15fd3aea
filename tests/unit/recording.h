/* The bodies of the recorded answers under tests/fixtures: escapes undone, HTTP framing removed. */
#ifndef TS_TESTS_UNIT_RECORDING_H
#define TS_TESTS_UNIT_RECORDING_H

#include "base/buf.h"

/* @name: without folder and ".txt". Fails the test if the file is missing or not understood. The
 * caller frees the buffer. */
struct ts_buf recording_body(const char *name);

#endif
