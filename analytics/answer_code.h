/*
 * The files in a model's answer.
 *
 * Models write files as fenced blocks of Markdown (``` or ~~~) or as <file path="...">...</file>.
 * What a fenced file is called stands, in this order of trust, behind the language (```jsx
 * src/App.jsx,
 * ```jsx:src/App.jsx, ```jsx title="src/App.jsx"), in the line before (### src/App.jsx,
 * **`App.jsx`**, File: App.jsx), or in a comment in its first line. A name that
 * ts_file_path_fault() refuses is none; a file without a name is called after its language:
 * index.html, styles.css, script.js, App.jsx, then index-2.html and so on. A later file of the same
 * name takes the earlier one's place, as it would on a disk. Blocks of commands and output (bash,
 * console, diff, ...) are no files.
 *
 * An answer without any block is one file, if it is a page or a component by the look of it.
 */
#ifndef TS_ANALYTICS_ANSWER_CODE_H
#define TS_ANALYTICS_ANSWER_CODE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"

struct ts_answer_file {
    const char *path;        /* in the arena; good by ts_file_path_fault() */
    struct ts_slice content; /* of the text, without the fences */
};

struct ts_answer_code {
    struct ts_arena *arena; /* in: where names go */
    int count;
    struct ts_answer_file files[TS_MAX_CODE_FILES];
    int dropped; /* files beyond the last, or too large */
};

/**
 * ts_answer_code() - find the files; the contents are spans of @text
 * @all: a text that has no block and looks like nothing is one file too (code.txt)
 * Errors: NOMEM.
 */
TS_NODISCARD enum ts_err ts_answer_code(struct ts_slice text,
                                        bool all,
                                        struct ts_answer_code *out,
                                        struct ts_error *err);

#endif
