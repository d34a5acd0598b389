#include "codec/enc_temporal_filter.h"

#include <string.h>

#include "codec/base/mem.h"

#define BLOCK MICA_MOTION_BLOCK

/* The frame itself has this weight; another has it up to STRENGTH times. */
#define OWN_WEIGHT 256
#define STRENGTH 2

/* A weight falls to 1/e where the squared difference is SPREAD^2: half of it of the pixel, and that
 * of its block. That is far more than noise: what is a little elsewhere, or blurred, in other
 * frames is better blurred in this one too. A block that differs by more than that shows another
 * thing. */
#define SPREAD 40
#define WEIGHTS_PER_E 16

/* What the search takes a bit of motion for (SATD in 1/16): little, it is not coded, but a smooth
 * field is a truer one. */
#define SEARCH_LAMBDA 60

/* In 1/MOST_SHARE: the further away, the less it is likely to be the same. */
#define MOST_SHARE 16
static const unsigned char share[MICA_FILTER_REACH] = {16, 14, 12, 11, 10, 9, 8, 8};

MicaStatus mica_temporal_filter_create(MicaTemporalFilter *f, int width, int height, int channels)
{
    memset(f, 0, sizeof *f);
    MicaStatus status = mica_image_alloc(&f->filtered, width, height, channels);
    if (status == MICA_OK)
        status = mica_image_alloc(&f->moved, width, height, channels);
    if (status == MICA_OK)
        status = mica_reference_create(&f->current, width, height);
    if (status == MICA_OK)
        status = mica_reference_create(&f->other, width, height);
    for (int i = 0; i < 2 && status == MICA_OK; i++)
        status = mica_motion_field_create(&f->field[i], width, height);
    if (status == MICA_OK) {
        f->sum =
            mica_alloc((size_t)width * (size_t)height, (size_t)(channels + 1) * sizeof *f->sum);
        if (!f->sum)
            status = MICA_ERROR_OUT_OF_MEMORY;
    }
    if (status != MICA_OK) {
        mica_temporal_filter_free(f);
        return status;
    }
    MicaMotionModels models;
    mica_motion_models_begin(&models);
    mica_motion_rates_set(&f->rates, &models);
    uint32_t weight = STRENGTH * OWN_WEIGHT << 16;
    for (int i = 0; i < MICA_FILTER_WEIGHTS; i++) {
        f->weight[i] = (uint16_t)(weight >> 16);
        weight = (uint32_t)(weight * UINT64_C(61565) >> 16); /* e^(-1/16) */
    }
    return MICA_OK;
}

void mica_temporal_filter_free(MicaTemporalFilter *f)
{
    mica_image_free(&f->filtered);
    mica_image_free(&f->moved);
    mica_reference_free(&f->current);
    mica_reference_free(&f->other);
    for (int i = 0; i < 2; i++)
        mica_motion_field_free(&f->field[i]);
    mica_free(f->sum);
    memset(f, 0, sizeof *f);
}

typedef struct Job {
    const MicaTemporalFilter *filter;
    const MicaImage *image;
    unsigned share; /* of the other frame, in 1/MOST_SHARE */
} Job;

static const uint8_t *row_of(const MicaImage *image, int y)
{
    return (const uint8_t *)image->data + y * image->stride;
}

static void begin_row(void *context, int y, int thread)
{
    const Job *j = context;
    const int channels = j->image->channels, width = j->image->width;
    const uint8_t *p = row_of(j->image, y);
    uint32_t *sum = j->filter->sum + (size_t)y * (size_t)width * (size_t)(channels + 1);
    (void)thread;
    for (int x = 0; x < width; x++) {
        *sum++ = OWN_WEIGHT;
        for (int c = 0; c < channels; c++)
            *sum++ = OWN_WEIGHT * (uint32_t)*p++;
    }
}

static void end_row(void *context, int y, int thread)
{
    const Job *j = context;
    const int channels = j->image->channels, width = j->image->width;
    uint8_t *p = (uint8_t *)j->filter->filtered.data + y * j->filter->filtered.stride;
    const uint32_t *sum = j->filter->sum + (size_t)y * (size_t)width * (size_t)(channels + 1);
    (void)thread;
    for (int x = 0; x < width; x++) {
        const uint32_t weight = *sum++;
        for (int c = 0; c < channels; c++)
            *p++ = (uint8_t)((*sum++ + weight / 2) / weight);
    }
}

