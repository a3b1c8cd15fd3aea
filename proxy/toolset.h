/*
 * The calls of tools of one answer, put together from their pieces (event.h).
 *
 * Thread: any, one per stream.
 */
#ifndef TS_PROXY_TOOLSET_H
#define TS_PROXY_TOOLSET_H

#include "base/buf.h"
#include "proxy/event.h"

struct ts_tool_call {
    int64_t index; /* as the server counts */
    bool whole;    /* it came in one piece: nothing is added */
    int part;      /* for the writer of a stream: which part of the answer it is */
    struct ts_buf id;
    struct ts_buf name;
    struct ts_buf input; /* JSON text */
};

enum { TS_MAX_TOOL_CALLS = 256 };

/* Zero: none. */
struct ts_toolset {
    struct ts_tool_call *calls;
    int count;
    int room;
    bool counts_only;  /* the arguments are not kept */
    size_t bytes;      /* of all texts; TS_MAX_FOLDED_BYTES at most */
    enum ts_err error; /* of the first piece that was lost: NOMEM, BODY_TOO_LARGE */
};

/**
 * ts_toolset_add() - take one piece
 * A piece belongs to the call with its index; one that is whole, or that has another id than that
 * call, begins a new call.
 * @fresh: the piece is the first of its call
 * Return: the number of its call in this answer, from 0; -1 if it was lost: see error.
 */
int ts_toolset_add(struct ts_toolset *s, const struct ts_tool_piece *p, bool *fresh);
void ts_toolset_deinit(struct ts_toolset *s);

#endif
