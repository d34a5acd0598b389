/* Coding y, one row of segments after the other: context, quantisation, symbols, bytes. */
#ifndef MICA_CODEC_ENC_SEGMENTS_H
#define MICA_CODEC_ENC_SEGMENTS_H

#include "codec/enc_feedback.h"
#include "codec/enc_search.h"
#include "codec/session.h"
#include "models/nets.h"

typedef struct MicaSegmentSymbols MicaSegmentSymbols;

typedef struct MicaSegmentEncoder {
    const MicaSession *session;
    const MicaGrid *grid;
    const MicaRounding *rounding;
    MicaRounding plain; /* of what a search has chosen */
    int passes;
    MicaLatents latents;
    size_t capacity;             /* symbols of one segment and step */
    MicaSegmentSymbols *segment; /* of the row */
    uint32_t *element;           /* work space of one thread each */
    MicaWriter *chunk;           /* grid->rows * grid->columns for each pass */
    MicaSearchPlan search;       /* zeroed: none; set after creation, as what follows */
    MicaFeedback *feedback;      /* NULL: none */
    double search_ms, hyper_ms, context_ms, entropy_ms;
} MicaSegmentEncoder;

/* What the pointers point to outlives the encoder; `runner` has room for mica_latents_limit(). */
MicaStatus mica_segment_encoder_create(MicaSegmentEncoder *e, const MicaSession *session,
                                       const MicaRunner *runner, const MicaGrid *grid,
                                       const MicaRounding *rounding, int quality, int passes,
                                       MicaError *error);
void mica_segment_encoder_free(MicaSegmentEncoder *e);

/* Code one row of segments, after the one above it, from y and the symbols of z. A search
 * and feedback change y there, and in a picture of one segment z. */
MicaStatus mica_segment_encoder_row(MicaSegmentEncoder *e, int row, const MicaPlane *y,
                                    const MicaPlane *z, MicaError *error);

#endif
