/*
 * What handlers work with: the parts of the house, wired by server/ at start and const afterwards.
 */
#ifndef TS_HANDLERS_SERVICES_H
#define TS_HANDLERS_SERVICES_H

#include <stdatomic.h>

#include "analytics/insights.h"
#include "analytics/site.h"
#include "base/id.h"
#include "db/store.h"
#include "handlers/hardware.h"
#include "handlers/live.h"
#include "handlers/meters.h"
#include "handlers/preview_ticket.h"
#include "proxy/discovery.h"
#include "proxy/registry.h"

struct ts_classifier;
struct ts_idempotency;
struct ts_running;

/* What text of a call is stored; as the setting has it. */
enum ts_capture { TS_CAPTURE_NONE, TS_CAPTURE_PROMPTS, TS_CAPTURE_FULL };

struct ts_services {
    struct ts_store *store;
    struct ts_running *running; /* ts_running_new() */
    struct ts_idempotency *idempotency;
    struct ts_meters *meters;
    struct ts_live *live;
    struct ts_hardware *hardware; /* NULL: nobody looks */
    struct ts_registry *registry;
    struct ts_discovery *discovery;
    struct ts_id_source *ids;
    const struct ts_classifier *classifier;
    struct ts_route_policy policy;
    struct ts_insight_limits insight_limits;
    struct ts_site_limits site_limits;
    uint64_t id_tag;
    uint8_t preview_key[TS_PREVIEW_KEY_BYTES]; /* of this process */
    const char *version;                       /* "0.1.0" */
    const char *listen_url;                    /* "http://127.0.0.1:8420", for the set-up guide */
    const char *base_path;                     /* "" or "/ai" */
    bool tracking;
    enum ts_capture capture;
    bool demo; /* every page says that its figures are simulated */
    int max_in_flight;
    _Atomic int *in_flight; /* generations now */
    _Atomic bool *draining;
    int64_t started_ms;
};

#endif
