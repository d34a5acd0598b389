/*
 * y and z of the picture that is being encoded, as far as they are needed: a window of rows of y
 * that moves down the picture, and all of z, which is small.
 */
#ifndef MICA_CODEC_ENC_WINDOW_H
#define MICA_CODEC_ENC_WINDOW_H

#include "models/hyper_context.h"
#include "models/nets.h"

typedef struct MicaEncoderWindow {
    const MicaRunner *runner;
    const MicaImage *image;
    int quality;
    int rows;    /* of y, that there is room for */
    MicaPlane y; /* before its gain; rows y.rect.y0..y1-1 are there */
    MicaPlane z; /* as a decoder has it; rows 0..z_rows-1 are there */
    int z_rows;
    MicaHyperContext hyper_context;
    double analysis_ms, hyper_ms;
} MicaEncoderWindow;

/* Rows of y that a window needs to code `rows` rows at a time. */
int mica_encoder_window_rows(int rows);

/* Rows at 1/16 that the runner must have room for. */
#define MICA_ENCODER_RUNNER_ROWS 38

/* A window of `rows` rows of y. A search that changes latents all over the picture asks for all
 * rows at once (the height of the plane): after one advance to the end, y and z are whole and may
 * be changed before they are coded. */
MicaStatus mica_encoder_window_create(MicaEncoderWindow *window, const MicaRunner *runner,
                                      const MicaImage *image, int quality, int rows,
                                      MicaError *error);
void mica_encoder_window_free(MicaEncoderWindow *window);

/* Have rows first..last-1 of y and the rows of z that their prior depends on. Rows before `first`
 * are dropped where there is no room for them. */
void mica_encoder_window_advance(MicaEncoderWindow *window, int first, int last);

#endif
