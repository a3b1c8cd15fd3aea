/*
 * The machine: what figures about speed depend on. Read from /proc and /sys; what is not told there
 * stays unknown.
 */
#ifndef TS_BASE_HOST_H
#define TS_BASE_HOST_H

#include <stdint.h>

struct ts_host {
    char cpu[128];        /* "AMD EPYC 7763 64-Core Processor"; "" unknown, like the other texts */
    int cores;            /* logical ones; 0: unknown */
    int64_t memory_bytes; /* 0: unknown */
    char gpus[256];       /* "2 x NVIDIA GeForce RTX 4090" */
    char system[96];      /* "Linux 6.1.0-18-amd64" */
};

/* @root: "" for this machine; a folder that has proc/ and sys/, for tests. Thread: any; reads a few
 * small files. */
void ts_host_read(const char *root, struct ts_host *out);

#endif
