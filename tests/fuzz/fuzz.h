/*
 * Fuzz targets: one per eater of outside bytes. Each is built twice: into a runner that plays
 * tests/fuzz/corpus/NAME as a test, always; and, with -Dfuzz=true and clang, into a libFuzzer
 * program that looks for more. What it finds joins the corpus.
 *
 * A target checks properties, not only that nothing falls: CHECK() aborts.
 */
#ifndef TS_TESTS_FUZZ_FUZZ_H
#define TS_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(claim)                                                                               \
    do {                                                                                           \
        if (!(claim)) {                                                                            \
            (void)fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #claim);       \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
