/* Decoding y, one row of segments after the other: context, symbols, dequantisation. */
#ifndef MICA_CODEC_DEC_SEGMENTS_H
#define MICA_CODEC_DEC_SEGMENTS_H

#include "codec/chunks.h"
#include "codec/session.h"
#include "models/nets.h"

typedef struct MicaSegmentColumn MicaSegmentColumn;
typedef struct MicaSegmentWork MicaSegmentWork;

typedef struct MicaSegmentDecoder {
    const MicaSession *session;
    const MicaGrid *grid;
    const MicaChunk *chunk; /* grid->rows * grid->columns for each pass */
    int passes, skip;
    int tolerant; /* lost or damaged chunks are no error */
    int realism;  /* 0..100 */
    /* The symbols of z may be wrong. A segment whose chunk ends as it should has seen the right
     * ones; the latents of any other become 0, as what the prior makes of wrong ones is worse than
     * nothing. */
    int suspect;
    int first_column, columns, row;
    MicaLatents latents;
    MicaSegmentColumn *column; /* of the row */
    MicaSegmentWork *work;     /* of one thread each */
    double hyper_ms, context_ms, entropy_ms;
} MicaSegmentDecoder;

/* Bytes that a decoder of `columns` segments side by side allocates, besides its latents. */
size_t mica_segment_decoder_memory(const MicaGrid *grid, const MicaNetwork *network, int columns,
                                   int threads);

/* Set the members down to `columns` first; what they point to outlives the decoder. `runner` has
 * room for mica_latents_limit() of the columns. */
MicaStatus mica_segment_decoder_create(MicaSegmentDecoder *d, const MicaRunner *runner, int quality,
                                       MicaError *error);
void mica_segment_decoder_free(MicaSegmentDecoder *d);

/* Decode a row of segments, after the one above it, into d->latents. Symbols of lost chunks, and of
 * the later steps of their segments, are 0. */
MicaStatus mica_segment_decoder_row(MicaSegmentDecoder *d, int row, const MicaPlane *z,
                                    MicaError *error);

/* After a row: whether something of the segment in this column of the window is missing. */
int mica_segment_decoder_damaged(const MicaSegmentDecoder *d, int column);

#endif
