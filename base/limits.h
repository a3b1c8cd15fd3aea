/*
 * Every size and time limit of the program, in one place.
 *
 * A limit that a user may want to move is a setting (server/config.h); these are the ones that
 * protect the process itself.
 */
#ifndef TS_BASE_LIMITS_H
#define TS_BASE_LIMITS_H

enum {
    /* requests */
    TS_MAX_HEAD_BYTES = 12 * 1024,  /* request line and headers; 431 above */
    TS_MAX_HEADERS = 100,           /* 431 above */
    TS_MAX_TARGET_BYTES = 8 * 1024, /* path and query; 414 above */
    TS_MAX_QUERY_ARGS = 64,
    TS_MAX_BODY_BYTES = 1024 * 1024,               /* our own API; 413 above */
    TS_MAX_GENERATE_BODY_BYTES = 32 * 1024 * 1024, /* pictures travel as base64 */
    TS_MAX_BODIES_BYTES = 512 * 1024 * 1024,       /* all bodies held at once; 503 above */
    TS_MAX_JSON_DEPTH = 64,
    TS_MAX_JSON_TOKENS = 100000, /* our own API, parsed into a tree */
    TS_HEAD_DEADLINE_MS = 10 * 1000,
    TS_BODY_DEADLINE_MS = 30 * 1000,
    TS_WRITE_STALL_MS = 30 * 1000, /* a client that takes nothing for so long is cut */
    TS_KEEPALIVE_S = 30,

    /* streams */
    TS_STREAM_HIGH_BYTES = 16 * 1024, /* unsent bytes of one stream above which upstream pauses */
    TS_STREAM_LOW_BYTES = 4 * 1024,   /* and below which it goes on */
    TS_GATE_BYTES = 64 * 1024,        /* of an unfinished event kept back at most */
    TS_MAX_EVENT_BYTES = 8 * 1024 * 1024,   /* one event, where it has to be translated */
    TS_MAX_FOLDED_BYTES = 32 * 1024 * 1024, /* a whole answer, where the client did not stream */
    TS_MAX_UPSTREAM_HEAD_BYTES = 64 * 1024,
    TS_MAX_ERROR_BODY_BYTES = 64 * 1024,       /* of an upstream's error answer */
    TS_MAX_MODEL_LIST_BYTES = 4 * 1024 * 1024, /* of a server's list of models */
    TS_MAX_ERROR_TEXT = 512,                   /* of it kept in the record */
    TS_SILENCE_MS = 15 * 1000,                 /* then headers (and, on SSE, a ping) go out */
    TS_HOLD_CEILING_MS = 2000,                 /* a terminator waits so long for its row at most */
    TS_MAX_TARGETS = 8,                        /* servers tried for one call */

    /* names */
    TS_MAX_NAME = 64,   /* task types, tags, provider names */
    TS_MAX_MODEL = 256, /* model names */
    TS_MAX_LABEL = 256, /* conversation, user and message ids */
    TS_MAX_TAGS_BYTES = 4096,
    TS_MAX_CAPTURE_BYTES = 64 * 1024, /* of a prompt, and of an answer, where texts are kept */
    TS_MAX_COMMENT = 2000,            /* the words to a rating */

    /* rows that cannot be committed yet */
    TS_SPOOL_MAX_ROWS = 10000,
    TS_SPOOL_MAX_BYTES = 16 * 1024 * 1024,
    TS_SPOOL_AFTER_MS = 1000, /* a row uncommitted for so long goes to the spool as well */

    /* website clones */
    TS_MAX_SITE_BODY_BYTES = 16 * 1024 * 1024, /* a scraped site, or all files of one made anew */
    TS_MAX_CODE_FILES = 500,                   /* of one attempt */
    TS_MAX_CODE_FILE_BYTES = 2 * 1024 * 1024,
    TS_MAX_CODE_BYTES = 8 * 1024 * 1024, /* of an answer that is kept for its code */
    TS_MAX_FILE_PATH = 255,              /* bytes, as on most disks */
    TS_MAX_URL = 2048,

    /* the store's queues */
    TS_MAX_OUTCOMES_PER_REQUEST = 1000,
};

#endif
