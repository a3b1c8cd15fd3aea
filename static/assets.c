#include "static/assets.h"

#include <stdlib.h>
#include <string.h>

static int compare_path(const void *key, const void *element)
{
    const struct ts_asset *asset = element;
    return strcmp(key, asset->path);
}

const struct ts_asset *ts_asset_find(const char *path)
{
    return bsearch(path, ts_asset_table, ts_asset_count, sizeof ts_asset_table[0], compare_path);
}