/* Mean squared difference of a sample in a block, and in `pixel` those of each pixel. */
static unsigned differences(const Job *j, int x0, int y0, int width, int height,
                            unsigned pixel[BLOCK][BLOCK])
{
    const int channels = j->image->channels;
    unsigned total = 0;
    for (int y = 0; y < height; y++) {
        const uint8_t *a = row_of(j->image, y0 + y) + x0 * channels;
        const uint8_t *b = row_of(&j->filter->moved, y0 + y) + x0 * channels;
        for (int x = 0; x < width; x++) {
            unsigned squares = 0;
            for (int c = 0; c < channels; c++, a++, b++)
                squares += (unsigned)((*a - *b) * (*a - *b));
            pixel[y][x] = squares / (unsigned)channels;
            total += squares;
        }
    }
    return total / (unsigned)(width * height * channels);
}

static void add_block(const Job *j, int x0, int y0, int width, int height)
{
    const int channels = j->image->channels;
    unsigned pixel[BLOCK][BLOCK];
    const unsigned block = differences(j, x0, y0, width, height, pixel);
    if (block > SPREAD * SPREAD)
        return;
    for (int y = 0; y < height; y++) {
        const uint8_t *b = row_of(&j->filter->moved, y0 + y) + x0 * channels;
        uint32_t *sum = j->filter->sum + ((size_t)(y0 + y) * (size_t)j->image->width + (size_t)x0) *
                                             (size_t)(channels + 1);
        for (int x = 0; x < width; x++) {
            const unsigned i = (pixel[y][x] / 2 + block) * WEIGHTS_PER_E / (SPREAD * SPREAD);
            const uint32_t weight =
                i < MICA_FILTER_WEIGHTS ? j->filter->weight[i] * j->share / MOST_SHARE : 0;
            *sum++ += weight;
            for (int c = 0; c < channels; c++)
                *sum++ += weight * *b++;
        }
    }
}

static void add_row(void *context, int row, int thread)
{
    const Job *j = context;
    const int y = row * BLOCK, left = j->image->height - y;
    (void)thread;
    for (int x = 0; x < j->image->width; x += BLOCK) {
        const int width = j->image->width - x;
        add_block(j, x, y, width < BLOCK ? width : BLOCK, left < BLOCK ? left : BLOCK);
    }
}

/* Add frames 1, 2, ... away on one side; their motion begins with that of the one before. */
static void add_side(MicaTemporalFilter *f, MicaMotionSearch *search,
                     const MicaMotionKernels *kernels, const MicaImage *image,
                     const MicaImage *const *side, int count, int direction, MicaPool *pool)
{
    const MicaReference *const reference[MICA_MOTION_REFERENCES] = {&f->other, NULL};
    mica_motion_field_clear(&f->field[1]);
    for (int i = 0; i < count; i++) {
        MicaMotionField *field = &f->field[i & 1], *before = &f->field[!(i & 1)];
        memcpy(field->block, before->block,
               (size_t)field->columns * (size_t)field->rows * sizeof *field->block);
        field->references = before->references = 1;
        field->distance[0] = direction * (i + 1);
        before->distance[0] = direction * (i > 0 ? i : 1);
        mica_reference_set(&f->other, kernels, side[i], pool);
        mica_motion_search(search, kernels, &f->current, reference, before, &f->rates,
                           SEARCH_LAMBDA, pool, field);
        mica_motion_predict(field, kernels, reference, pool, &f->moved);
        Job job = {f, image, share[i]};
        mica_pool_run(pool, (image->height + BLOCK - 1) / BLOCK, add_row, &job);
    }
}

void mica_temporal_filter_run(MicaTemporalFilter *f, MicaMotionSearch *search,
                              const MicaMotionKernels *kernels, const MicaImage *image,
                              const MicaImage *const *before, int before_count,
                              const MicaImage *const *after, int after_count, MicaPool *pool)
{
    Job job = {f, image, 0};
    mica_pool_run(pool, image->height, begin_row, &job);
    mica_reference_set(&f->current, kernels, image, pool);
    add_side(f, search, kernels, image, after, after_count, -1, pool);
    add_side(f, search, kernels, image, before, before_count, 1, pool);
    mica_pool_run(pool, image->height, end_row, &job);
}
