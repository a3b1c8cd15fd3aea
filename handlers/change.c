#include "handlers/change.h"

#include <math.h>
#include <stdlib.h>

#include "base/json.h"

/* Both are rounded already; what is left behind the ninth decimal is binary noise. */
static json_t *difference(double now, double then)
{
    return ts_json_num(round((now - then) * 1e9) / 1e9);
}

static json_t *deltas_json(const json_t *now, const json_t *then);

static json_t *delta_json(const json_t *now, const json_t *then)
{
    if (json_is_object(now))
        return deltas_json(now, then);
    if (json_is_integer(now) && json_is_integer(then))
        return json_integer(json_integer_value(now) - json_integer_value(then));
    if (json_is_number(now) && json_is_number(then))
        return difference(json_number_value(now), json_number_value(then));
    return json_null();
}

/* Of all members but texts, which are names and times. */
static json_t *deltas_json(const json_t *now, const json_t *then)
{
    json_auto_t *o = json_object();
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)then, name, value)
    {
        if (json_is_string(value))
            continue;
        if (json_object_set_new(o, name, delta_json(json_object_get(now, name), value)) != 0)
            return NULL;
    }
    return json_incref(o);
}

bool ts_change_put(json_t *at, const json_t *now, json_t *then)
{
    json_t *deltas = json_is_null(then) ? json_null() : deltas_json(now, then);
    /* both are taken, also where the first cannot be set */
    bool ok = json_object_set_new(at, "previous", then) == 0;
    return json_object_set_new(at, "deltas", deltas) == 0 && ok;
}

static const char *const key_members[] = {"model", "provider", "taskType"};

/* What a group is of, as one text; free() it. NULL without memory. */
static char *key_of(const json_t *group)
{
    json_auto_t *key = json_array();
    for (size_t i = 0; i < TS_ARRAY_LEN(key_members); i++) {
        json_t *name = json_object_get(group, key_members[i]);
        if (json_array_append_new(key, name != NULL ? json_incref(name) : json_null()) != 0)
            return NULL;
    }
    return json_dumps(key, JSON_COMPACT);
}

static void free_text(char **text)
{
    free(*text);
}

/* The figures of each group under its key. NULL without memory. */
static json_t *index_of(json_t *groups)
{
    json_auto_t *index = json_object();
    size_t i;
    json_t *group;
    json_array_foreach(groups, i, group)
    {
        TS_AUTO(free_text) char *key = key_of(group);
        if (key == NULL)
            return NULL;
        for (size_t k = 0; k < TS_ARRAY_LEN(key_members); k++)
            (void)json_object_del(group, key_members[k]);
        if (json_object_set(index, key, group) != 0)
            return NULL;
    }
    return json_incref(index);
}

bool ts_changes_put(json_t *list, struct ts_groups before, unsigned dimensions)
{
    json_auto_t *groups = ts_groups_json(before, dimensions, NULL);
    json_auto_t *index = groups != NULL ? index_of(groups) : NULL;
    if (index == NULL)
        return false;
    size_t i;
    json_t *group;
    json_array_foreach(list, i, group)
    {
        TS_AUTO(free_text) char *key = key_of(group);
        json_t *then = key != NULL ? json_object_get(index, key) : NULL;
        if (key == NULL ||
            !ts_change_put(group, group, then != NULL ? json_incref(then) : json_null()))
            return false;
    }
    return true;
}
