#include "codec/enc_bitrate.h"

#include <string.h>

#include "models/gains.h"

/* Frames within which the buffer is to be half full again. */
#define HORIZON 8
#define MAX_TRIES 4

/* Measured on photographs, about twice the bits for 17 of 100 steps of quality. */
#define FIRST_SLOPE (256 * 4096 / (17 * MICA_MAX_QUALITY / 100))

/* 256 log2(n), the mantissa linear in between: monotone, which is all that a search needs. */
static int log_of(int64_t n)
{
    int bits = 0;
    if (n < 1)
        n = 1;
    while (n >> (bits + 1))
        bits++;
    return bits * 256 + (int)(((n - ((int64_t)1 << bits)) * 256) >> bits);
}

static int64_t limit(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

void mica_bitrate_init(MicaBitrate *rate, uint64_t bits_per_second, const uint32_t frame_rate[2],
                       int buffer_ms)
{
    memset(rate, 0, sizeof *rate);
    rate->bits_per_frame = (int64_t)(bits_per_second * frame_rate[1] / frame_rate[0]);
    rate->capacity = (int64_t)(bits_per_second * (uint64_t)buffer_ms / 1000);
    if (rate->capacity < 2 * rate->bits_per_frame) /* a frame must fit */
        rate->capacity = 2 * rate->bits_per_frame;
    mica_bitrate_restart(rate);
}

void mica_bitrate_restart(MicaBitrate *rate)
{
    *rate = (MicaBitrate){.bits_per_frame = rate->bits_per_frame,
                          .capacity = rate->capacity,
                          .level = rate->capacity / 2,
                          .step = MICA_MAX_QUALITY / 2,
                          .slope = FIRST_SLOPE};
}

/* Quality at which a frame of the kind at hand takes so many bits. */
static int step_for(const MicaBitrate *rate, int64_t bits)
{
    const int64_t change =
        ((int64_t)log_of(bits) - rate->log_size[rate->kind]) * 4096 / rate->slope;
    return (int)limit(rate->step + change, 0, MICA_MAX_QUALITY);
}

/* Another quality: the sizes of all kinds are thought of at the same one. */
static void move_step(MicaBitrate *rate, int step)
{
    for (int i = 0; i < MICA_BITRATE_KINDS; i++)
        rate->log_size[i] += (step - rate->step) * rate->slope / 4096;
    rate->step = step;
}

int mica_bitrate_begin(MicaBitrate *rate, MicaBitrateKind kind)
{
    rate->tries = 0;
    rate->kind = kind;
    rate->target = limit(rate->bits_per_frame + (rate->level - rate->capacity / 2) / HORIZON,
                         rate->bits_per_frame / 4, rate->level * 7 / 8);
    if (kind == MICA_BITRATE_KEY && rate->known[MICA_BITRATE_PREDICTED])
        rate->target = limit(rate->level * 7 / 8, rate->bits_per_frame / 4, INT64_MAX);
    if (!rate->known[kind])
        return rate->step;
    const int wanted = step_for(rate, rate->target);
    const int best =
        kind == MICA_BITRATE_KEY && rate->known[MICA_BITRATE_PREDICTED] && wanted > rate->step
            ? rate->step
            : wanted;
    move_step(rate, best);
    return rate->step;
}

int mica_bitrate_end(MicaBitrate *rate, size_t bytes, int *step)
{
    const int64_t bits = (int64_t)bytes * 8;
    const int log_size = log_of(bits), before = *step, kind = rate->kind;
    /* Two sizes of one picture tell the slope. */
    if (rate->tries > 0 && before != rate->step) {
        const int64_t slope =
            (int64_t)(log_size - rate->log_size[kind]) * 4096 / (before - rate->step);
        rate->slope = (int)limit(slope, FIRST_SLOPE / 3, FIRST_SLOPE * 3);
    }
    move_step(rate, before);
    rate->log_size[kind] = log_size;
    rate->tries++;
    /* The first guess was blind; later ones are corrected only where the buffer would run dry. */
    const int off =
        !rate->known[kind] && (bits > rate->target * 5 / 4 || bits < rate->target * 3 / 4);
    if ((off || bits > rate->level) && rate->tries < MAX_TRIES) {
        const int next = step_for(rate, rate->target);
        if (next != before) {
            *step = next;
            return 1;
        }
    }
    rate->known[kind] = 1;
    rate->level = limit(rate->level - bits + rate->bits_per_frame, 0, rate->capacity);
    return 0;
}
