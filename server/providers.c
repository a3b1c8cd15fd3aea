#include "server/providers.h"

#include <string.h>

enum {
    CONNECT_LOCAL_MS = 2000,
    CONNECT_CLOUD_MS = 5000,
    FIRST_TOKEN_LOCAL_MS = 600000,
    FIRST_TOKEN_CLOUD_MS = 120000,
};

/* The settings of a kind. A local kind has a switch, a cloud one a key. */
struct kind_settings {
    enum ts_setting_id base_url;
    enum ts_setting_id enabled_or_key;
};

static const struct kind_settings kind_settings[] = {
    [TS_KIND_OLLAMA] = {TS_SETTING_OLLAMA_BASE_URL, TS_SETTING_OLLAMA_ENABLED},
    [TS_KIND_VLLM] = {TS_SETTING_VLLM_BASE_URL, TS_SETTING_VLLM_ENABLED},
    [TS_KIND_LMSTUDIO] = {TS_SETTING_LMSTUDIO_BASE_URL, TS_SETTING_LMSTUDIO_ENABLED},
    [TS_KIND_LLAMACPP] = {TS_SETTING_LLAMACPP_BASE_URL, TS_SETTING_LLAMACPP_ENABLED},
    [TS_KIND_OPENAI] = {TS_SETTING_OPENAI_BASE_URL, TS_SETTING_OPENAI_API_KEY},
    [TS_KIND_ANTHROPIC] = {TS_SETTING_ANTHROPIC_BASE_URL, TS_SETTING_ANTHROPIC_API_KEY},
};

static int64_t first_known(int64_t a, int64_t b, int64_t c)
{
    return a != TS_UNKNOWN ? a : b != TS_UNKNOWN ? b : c;
}

/* A provider of a kind with what the settings say for all. */
static struct ts_provider of_kind(const struct ts_config *c, const struct ts_kind *kind)
{
    int64_t connect = ts_config_number(c, TS_SETTING_TIMEOUT_CONNECT_MS);
    int64_t first = ts_config_number(c, TS_SETTING_TIMEOUT_FIRST_TOKEN_MS);
    return (struct ts_provider){
        .kind = kind,
        .name = kind->name,
        .base_url = kind->default_base_url,
        .connect_timeout_ms = connect != TS_UNKNOWN ? connect
                              : kind->local         ? CONNECT_LOCAL_MS
                                                    : CONNECT_CLOUD_MS,
        .first_token_timeout_ms = first != TS_UNKNOWN ? first
                                  : kind->local       ? FIRST_TOKEN_LOCAL_MS
                                                      : FIRST_TOKEN_CLOUD_MS,
        .gap_timeout_ms = ts_config_number(c, TS_SETTING_TIMEOUT_GAP_MS),
        .total_timeout_ms = ts_config_number(c, TS_SETTING_TIMEOUT_TOTAL_MS),
        .price = TS_PRICE_UNKNOWN,
        .price_per_hour_usd = -1,
        .weight = 1,
    };
}

static enum ts_err add(struct ts_registry *r,
                       const struct ts_provider *p,
                       const char *where,
                       struct ts_error *err)
{
    struct ts_error why = TS_ERROR_INIT;
    enum ts_err e = ts_registry_add(r, p, &why);
    return e == TS_OK ? e : ts_fail(err, e, "%.100s: %.200s", where, why.text);
}

static enum ts_err add_named(struct ts_registry *r,
                             const struct ts_config *c,
                             const struct ts_provider_config *pc,
                             struct ts_error *err)
{
    struct ts_provider p = of_kind(c, ts_kind(pc->kind));
    p.name = pc->name;
    p.configured = true;
    p.base_url = pc->base_url != NULL ? pc->base_url : p.base_url;
    p.api_key = pc->api_key;
    p.connect_timeout_ms = first_known(pc->connect_timeout_ms, p.connect_timeout_ms, 0);
    p.first_token_timeout_ms = first_known(pc->first_token_timeout_ms, p.first_token_timeout_ms, 0);
    p.gap_timeout_ms = first_known(pc->gap_timeout_ms, p.gap_timeout_ms, 0);
    p.total_timeout_ms = first_known(pc->total_timeout_ms, p.total_timeout_ms, 0);
    p.max_concurrency = (int)pc->max_concurrency;
    p.weight = pc->weight;
    p.price = pc->price;
    p.price_per_hour_usd = pc->price_per_hour;
    return add(r, &p, pc->where, err);
}

static bool is_named(const struct ts_config *c, enum ts_kind_id id)
{
    const struct ts_value *enabled = &c->values[kind_settings[id].enabled_or_key];
    bool has_url = *ts_config_text(c, kind_settings[id].base_url) != '\0';
    return enabled->automatic ? has_url : enabled->on;
}

static bool is_switched_off(const struct ts_config *c, enum ts_kind_id id)
{
    const struct ts_value *enabled = &c->values[kind_settings[id].enabled_or_key];
    return !enabled->automatic && !enabled->on;
}

static bool any_local_named(const struct ts_config *c)
{
    for (int i = 0; i < c->provider_count; i++) {
        if (ts_kind(c->providers[i].kind)->local)
            return true;
    }
    for (int i = 0; i < TS_KIND_COUNT_; i++) {
        if (ts_kind((enum ts_kind_id)i)->local && is_named(c, (enum ts_kind_id)i))
            return true;
    }
    return false;
}

static enum ts_err add_kind(struct ts_registry *r,
                            const struct ts_config *c,
                            enum ts_kind_id id,
                            bool look_around,
                            struct ts_error *err)
{
    const struct ts_kind *kind = ts_kind(id);
    struct ts_provider p = of_kind(c, kind);
    const char *url = ts_config_text(c, kind_settings[id].base_url);
    const char *key = kind->local ? "" : ts_config_text(c, kind_settings[id].enabled_or_key);
    p.configured = kind->local ? is_named(c, id) : *key != '\0';
    bool wanted = p.configured || (kind->local && look_around && !is_switched_off(c, id));
    if (!wanted)
        return TS_OK;
    p.base_url = *url != '\0' ? url : p.base_url;
    p.api_key = *key != '\0' ? key : NULL;
    return add(r, &p, c->values[kind_settings[id].base_url].where, err);
}

static enum ts_err add_prices(struct ts_registry *r,
                              const struct ts_config *c,
                              struct ts_error *err)
{
    for (int i = 0; i < c->price_count; i++) {
        const struct ts_price_config *p = &c->prices[i];
        struct ts_error why = TS_ERROR_INIT;
        enum ts_err e = ts_price_is_known(&p->price)
                            ? ts_registry_add_price(r, p->model, p->provider, &p->price, &why)
                            : ts_fail(&why, TS_ERR_CONFIG, "a price needs both in and out");
        if (e != TS_OK)
            return ts_fail(err, e, "%.100s: [price.%.60s]: %.200s", p->where, p->section, why.text);
    }
    return TS_OK;
}

enum ts_err ts_providers_add(struct ts_registry *r, const struct ts_config *c, struct ts_error *err)
{
    bool look_around = ts_config_on(c, TS_SETTING_DISCOVERY) && !any_local_named(c);
    for (int i = 0; i < c->provider_count; i++) {
        enum ts_err e = add_named(r, c, &c->providers[i], err);
        if (e != TS_OK)
            return e;
    }
    for (int i = 0; i < TS_KIND_COUNT_; i++) {
        enum ts_err e = add_kind(r, c, (enum ts_kind_id)i, look_around, err);
        if (e != TS_OK)
            return e;
    }
    return add_prices(r, c, err);
}
