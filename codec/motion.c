#include "codec/motion.h"

#include <string.h>

#include "codec/base/mem.h"

#define TAPS 8
#define BEFORE 3 /* taps left of a sample, or above it */
#define LARGEST MICA_MOTION_SQUARE

static const int16_t filter[4][TAPS] = {{0, 0, 0, 64, 0, 0, 0, 0},
                                        {-1, 4, -10, 58, 17, -5, 1, 0},
                                        {-1, 4, -11, 40, 40, -11, 4, -1},
                                        {0, 1, -5, 17, 58, -10, 4, -1}};

MicaStatus mica_motion_field_create(MicaMotionField *field, int width, int height)
{
    const int squares_x = (width + MICA_MOTION_SQUARE - 1) / MICA_MOTION_SQUARE;
    const int squares_y = (height + MICA_MOTION_SQUARE - 1) / MICA_MOTION_SQUARE;
    field->columns = 2 * squares_x;
    field->rows = 2 * squares_y;
    const size_t count = (size_t)field->columns * (size_t)field->rows;
    field->block = mica_alloc_zero(count, sizeof *field->block);
    if (!field->block)
        return MICA_ERROR_OUT_OF_MEMORY;
    mica_motion_field_clear(field);
    return MICA_OK;
}

void mica_motion_field_clear(MicaMotionField *field)
{
    for (int i = 0; i < field->columns * field->rows; i++)
        field->block[i] = (MicaMotionBlock){.references = 1};
}

void mica_motion_field_free(MicaMotionField *field)
{
    mica_free(field->block);
    memset(field, 0, sizeof *field);
}

static int same_motion(const MicaMotionBlock *a, const MicaMotionBlock *b)
{
    if (a->references != b->references)
        return 0;
    for (int i = 0; i < MICA_MOTION_REFERENCES; i++)
        if (a->references >> i & 1 &&
            (a->vector[i].x != b->vector[i].x || a->vector[i].y != b->vector[i].y))
            return 0;
    return 1;
}

int mica_motion_square_is_whole(const MicaMotionField *field, const MicaMotionBlock *first)
{
    return same_motion(first, first + 1) && same_motion(first, first + field->columns) &&
           same_motion(first, first + field->columns + 1);
}

static const MicaMotionBlock *block_at(const MicaMotionField *f, int x, int y)
{
    return x < 0 || y < 0 || x >= f->columns ? NULL : f->block + y * f->columns + x;
}

static int median(int a, int b, int c)
{
    const int low = a < b ? a : b, high = a < b ? b : a;
    return c < low ? low : c > high ? high : c;
}

MicaVector mica_motion_expected(const MicaMotionField *field, int column, int row, int size,
                                int which)
{
    /* Above the right end of a lower right block is one that comes later. */
    const int known = size == 2 || !(row & 1) || !(column & 1);
    const MicaMotionBlock *near[3] = {block_at(field, column - 1, row),
                                      block_at(field, column, row - 1),
                                      known ? block_at(field, column + size, row - 1) : NULL};
    if (!near[2])
        near[2] = block_at(field, column - 1, row - 1);
    MicaVector v[3] = {{0, 0}, {0, 0}, {0, 0}};
    int found = 0, only = 0;
    for (int i = 0; i < 3; i++)
        if (near[i] && near[i]->references >> which & 1) {
            v[i] = near[i]->vector[which];
            only = i;
            found++;
        }
    if (found == 1)
        return v[only];
    return (MicaVector){(int16_t)median(v[0].x, v[1].x, v[2].x),
                        (int16_t)median(v[0].y, v[1].y, v[2].y)};
}

/* Beyond these positions a block and its taps see nothing but repeated samples. */
static int clamp_position(int x, int extent)
{
    const int lowest = -LARGEST - TAPS, highest = extent + TAPS;
    return x < lowest ? lowest : x > highest ? highest : x;
}

const uint8_t *mica_motion_source(const MicaReference *r, int plane, int x, int y,
                                  MicaVector vector)
{
    const int px = clamp_position(x + (vector.x >> 2), r->width);
    const int py = clamp_position(y + (vector.y >> 2), r->height);
    return r->plane[plane] + py * r->stride + px;
}

/* Rows of samples in 1/64, filtered along x. */
MICA_INLINE void filter_rows(const uint8_t *src, ptrdiff_t stride, int phase, int rows, int size,
                             int16_t *out)
{
    const int16_t *c = filter[phase];
    for (int y = 0; y < rows; y++, src += stride, out += size) {
        if (phase == 0) {
            for (int x = 0; x < size; x++)
                out[x] = (int16_t)(src[x] * 64);
            continue;
        }
        for (int x = 0; x < size; x++) {
            int16_t sum = 0; /* at most 255 * 88 */
            for (int k = 0; k < TAPS; k++)
                sum = (int16_t)(sum + (int16_t)(c[k] * src[x + k - BEFORE]));
            out[x] = sum;
        }
    }
}

