/*
 * What the fuzz targets share. Each target is one file with LLVMFuzzerTestOneInput(): with
 * -DMICA_FUZZ=ON and clang it becomes a libFuzzer program, and always a replay program (replay.c)
 * that runs a corpus, which is one of the ordinary tests.
 */
#ifndef MICA_TESTS_FUZZ_H
#define MICA_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "mica/mica.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Abort with a message, which is what a fuzzer calls a finding, unless the condition holds. */
void fuzz_require(int condition, const char *what);

/*
 * Whether this input also gets the checks that cost many times more than the call they check: one
 * in `one_in` does, by its hash, so that an input always does the same. Replaying a corpus checks
 * everything (fuzz_check_all).
 */
int fuzz_sampled(const uint8_t *data, size_t size, uint32_t one_in);
extern int fuzz_check_all;

/* A heap block of exactly these bytes, so that the address sanitizer sees any read past the end. */
uint8_t *fuzz_copy(const uint8_t *data, size_t size);

/* The small models of the tests, one that takes a prediction and one with all parts that go with
 * pictures among them, and their files; they stay until the end. */
const uint8_t *fuzz_tiny_file(size_t *size);
const uint8_t *fuzz_predicted_file(size_t *size);
const uint8_t *fuzz_complete_file(size_t *size);
const MicaModel *fuzz_tiny(void);
const MicaModel *fuzz_predicted(void);
const MicaModel *fuzz_complete(void);

/*
 * Apply a script of edits (overwrite, add, insert, delete, cut off, ...; whatever the bytes are,
 * they mean something) to a base file. A fuzzer so works on a large valid file with small inputs.
 * Returns an exact-size heap block.
 */
uint8_t *fuzz_edit(const uint8_t *base, size_t base_size, const uint8_t *script, size_t script_size,
                   size_t *size);

/* Make the checksums of all sections of a stream right again. */
void fuzz_fix_stream(uint8_t *data, size_t size);

/* A picture whose samples come from a seed: flat, gradients, noise, edges; of 8 or 16 bits, and
 * perhaps with metadata. */
MicaImage fuzz_picture(int width, int height, int channels, int depth, uint32_t seed);

/* Equal in dimensions and samples. */
int fuzz_same_picture(const MicaImage *a, const MicaImage *b);

#endif
