/*
 * What decoding a picture, or a part of it, takes: the part, the segments that it needs, and the
 * memory. All of it follows from the header, before anything is allocated.
 */
#ifndef MICA_CODEC_DEC_PLAN_H
#define MICA_CODEC_DEC_PLAN_H

#include "codec/stream.h"
#include "models/nets.h"

typedef struct MicaDecodePlan {
    MicaGeometry geometry;
    MicaGrid grid;
    MicaRegion region;             /* of the picture, in its pixels after scaling */
    MicaRect cells;                /* cells of 8x8 pixels that the region touches */
    int first_column, last_column; /* segments first..last-1 that the cells depend on */
    int first_row, last_row;
    MicaWindowLimit limit;
    int log2_scale; /* 0..3 */
    int depth;      /* bits per sample of the result */
    size_t memory;  /* bytes that decoding allocates, but for the session and small change */
} MicaDecodePlan;

/* MICA_ERROR_INVALID_ARGUMENT if the region is not in the picture. */
MicaStatus mica_decode_plan(MicaDecodePlan *plan, const MicaStreamHeader *header,
                            const MicaDecodeSettings *settings, const MicaNetwork *network,
                            int threads, MicaError *error);

#endif
