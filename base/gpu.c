/* NVIDIA's management library: its few functions that are needed, by their documented names. */
#include <dlfcn.h>
#include <stdlib.h>

#include "base/hardware.h"

struct utilization {
    unsigned gpu; /* percent */
    unsigned memory;
};

struct memory {
    unsigned long long total; /* bytes */
    unsigned long long free;
    unsigned long long used;
};

/* Each returns 0 when all is well. */
struct functions {
    int (*init)(void);
    int (*shutdown)(void);
    int (*count)(unsigned *count);
    int (*handle)(unsigned index, void **device);
    int (*utilization)(void *device, struct utilization *out);
    int (*memory)(void *device, struct memory *out);
};

struct ts_gpus {
    void *library;
    struct functions fn;
};

/* A function's address is no object's; POSIX lets it travel as one. */
static bool find(void *library, const char *name, void *fn)
{
    *(void **)fn = dlsym(library, name);
    return *(void **)fn != NULL;
}

static bool find_all(void *library, struct functions *fn)
{
    return find(library, "nvmlInit_v2", &fn->init) &&
           find(library, "nvmlShutdown", &fn->shutdown) &&
           find(library, "nvmlDeviceGetCount_v2", &fn->count) &&
           find(library, "nvmlDeviceGetHandleByIndex_v2", &fn->handle) &&
           find(library, "nvmlDeviceGetUtilizationRates", &fn->utilization) &&
           find(library, "nvmlDeviceGetMemoryInfo", &fn->memory);
}

struct ts_gpus *ts_gpus_open(const char *library)
{
    struct functions fn;
    void *lib = dlopen(library != NULL ? library : "libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    if (lib == NULL)
        return NULL;
    struct ts_gpus *g = find_all(lib, &fn) && fn.init() == 0 ? calloc(1, sizeof(*g)) : NULL;
    if (g == NULL) {
        (void)dlclose(lib);
        return NULL;
    }
    *g = (struct ts_gpus){.library = lib, .fn = fn};
    return g;
}

void ts_gpus_close(struct ts_gpus *g)
{
    if (g == NULL)
        return;
    (void)g->fn.shutdown();
    (void)dlclose(g->library);
    free(g);
}

static bool add_device(const struct ts_gpus *g, unsigned index, struct ts_gpu_use *sum)
{
    void *device = NULL;
    struct utilization u;
    struct memory m;
    if (g->fn.handle(index, &device) != 0 || g->fn.utilization(device, &u) != 0 ||
        g->fn.memory(device, &m) != 0 || u.gpu > 100 || m.total > INT64_MAX || m.used > m.total)
        return false;
    sum->count++;
    sum->percent += u.gpu;
    sum->memory_bytes += (int64_t)m.used;
    sum->memory_total_bytes += (int64_t)m.total;
    return true;
}

struct ts_gpu_use ts_gpus_read(struct ts_gpus *g)
{
    const struct ts_gpu_use unknown = {0, -1, -1, -1};
    struct ts_gpu_use sum = {0};
    unsigned count = 0;
    if (g == NULL || g->fn.count(&count) != 0)
        return unknown;
    for (unsigned i = 0; i < count && i < 64; i++)
        (void)add_device(g, i, &sum);
    if (sum.count == 0)
        return unknown;
    sum.percent /= sum.count;
    return sum;
}
