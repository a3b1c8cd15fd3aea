/*
 * Samples of the hardware: given to the store and forgotten. Never waited for, kept for 30 days,
 * and dropped where the database takes no writes or too many wait already.
 *
 * Thread: any.
 */
#ifndef TS_DB_SAMPLE_H
#define TS_DB_SAMPLE_H

#include <stdint.h>

#include "base/limits.h"

struct ts_store;

/* What a machine and a server on it did; unknown is negative. */
struct ts_store_sample {
    int64_t at_ms;
    char provider[TS_MAX_NAME + 1];
    double cpu_percent;
    int64_t memory_bytes;
    double host_cpu_percent;
    int64_t host_memory_bytes;
    int64_t host_memory_total_bytes;
    double gpu_percent;
    int64_t gpu_memory_bytes;
    int64_t gpu_memory_total_bytes;
};
void ts_store_sample(struct ts_store *s, const struct ts_store_sample *sample);

/* Writes those that wait. Thread: the writer's. */
void ts_samples_write(struct ts_store *s);

#endif
