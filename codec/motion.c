#include "codec/motion.h"

#include <string.h>

#include "codec/base/mem.h"

#define LARGEST MICA_MOTION_SQUARE

MicaStatus mica_motion_field_create(MicaMotionField *field, int width, int height)
{
    const int largest = MICA_MOTION_LARGEST;
    memset(field, 0, sizeof *field);
    field->references = 1;
    field->seen_columns = (width + MICA_MOTION_BLOCK - 1) / MICA_MOTION_BLOCK;
    field->seen_rows = (height + MICA_MOTION_BLOCK - 1) / MICA_MOTION_BLOCK;
    field->columns = (field->seen_columns + largest - 1) / largest * largest;
    field->rows = (field->seen_rows + largest - 1) / largest * largest;
    const size_t count = (size_t)field->columns * (size_t)field->rows;
    field->block = mica_alloc_zero(count, sizeof *field->block);
    return field->block ? MICA_OK : MICA_ERROR_OUT_OF_MEMORY;
}

void mica_motion_field_clear(MicaMotionField *field)
{
    memset(field->block, 0, (size_t)field->columns * (size_t)field->rows * sizeof *field->block);
}

void mica_motion_field_free(MicaMotionField *field)
{
    mica_free(field->block);
    memset(field, 0, sizeof *field);
}

int mica_motion_is_same(const MicaMotionBlock *a, const MicaMotionBlock *b)
{
    if (a->references != b->references)
        return 0;
    for (int i = 0; i < MICA_MOTION_REFERENCES; i++)
        if (a->references >> i & 1 &&
            (a->vector[i].x != b->vector[i].x || a->vector[i].y != b->vector[i].y))
            return 0;
    return 1;
}

int mica_motion_square_is_whole(const MicaMotionField *f, int column, int row, int level)
{
    const MicaMotionBlock *first = f->block + row * f->columns + column;
    for (int y = 0; y < 1 << level && row + y < f->seen_rows; y++)
        for (int x = 0; x < 1 << level && column + x < f->seen_columns; x++)
            if (!mica_motion_is_same(first, first + y * f->columns + x))
                return 0;
    return 1;
}

void mica_motion_fill(MicaMotionField *f, int column, int row, int level, MicaMotionBlock block)
{
    for (int y = row; y < row + (1 << level); y++)
        for (int x = column; x < column + (1 << level); x++)
            f->block[y * f->columns + x] = block;
}

typedef struct PredictJob {
    const MicaMotionField *field;
    const MicaMotionKernels *kernels;
    const MicaReference *const *reference;
    MicaImage *image;
    int width, height;
} PredictJob;

/* The `size` x `size` samples of a plane at (x, y) + vector, without gaps. */
static void interpolate(const PredictJob *j, int which, int plane, int x, int y, MicaVector vector,
                        int size, uint8_t *out)
{
    const MicaReference *r = j->reference[which];
    const int px = mica_motion_position(x + (vector.x >> 2), r->width);
    const int py = mica_motion_position(y + (vector.y >> 2), r->height);
    const uint8_t *src = r->plane[plane] + py * r->stride + px;
    if (!((vector.x | vector.y) & 3))
        for (int row = 0; row < size; row++)
            memcpy(out + row * size, src + row * r->stride, (size_t)size);
    else
        j->kernels->interpolate[size == LARGEST](src, r->stride, vector.x & 3, vector.y & 3, out,
                                                 size);
}

/* A block of `size` pixels at (x, y) with one motion. */
static void predict_block(const PredictJob *j, const MicaMotionBlock *b, int x, int y, int size)
{
    const int channels = j->image->channels;
    const int width = x + size > j->width ? j->width - x : size;
    const int height = y + size > j->height ? j->height - y : size;
    uint8_t sample[3][MICA_MOTION_REFERENCES][LARGEST * LARGEST];
    const uint8_t *from[3];
    for (int c = 0; c < channels; c++) {
        for (int i = 0; i < MICA_MOTION_REFERENCES; i++)
            if (b->references >> i & 1)
                interpolate(j, i, c, x, y, b->vector[i], size, sample[c][i]);
        if (b->references == 3)
            j->kernels->mean[size == LARGEST](sample[c][0], size, sample[c][1], size, sample[c][0]);
        from[c] = sample[c][b->references == 2];
    }
    uint8_t *to = j->image->data + y * j->image->stride + x * channels;
    for (int row = 0; row < height; row++, to += j->image->stride) {
        if (channels == 3)
            j->kernels->join_rgb(from, (size_t)width, to);
        else
            memcpy(to, from[0], (size_t)width);
        for (int c = 0; c < channels; c++)
            from[c] += size;
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
        if (mica_motion_square_is_whole(f, x / MICA_MOTION_BLOCK, 2 * index, 1)) {
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

void mica_motion_predict(const MicaMotionField *field, const MicaMotionKernels *kernels,
                         const MicaReference *const reference[MICA_MOTION_REFERENCES],
                         MicaPool *pool, MicaImage *image)
{
    PredictJob job = {field, kernels, reference, image, image->width, image->height};
    mica_pool_run(pool, (field->seen_rows + 1) / 2, predict_row, &job);
}
