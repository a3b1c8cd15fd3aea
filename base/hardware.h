/*
 * How busy the machine is, and a process on it with all that it has started: from /proc, and from
 * the GPU vendor's library where one is installed.
 *
 * Unknown is negative. Reading takes milliseconds and may wait for a driver: never on a loop.
 * Thread: one at a time per structure.
 */
#ifndef TS_BASE_HARDWARE_H
#define TS_BASE_HARDWARE_H

#include <stdbool.h>
#include <stdint.h>

struct ts_machine {
    double cpu_percent; /* of all processors together, 0 to 100 */
    int64_t memory_bytes;
    int64_t memory_total_bytes;
};

struct ts_process_use {
    double cpu_percent; /* 100 is one processor */
    int64_t memory_bytes;
};

struct ts_gpu_use {
    int count;
    double percent; /* mean */
    int64_t memory_bytes;
    int64_t memory_total_bytes;
};

/* Counters of processor time at one moment; two of them make a share. */
struct ts_cpu_mark {
    int64_t at_us;
    int64_t busy; /* ticks; -1: unknown */
    int64_t all;
};

struct ts_cpu_mark ts_machine_mark(void);
struct ts_machine ts_machine_since(const struct ts_cpu_mark *before);

/* The process that listens on a port of this machine; -1: none, or not ours to see. */
int ts_process_of_port(int port);

/* Of a process and its descendants. */
struct ts_cpu_mark ts_process_mark(int pid);
struct ts_process_use ts_process_since(int pid, const struct ts_cpu_mark *before);

/* NVIDIA's management library, found at run time. */
struct ts_gpus;

/* @library: NULL for the usual one. Return: NULL where there is none that works. */
struct ts_gpus *ts_gpus_open(const char *library);
void ts_gpus_close(struct ts_gpus *g);
struct ts_gpu_use ts_gpus_read(struct ts_gpus *g);

#endif
