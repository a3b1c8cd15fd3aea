/* Stands in for NVIDIA's management library: two GPUs, of which one tells nonsense when asked to.
 */
#include <stdlib.h>
#include <string.h>

struct utilization {
    unsigned gpu;
    unsigned memory;
};

struct memory {
    unsigned long long total;
    unsigned long long free;
    unsigned long long used;
};

#define SHOWN __attribute__((visibility("default")))
SHOWN int nvmlInit_v2(void);
SHOWN int nvmlShutdown(void);
SHOWN int nvmlDeviceGetCount_v2(unsigned *count);
SHOWN int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device);
SHOWN int nvmlDeviceGetUtilizationRates(void *device, struct utilization *out);
SHOWN int nvmlDeviceGetMemoryInfo(void *device, struct memory *out);

static struct utilization rates[] = {{90, 10}, {30, 10}};
static const char *mode(void)
{
    const char *m = getenv("FAKE_GPU");
    return m != NULL ? m : "";
}

int nvmlInit_v2(void)
{
    return strcmp(mode(), "broken") == 0;
}

int nvmlShutdown(void)
{
    return 0;
}

int nvmlDeviceGetCount_v2(unsigned *count)
{
    *count = 2;
    return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device)
{
    *device = &rates[index];
    return 0;
}

int nvmlDeviceGetUtilizationRates(void *device, struct utilization *out)
{
    memcpy(out, device, sizeof(*out));
    if (strcmp(mode(), "nonsense") == 0 && out->gpu == 90)
        out->gpu = 4000;
    return 0;
}

int nvmlDeviceGetMemoryInfo(void *device, struct memory *out)
{
    (void)device;
    *out = (struct memory){.total = 8000000000ULL, .free = 5000000000ULL, .used = 3000000000ULL};
    return 0;
}
