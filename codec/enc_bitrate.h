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

typedef struct MicaBitrate {
    int64_t bits_per_frame, capacity, level; /* bits */
    int64_t target;                          /* of the frame at hand */
    int step;                                /* quality 0..MICA_MAX_QUALITY that was used last */
    int log_size;                            /* of the frame at that quality */
    int slope;                               /* of log_size per step, 1/4096 */
    int started;
    int tries; /* of the frame at hand */
} MicaBitrate;

/* At most 2^40 bits per second, a frame rate in 1/1000..1000, 1..60000 ms. */
void mica_bitrate_init(MicaBitrate *rate, uint64_t bits_per_second, const uint32_t frame_rate[2],
                       int buffer_ms);

/* Quality step of the next frame. */
int mica_bitrate_begin(MicaBitrate *rate);

/* The frame took so many bytes at the step given last: 1 if it has to be coded again at *step, 0
 * if it is accepted. */
int mica_bitrate_end(MicaBitrate *rate, size_t bytes, int *step);

#endif
