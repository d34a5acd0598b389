#include "codec/enc_scenecut.h"

#include <stdlib.h>
#include <string.h>

#include "codec/base/mem.h"

#define SCALE 8
#define BLOCK 8
#define RANGE 5 /* 40 pixels of the frame */

/* Below this mean difference of small pictures nothing has changed. */
#define LEAST_CHANGE 4

MicaStatus mica_scene_cut_create(MicaSceneCut *scene, int width, int height)
{
    memset(scene, 0, sizeof *scene);
    scene->width = (width + SCALE - 1) / SCALE;
    scene->height = (height + SCALE - 1) / SCALE;
    for (int i = 0; i < 2; i++) {
        scene->small[i] = mica_alloc((size_t)scene->width, (size_t)scene->height);
        if (!scene->small[i]) {
            mica_scene_cut_free(scene);
            return MICA_ERROR_OUT_OF_MEMORY;
        }
    }
    return MICA_OK;
}

void mica_scene_cut_free(MicaSceneCut *scene)
{
    for (int i = 0; i < 2; i++)
        mica_free(scene->small[i]);
    memset(scene, 0, sizeof *scene);
}

/* Mean of the green, or gray, samples of 8x8 pixels; the last ones may be fewer. */
static void shrink(const MicaSceneCut *s, const MicaImage *image, uint8_t *small)
{
    const int step = image->channels, green = step < 3 ? 0 : 1;
    for (int y = 0; y < s->height; y++)
        for (int x = 0; x < s->width; x++) {
            unsigned sum = 0, count = 0;
            for (int i = y * SCALE; i < (y + 1) * SCALE && i < image->height; i++)
                for (int k = x * SCALE; k < (x + 1) * SCALE && k < image->width; k++, count++)
                    sum += image->data[i * image->stride + k * step + green];
            small[y * s->width + x] = (uint8_t)((sum + count / 2) / count);
        }
}

typedef struct Block {
    int x, y, width, height;
} Block;

static unsigned deviation(const MicaSceneCut *s, const uint8_t *now, Block b)
{
    int sum = 0, count = b.width * b.height;
    for (int y = b.y; y < b.y + b.height; y++)
        for (int x = b.x; x < b.x + b.width; x++)
            sum += now[y * s->width + x];
    const int mean = (sum + count / 2) / count;
    unsigned total = 0;
    for (int y = b.y; y < b.y + b.height; y++)
        for (int x = b.x; x < b.x + b.width; x++)
            total += (unsigned)abs(now[y * s->width + x] - mean);
    return total;
}

static unsigned difference(const MicaSceneCut *s, const MicaMotionKernels *kernels,
                           const uint8_t *now, const uint8_t *before, Block b)
{
    if (b.width == BLOCK && b.height == BLOCK)
        return kernels->sad[MICA_BLOCK_8](now, s->width, before, s->width);
    unsigned total = 0;
    for (int y = 0; y < b.height; y++, now += s->width, before += s->width)
        for (int x = 0; x < b.width; x++)
            total += (unsigned)abs(now[x] - before[x]);
    return total;
}

static unsigned best_difference(const MicaSceneCut *s, const MicaMotionKernels *kernels,
                                const uint8_t *now, const uint8_t *before, Block b)
{
    now += b.y * s->width + b.x;
    unsigned best = UINT32_MAX;
    for (int dy = -RANGE; dy <= RANGE; dy++)
        for (int dx = -RANGE; dx <= RANGE; dx++) {
            if (b.x + dx < 0 || b.y + dy < 0 || b.x + dx + b.width > s->width ||
                b.y + dy + b.height > s->height)
                continue;
            const unsigned total =
                difference(s, kernels, now, before + (b.y + dy) * s->width + b.x + dx, b);
            best = total < best ? total : best;
        }
    return best;
}

int mica_scene_cut_next(MicaSceneCut *s, const MicaMotionKernels *kernels, const MicaImage *image)
{
    uint8_t *before = s->small[0], *now = s->small[1];
    shrink(s, image, now);
    s->small[0] = now;
    s->small[1] = before;
    if (!s->started) {
        s->started = 1;
        return 0;
    }
    uint64_t inter = 0, intra = 0;
    for (int y = 0; y < s->height; y += BLOCK)
        for (int x = 0; x < s->width; x += BLOCK) {
            const Block b = {x, y, x + BLOCK > s->width ? s->width - x : BLOCK,
                             y + BLOCK > s->height ? s->height - y : BLOCK};
            inter += best_difference(s, kernels, now, before, b);
            intra += deviation(s, now, b);
        }
    const uint64_t count = (uint64_t)s->width * (uint64_t)s->height;
    return inter > LEAST_CHANGE * count && inter * 5 > intra * 4;
}

void mica_scene_cut_restart(MicaSceneCut *scene)
{
    scene->started = 0;
}
