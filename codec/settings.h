/* What encoder and decoder share: reading size-versioned settings, choosing threads, and timing. */
#ifndef MICA_CODEC_SETTINGS_H
#define MICA_CODEC_SETTINGS_H

#include "mica/codec.h"

/* Fill `*full` with defaults and the caller's leading `struct_size` bytes.
 * MICA_ERROR_INVALID_ARGUMENT. */
MicaStatus mica_encode_settings_read(const MicaEncodeSettings *given, MicaEncodeSettings *full,
                                     MicaError *error);
MicaStatus mica_decode_settings_read(const MicaDecodeSettings *given, MicaDecodeSettings *full,
                                     MicaError *error);

/* Copy what the caller's version of a settings struct holds over the defaults in `full`;
 * struct_size comes first in both. NULL keeps the defaults. MICA_ERROR_INVALID_ARGUMENT. */
MicaStatus mica_settings_overlay(void *full, size_t full_size, const void *given, MicaError *error);

/* MICA_ERROR_INVALID_ARGUMENT unless threads is a number that may be asked for. */
MicaStatus mica_check_threads(int threads, MicaError *error);

/* Threads to start for a request of `threads` (0: one per processor). */
int mica_threads_wanted(int threads);

/* Adds the time since *mark to *stage and moves the mark. */
void mica_lap(double *mark, double *stage);

#endif