static uint8_t clamp8(int v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

MICA_INLINE void filter_columns(const int16_t *in, int phase, int size, uint8_t *out,
                                ptrdiff_t stride)
{
    const int16_t *c = filter[phase];
    for (int y = 0; y < size; y++, in += size, out += stride) {
        if (phase == 0) {
            for (int x = 0; x < size; x++)
                out[x] = clamp8((in[x] + 32) >> 6);
            continue;
        }
        for (int x = 0; x < size; x++) {
            int sum = 2048;
            for (int k = 0; k < TAPS; k++)
                sum += c[k] * in[x + k * size];
            out[x] = clamp8(sum >> 12);
        }
    }
}

MICA_INLINE void interpolate(const uint8_t *src, ptrdiff_t stride, int phase_x, int phase_y,
                             int size, uint8_t *out, ptrdiff_t out_stride)
{
    int16_t row[(LARGEST + TAPS - 1) * LARGEST];
    if (phase_y == 0) {
        filter_rows(src, stride, phase_x, size, size, row);
    } else {
        filter_rows(src - BEFORE * stride, stride, phase_x, size + TAPS - 1, size, row);
    }
    filter_columns(row, phase_y, size, out, out_stride);
}

void mica_motion_interpolate(const MicaReference *r, int plane, int x, int y, MicaVector vector,
                             int size, uint8_t *out, ptrdiff_t out_stride)
{
    const uint8_t *src = mica_motion_source(r, plane, x, y, vector);
    if (!((vector.x | vector.y) & 3)) {
        for (int row = 0; row < size; row++)
            memcpy(out + row * out_stride, src + row * r->stride, (size_t)size);
    } else if (size == MICA_MOTION_SQUARE) {
        interpolate(src, r->stride, vector.x & 3, vector.y & 3, MICA_MOTION_SQUARE, out,
                    out_stride);
    } else {
        interpolate(src, r->stride, vector.x & 3, vector.y & 3, MICA_MOTION_BLOCK, out, out_stride);
    }
}

typedef struct PredictJob {
    const MicaMotionField *field;
    const MicaReference *const *reference;
    MicaImage *image;
    int width, height;
} PredictJob;

/* A block of `size` pixels at (x, y) with one motion. */
static void predict_block(const PredictJob *j, const MicaMotionBlock *b, int x, int y, int size)
{
    const int channels = j->image->channels;
    const int width = x + size > j->width ? j->width - x : size;
    const int height = y + size > j->height ? j->height - y : size;
    for (int c = 0; c < channels; c++) {
        uint8_t sample[MICA_MOTION_REFERENCES][LARGEST * LARGEST];
        const uint8_t *from = sample[b->references == 2];
        for (int i = 0; i < MICA_MOTION_REFERENCES; i++)
            if (b->references >> i & 1)
                mica_motion_interpolate(j->reference[i], c, x, y, b->vector[i], size, sample[i],
                                        size);
        if (b->references == 3)
            for (int i = 0; i < size * size; i++)
                sample[0][i] = (uint8_t)((sample[0][i] + sample[1][i] + 1) >> 1);
        uint8_t *to = j->image->data + y * j->image->stride + x * channels + c;
        for (int row = 0; row < height; row++, from += size, to += j->image->stride)
            for (int i = 0; i < width; i++)
                to[i * channels] = from[i];
    }
}

static void predict_row(void *context, int index, int thread)
{
    const PredictJob *j = context;
    const MicaMotionField *f = j->field;
    const int y = index * MICA_MOTION_SQUARE;
    (void)thread;
    for (int x = 0; x < j->width; x += MICA_MOTION_SQUARE) {
        const MicaMotionBlock *b = f->block + 2 * index * f->columns + x / MICA_MOTION_BLOCK;
        if (mica_motion_square_is_whole(f, b)) {
            predict_block(j, b, x, y, MICA_MOTION_SQUARE);
            continue;
        }
        for (int i = 0; i < 4; i++) {
            const int bx = x + (i & 1) * MICA_MOTION_BLOCK, by = y + (i >> 1) * MICA_MOTION_BLOCK;
            if (bx < j->width && by < j->height)
                predict_block(j, b + (i >> 1) * f->columns + (i & 1), bx, by, MICA_MOTION_BLOCK);
        }
    }
}

void mica_motion_predict(const MicaMotionField *field,
                         const MicaReference *const reference[MICA_MOTION_REFERENCES],
                         MicaPool *pool, MicaImage *image)
{
    PredictJob job = {field, reference, image, image->width, image->height};
    mica_pool_run(pool, field->rows / 2, predict_row, &job);
}
