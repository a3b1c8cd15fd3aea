#include "server/import_ids.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 2 * TS_IMPORT_WINDOW, HASH_BYTES = 16 };

/* How often a row was seen; open addressing, at most half full. */
struct generation {
    int used;
    struct {
        uint64_t hash; /* 0: free */
        uint32_t count;
    } slots[SLOTS];
};

struct ts_import_ids {
    struct generation *now;
    struct generation *before;
};

enum ts_err ts_import_ids_new(struct ts_import_ids **out)
{
    TS_AUTO(ts_import_ids_auto) struct ts_import_ids *ids = calloc(1, sizeof(*ids));
    if (ids == NULL)
        return TS_ERR_NOMEM;
    ids->now = calloc(1, sizeof(*ids->now));
    ids->before = calloc(1, sizeof(*ids->before));
    if (ids->now == NULL || ids->before == NULL)
        return TS_ERR_NOMEM;
    *out = TS_TAKE(ids);
    return TS_OK;
}

void ts_import_ids_free(struct ts_import_ids *ids)
{
    if (ids == NULL)
        return;
    free(ids->now);
    free(ids->before);
    free(ids);
}

/* The slot of a hash, or the free one where it would go. */
static size_t slot_of(const struct generation *g, uint64_t hash)
{
    size_t i = hash % SLOTS;
    while (g->slots[i].hash != 0 && g->slots[i].hash != hash)
        i = (i + 1) % SLOTS;
    return i;
}

/* How often the row has come now, this time included. */
static uint32_t count(struct ts_import_ids *ids, uint64_t hash)
{
    hash = hash != 0 ? hash : 1;
    size_t i = slot_of(ids->now, hash);
    if (ids->now->slots[i].hash == 0) {
        if (ids->now->used == TS_IMPORT_WINDOW) {
            struct generation *oldest = ids->before;
            ids->before = ids->now;
            ids->now = oldest;
            memset(ids->now, 0, sizeof(*ids->now));
            i = slot_of(ids->now, hash);
        }
        ids->now->used++;
        ids->now->slots[i].hash = hash;
        ids->now->slots[i].count = ids->before->slots[slot_of(ids->before, hash)].count;
    }
    return ++ids->now->slots[i].count;
}

/* What the row says, without what it leaves open: alike in every format. */
static char *told(json_t *row)
{
    json_auto_t *said = json_object();
    const char *name;
    json_t *value;
    json_object_foreach(row, name, value)
    {
        if (!json_is_null(value) && json_object_set(said, name, value) != 0)
            return NULL;
    }
    return said != NULL ? json_dumps(said, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(15))
                        : NULL;
}

enum ts_err ts_import_ids_give(struct ts_import_ids *ids, json_t *row)
{
    const json_t *own = json_object_get(row, "id");
    if (own != NULL && !json_is_null(own))
        return TS_OK;
    char *text = told(row);
    if (text == NULL)
        return TS_ERR_NOMEM;
    unsigned char hash[HASH_BYTES];
    char hex[2 * HASH_BYTES + 1];
    char id[TS_IMPORT_ID_SIZE];
    uint64_t key = 0;
    (void)crypto_generichash(
        hash, sizeof(hash), (const unsigned char *)text, strlen(text), NULL, 0);
    free(text);
    memcpy(&key, hash, sizeof(key));
    uint32_t n = count(ids, key);
    (void)sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
    if (n == 1)
        (void)snprintf(id, sizeof(id), "content-%s", hex);
    else
        (void)snprintf(id, sizeof(id), "content-%s-%u", hex, n);
    return json_object_set_new(row, "id", json_string(id)) == 0 ? TS_OK : TS_ERR_NOMEM;
}
