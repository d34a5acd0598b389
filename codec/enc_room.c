#include "codec/enc_room.h"

#include "codec/enc_motion_rates.h"
#include "models/gains.h"

#define MOST 15
#define WIDEST 255

/* Where fewer than one of so many samples are clamped, all is as it was without room. */
#define RARE 4096

/* The squared error of a sample at a quality whose bits are worth L to the motion search is about
 * ERROR L: 2.5 lambda^-1/2, as clips of little noise have it. */
#define ERROR (2.5 / MICA_LAMBDA_SCALE)

/* Without contrast, the networks would need the bits that so much of the error is worth. Measured
 * with clips that need no room: 2.3 to 3.1 % of the bits, or 0.1 dB, at 0.85 of the contrast. */
#define CONTRAST 0.16

/* 2 ln(span / 255) / ln(600) of MICA_MAX_QUALITY, for every MICA_ROOM_UNIT of room: the Lagrangian
 * of the quality follows the square of the contrast (docs/training.md). */
static const int16_t steps[2 * MOST + 1] = {0,   10,  19,  28,  37,  46,  54,  63,  71,  78,  86,
                                            93,  101, 108, 115, 122, 128, 135, 141, 147, 153, 160,
                                            165, 171, 177, 182, 188, 193, 199, 204, 209};

int mica_room_raise(int step, uint8_t room)
{
    step += steps[(room & 15) + (room >> 4)];
    return step < MICA_MAX_QUALITY ? step : MICA_MAX_QUALITY;
}

static size_t count_clamped(const MicaImage *image)
{
    size_t count = 0;
    for (int y = 0; y < image->height; y++) {
        const uint8_t *row = image->data + y * image->stride;
        int clamped = 0;
        for (int i = 0; i < 3 * image->width; i++)
            clamped += row[i] == 0 || row[i] == 255;
        count += (size_t)clamped;
    }
    return count;
}

/* Squared errors that stay with 0..MOST units of foot, and of head. */
typedef struct Excess {
    double foot[MOST + 1], head[MOST + 1];
} Excess;

/* From a picture with the widest room. */
static void add_up(const MicaImage *image, Excess *excess)
{
    size_t histogram[256] = {0};
    for (int y = 0; y < image->height; y++)
        for (int i = 0; i < 3 * image->width; i++)
            histogram[image->data[y * image->stride + i]]++;
    const int foot = mica_room_foot(WIDEST), span = foot + 255 + mica_room_head(WIDEST);
    for (int n = 0; n <= MOST; n++) {
        excess->foot[n] = excess->head[n] = 0;
        for (int v = 0; v < 256; v++) {
            const double value = v * (double)span / 255 - foot;
            const double below = -MICA_ROOM_UNIT * n - value;
            const double above = value - 255 - MICA_ROOM_UNIT * n;
            if (below > 0)
                excess->foot[n] += (double)histogram[v] * below * below;
            if (above > 0)
                excess->head[n] += (double)histogram[v] * above * above;
        }
    }
}

/* Every error is one of a sample of the source. */
static uint8_t best_room(const Excess *excess, double samples, double error)
{
    uint8_t best = 0;
    double least = 0;
    for (int head = 0; head <= MOST; head++)
        for (int foot = 0; foot <= MOST; foot++) {
            const double lost = 1 - 255.0 / (255 + MICA_ROOM_UNIT * (head + foot));
            const double cost =
                (excess->foot[foot] + excess->head[head]) / samples + CONTRAST * error * lost;
            if (head + foot == 0 || cost < least) {
                least = cost;
                best = (uint8_t)(head << 4 | foot);
            }
        }
    return best;
}

uint8_t mica_room_choose(MicaYuv *yuv, MicaPool *pool, uint8_t *const data[MICA_PLANES],
                         const ptrdiff_t stride[MICA_PLANES], const MicaImage *image, int step)
{
    const size_t samples = 3 * (size_t)image->width * (size_t)image->height;
    mica_yuv_set_room(yuv, 0);
    mica_yuv_to_image(yuv, pool, data, stride, image);
    if (yuv->planes == 1 || count_clamped(image) < samples / RARE)
        return 0;
    mica_yuv_set_room(yuv, WIDEST);
    mica_yuv_to_image(yuv, pool, data, stride, image);
    Excess excess;
    add_up(image, &excess);
    const uint8_t room = best_room(&excess, (double)samples, ERROR * mica_motion_lambda(step));
    mica_yuv_set_room(yuv, room);
    mica_yuv_to_image(yuv, pool, data, stride, image);
    return room;
}
