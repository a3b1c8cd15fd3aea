/*
 * Names of files that models made: which are taken, and what they say of a file.
 *
 * Nothing here touches a disk, and no name ever becomes a path of this machine; but files are given
 * out again, and whoever unpacks them must not be led outside of his folder.
 */
#ifndef TS_ANALYTICS_FILE_PATH_H
#define TS_ANALYTICS_FILE_PATH_H

#include "base/slice.h"

/*
 * What is wrong with a path, as the end of a sentence ("must not ..."); NULL: nothing. Taken are
 * relative paths of well-formed UTF-8, 1 to TS_MAX_FILE_PATH bytes, with `/` between parts that are
 * neither empty nor `.` nor `..`. Control characters, backslashes and a colon in the first part
 * (a drive, a scheme) are refused.
 */
const char *ts_file_path_fault(struct ts_slice path);

/* "html", "css", "javascript", ... by the ending, in either case; "other". */
const char *ts_file_type(struct ts_slice path);

/* Whether it holds a component of a page: .jsx, .tsx, .vue, .svelte. */
bool ts_file_is_component(const char *type);

/* Lines with anything but white space. */
size_t ts_lines_of_code(struct ts_slice content);

/* The ending of a file in a language, as fences name it ("jsx", "typescript"): "jsx", "ts". NULL:
 * none that is known. */
const char *ts_file_ending(struct ts_slice language);

#endif
