/*
 * Analysis by synthesis. A latent's own rounding error is not what it does to the picture: errors
 * of all latents around act on the same pixels, and rounding towards zero takes away more than it
 * seems. The analysis of the decoded picture shows what became of a latent in the end, so the
 * encoder decodes its picture, analyses it, and rounds again, closer to what was meant. All of it
 * runs in the integer networks, and the stream stays an ordinary one.
 */
#ifndef MICA_CODEC_ENC_FEEDBACK_H
#define MICA_CODEC_ENC_FEEDBACK_H

#include "mica/image.h"
#include "models/nets.h"

typedef struct MicaFeedback {
    const MicaImage *image;
    MicaImage decoded; /* rows of the picture */
    int16_t *found; /* y of the row of segments, as the analysis found it; NULL: that is y itself */
    int16_t *again; /* some rows of y of the decoded picture */
} MicaFeedback;

/* Room for the rows of segments of a grid, each of which gets so many rounds. The image is the
 * picture that is encoded. */
MicaStatus mica_feedback_create(MicaFeedback *feedback, const MicaRunner *runner,
                                const MicaGrid *grid, const MicaImage *image, int rounds,
                                MicaError *error);
void mica_feedback_free(MicaFeedback *feedback);

/* Before the first round of a row of segments: keep what the analysis found there. */
void mica_feedback_begin(MicaFeedback *feedback, const MicaLatents *latents, const MicaPlane *y);

/* Once the latents of the row are quantised from y: change y, to be quantised anew. The latents are
 * cleared. What lies above and below the row, as far as it is not decoded yet, counts as if it
 * were without errors. */
void mica_feedback_round(MicaFeedback *feedback, MicaLatents *latents, const MicaPlane *y);

#endif
