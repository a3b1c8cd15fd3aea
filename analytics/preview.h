/*
 * A page that a model made, as one document that can be shown without asking for anything else.
 *
 * Style sheets and scripts of the same attempt are put where they are asked for. The page then
 * stands in the srcdoc of a frame, in a document of ours: the policy of that document forbids its
 * frames to go anywhere, which no policy of a page's own can, and a frame's page inherits all the
 * rest.
 */
#ifndef TS_ANALYTICS_PREVIEW_H
#define TS_ANALYTICS_PREVIEW_H

#include "base/buf.h"
#include "base/slice.h"

/* Gives the content of a file of the attempt; absent: there is no such file. Valid until the next
 * call. */
typedef struct ts_slice ts_preview_file_fn(void *ctx, const char *path);

/* Appends the page at @path, its own files put in. */
void ts_preview_inline(struct ts_slice html,
                       const char *path,
                       ts_preview_file_fn *file,
                       void *ctx,
                       struct ts_buf *out);

/* Appends the document that frames such a page. */
void ts_preview_frame(struct ts_slice page, struct ts_buf *out);

#endif
