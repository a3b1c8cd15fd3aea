/*
 * Framing: what turns a stream of bytes into the data of one event after the other.
 *
 * A framing is asked for one piece at a time and says how many bytes it took. Data comes as spans
 * of the input, never copied, and an event's data in as many pieces as the input makes.
 */
#ifndef TS_PROXY_FRAMING_H
#define TS_PROXY_FRAMING_H

#include "base/slice.h"

enum ts_piece_kind {
    TS_PIECE_NONE, /* bytes that are no data: names, comments, line ends */
    TS_PIECE_DATA,
    TS_PIECE_END /* the event whose data came before is complete */
};

struct ts_piece {
    enum ts_piece_kind kind;
    struct ts_slice data; /* borrowed from the input, or static */
};

#endif
