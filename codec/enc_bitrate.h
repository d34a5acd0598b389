/*
 * Bit rate of a video: which quality the next frame gets.
 *
 * The model of the receiver is a leaky bucket: a buffer of so many milliseconds of the bit rate,
 * filled at that rate and emptied by each frame; no frame may take more than it holds. The buffer
 * starts half full, and each frame aims at what brings it back there within some frames. The size
 * of a frame is predicted from the last one: its logarithm is taken as linear in the quality.
 * Integers only, so that all machines choose the same.
 */
#ifndef MICA_CODEC_ENC_BITRATE_H
#define MICA_CODEC_ENC_BITRATE_H

#include <stddef.h>
#include <stdint.h>

/* Key frames take many times the bits of predicted ones, so their sizes are known apart. */
typedef enum MicaBitrateKind { MICA_BITRATE_KEY, MICA_BITRATE_PREDICTED } MicaBitrateKind;
#define MICA_BITRATE_KINDS 2

typedef struct MicaBitrate {
    int64_t bits_per_frame, capacity, level; /* bits */
    int64_t target;                          /* of the frame at hand */
    int step;                                /* quality 0..MICA_MAX_QUALITY that was used last */
    int log_size[MICA_BITRATE_KINDS];        /* what a frame takes at that quality */
    int known[MICA_BITRATE_KINDS];           /* whether there was a frame of that kind */
    int slope;                               /* of log_size per step, 1/4096 */
    MicaBitrateKind kind;                    /* of the frame at hand */
    int tries;                               /* of the frame at hand */
} MicaBitrate;

/* At most 2^40 bits per second, a frame rate in 1/1000..1000, 1..60000 ms. */
void mica_bitrate_init(MicaBitrate *rate, uint64_t bits_per_second, const uint32_t frame_rate[2],
                       int buffer_ms);

/* Forget the frames so far, for another sequence at the same rate. */
void mica_bitrate_restart(MicaBitrate *rate);

/* Quality step of the next frame. With predicted frames between them, key frames keep the quality
 * of the frames before as far as the buffer allows. */
int mica_bitrate_begin(MicaBitrate *rate, MicaBitrateKind kind);

/* The frame took so many bytes at the step given last: 1 if it has to be coded again at *step, 0
 * if it is accepted. */
int mica_bitrate_end(MicaBitrate *rate, size_t bytes, int *step);

#endif
