/*
 * Values at wanted paths of a JSON document that arrives in pieces.
 *
 * Fixed state, no allocation, no limit on the document's or a string's length; any way of cutting
 * the input gives the same values. Strings come unescaped, in as many fragments as the input makes;
 * numbers and literals come whole. The structure is checked like ts_jscan() does, but bytes above
 * 0x7f are taken as they are.
 *
 * Thread: any, one scanner per document at a time.
 */
#ifndef TS_PROXY_JPATH_H
#define TS_PROXY_JPATH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/jscan.h"
#include "base/jstring.h"

enum {
    TS_JPATH_SEGMENTS = 7, /* of a path at most */
    TS_JPATH_MAX = 48,     /* paths of a table at most */
    TS_JPATH_TOKEN = 64    /* a key or number that is longer is no wanted key and no number */
};

/*
 * {"choices", "[]", "delta", "content"}: "[]" stands for each item of an array.
 *
 * In a table, no two paths are the same, those that begin alike stand together, and a path stands
 * before those that go beyond it. So the paths that lead into a container are a range of the table.
 */
struct ts_jpath {
    const char *segment[TS_JPATH_SEGMENTS];
    int field; /* what the owner calls the value; or that with TS_JPATH_RAW */
};

/* A container is told as its text, in fragments; what is in it is told as well. */
enum { TS_JPATH_RAW = 1 << 16 };

/* A value, or a fragment of one. Containers are told when they open, with no text; but see raw. */
struct ts_jpath_value {
    enum ts_jtype type;
    struct ts_slice text; /* a string's or raw container's next bytes, or a number; borrowed */
    bool last;            /* nothing more of this value follows */
};

typedef void ts_jpath_fn(void *ctx, int field, const struct ts_jpath_value *v);

struct ts_jpath_range {
    uint8_t first;
    uint8_t end;
};

struct ts_jpath_scanner {
    const struct ts_jpath *paths;
    int count;
    ts_jpath_fn *fn;
    void *ctx;

    int state;
    bool in_key;      /* the string being read is a key */
    int depth;        /* containers open */
    uint64_t objects; /* bit d: the container open at depth d is an object */
    struct ts_jpath_range inside[TS_JPATH_SEGMENTS]; /* lead into the container at depth d */
    struct ts_jpath_range here;                      /* lead into the value at hand */
    int hit;       /* the path that ends at the value at hand, or -1 */
    int raw;       /* the path of the container whose text is being told, or -1 */
    int raw_depth; /* at which it stands */
    struct ts_jescape escape;
    uint8_t common[TS_JPATH_MAX]; /* how many first segments a path shares with the next one */
    size_t token_len; /* of the key or word being read; above TS_JPATH_TOKEN: too long */
    char token[TS_JPATH_TOKEN];
};

/* @paths: lives as long as the scanner. */
void ts_jpath_init(struct ts_jpath_scanner *s,
                   const struct ts_jpath *paths,
                   int count,
                   ts_jpath_fn *fn,
                   void *ctx);

/* Ready for a new document. */
void ts_jpath_reset(struct ts_jpath_scanner *s);

void ts_jpath_feed(struct ts_jpath_scanner *s, const char *bytes, size_t n);

/* Nothing but white space was fed. */
bool ts_jpath_empty(const struct ts_jpath_scanner *s);

/* What was fed is no JSON; the rest is ignored. */
bool ts_jpath_bad(const struct ts_jpath_scanner *s);

/* What was fed is one whole object. */
bool ts_jpath_complete(const struct ts_jpath_scanner *s);

#endif
