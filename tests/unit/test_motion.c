/* Motion of blocks: prediction against a plain formula, the code of motion fields, and the search
 * that finds known shifts. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/base/cpu.h"
#include "codec/base/pool.h"
#include "codec/enc_motion.h"
#include "codec/motion_code.h"

static uint32_t seed = 1;

static int random_below(int n)
{
    seed = seed * 1664525u + 1013904223u;
    return (int)((seed >> 8) % (uint32_t)n);
}

static MicaPool *pool_of(int threads)
{
    MicaPool *pool;
    assert_int_equal(mica_pool_create(&pool, threads), MICA_OK);
    return pool;
}

static MicaImage picture(int width, int height, int channels)
{
    MicaImage image;
    assert_int_equal(mica_image_alloc(&image, width, height, channels), MICA_OK);
    return image;
}

static MicaMotionKernels kernels(void)
{
    MicaMotionKernels k;
    mica_motion_kernels_init(&k, mica_cpu_flags());
    return k;
}

static MicaReference reference_of(const MicaImage *image)
{
    MicaReference r;
    MicaPool *pool = pool_of(1);
    assert_int_equal(mica_reference_create(&r, image->width, image->height), MICA_OK);
    const MicaMotionKernels k = kernels();
    mica_reference_set(&r, &k, image, pool);
    mica_pool_destroy(&pool);
    return r;
}

/* ---- prediction ---- */

static int clamp(int v, int low, int high)
{
    return v < low ? low : v > high ? high : v;
}

/* The sample of H.265, 8.5.3.3.3.1, in one formula: border samples repeated, rounded once. */
static int sample_at(const MicaImage *image, int channel, int x, int y, MicaVector v)
{
    static const int filter[4][8] = {{0, 0, 0, 64, 0, 0, 0, 0},
                                     {-1, 4, -10, 58, 17, -5, 1, 0},
                                     {-1, 4, -11, 40, 40, -11, 4, -1},
                                     {0, 1, -5, 17, 58, -10, 4, -1}};
    const int *fx = filter[v.x & 3], *fy = filter[v.y & 3];
    int sum = 0;
    for (int i = 0; i < 8; i++)
        for (int k = 0; k < 8; k++) {
            const int px = clamp(x + (v.x >> 2) + k - 3, 0, image->width - 1);
            const int py = clamp(y + (v.y >> 2) + i - 3, 0, image->height - 1);
            sum += fy[i] * fx[k] * image->data[py * image->stride + px * image->channels + channel];
        }
    return clamp((sum + 2048) >> 12, 0, 255);
}

static MicaVector random_vector(int range)
{
    return (MicaVector){(int16_t)(random_below(2 * range + 1) - range),
                        (int16_t)(random_below(2 * range + 1) - range)};
}

/* Some squares whole, some split; vectors of any length up to `range`. */
static void fill_randomly(MicaMotionField *f, int references, int range)
{
    for (int y = 0; y < f->rows; y++)
        for (int x = 0; x < f->columns; x++) {
            MicaMotionBlock *b = f->block + y * f->columns + x;
            b->references = references == 1 ? 1 : (uint8_t)(1 + random_below(3));
            for (int i = 0; i < MICA_MOTION_REFERENCES; i++)
                b->vector[i] = random_vector(random_below(2) ? 9 : range);
        }
    for (int y = 0; y < f->rows; y += 2)
        for (int x = 0; x < f->columns; x += 2) {
            MicaMotionBlock *b = f->block + y * f->columns + x;
            if (random_below(2))
                b[1] = b[f->columns] = b[f->columns + 1] = *b;
        }
}

static void check_prediction(int width, int height, int channels, int references, int range)
{
    MicaImage source[2], out = picture(width, height, channels);
    MicaReference r[2];
    for (int i = 0; i < 2; i++) {
        source[i] = picture(width, height, channels);
        for (int k = 0; k < height * width * channels; k++) /* extremes make filters overshoot */
            source[i].data[k / (width * channels) * source[i].stride + k % (width * channels)] =
                (uint8_t)(random_below(3) ? random_below(2) * 255 : random_below(256));
        r[i] = reference_of(&source[i]);
    }
    MicaMotionField field;
    assert_int_equal(mica_motion_field_create(&field, width, height), MICA_OK);
    fill_randomly(&field, references, range);
    MicaPool *pool = pool_of(2);
    const MicaMotionKernels k = kernels();
    mica_motion_predict(&field, &k,
                        (const MicaReference *const[]){&r[0], references > 1 ? &r[1] : NULL}, pool,
                        &out);
    mica_pool_destroy(&pool);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < channels; c++) {
                const MicaMotionBlock *b = field.block + y / 8 * field.columns + x / 8;
                int sum = 0;
                for (int i = 0; i < 2; i++)
                    if (b->references >> i & 1)
                        sum += sample_at(&source[i], c, x, y, b->vector[i]);
                assert_int_equal(out.data[y * out.stride + x * channels + c],
                                 b->references == 3 ? (sum + 1) >> 1 : sum);
            }
    mica_motion_field_free(&field);
    mica_image_free(&out);
    for (int i = 0; i < 2; i++) {
        mica_reference_free(&r[i]);
        mica_image_free(&source[i]);
    }
}

static void test_prediction(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {7, 33}, {16, 16}, {50, 35}};
    static const int ranges[] = {40, 300, 32767};
    for (int k = 0; k < 4; k++)
        for (int range = 0; range < 3; range++)
            for (int references = 1; references <= 2; references++)
                check_prediction(sizes[k][0], sizes[k][1], references == 1 ? 1 : 3, references,
                                 ranges[range]);
}

/* ---- code ---- */

static void assert_same_motion(const MicaMotionField *a, const MicaMotionField *b)
{
    for (int i = 0; i < a->columns * a->rows; i++) {
        assert_int_equal(a->block[i].references, b->block[i].references);
        for (int k = 0; k < MICA_MOTION_REFERENCES; k++)
            if (a->block[i].references >> k & 1) {
                assert_int_equal(a->block[i].vector[k].x, b->block[i].vector[k].x);
                assert_int_equal(a->block[i].vector[k].y, b->block[i].vector[k].y);
            }
    }
}

/* What a field may hold after any decoding, damaged or not. */
static void assert_valid(const MicaMotionField *f, int references)
{
    for (int i = 0; i < f->columns * f->rows; i++)
        assert_in_range(f->block[i].references, 1, references == 1 ? 1 : 3);
}

static void check_code(int width, int height, int references, int range)
{
    MicaMotionField field, back;
    assert_int_equal(mica_motion_field_create(&field, width, height), MICA_OK);
    assert_int_equal(mica_motion_field_create(&back, width, height), MICA_OK);
    fill_randomly(&field, references, range);
    fill_randomly(&back, references, range); /* what is there does not matter */
    MicaWriter out = {0};
    assert_int_equal(mica_motion_encode(&field, references, &out), MICA_OK);
    assert_int_equal(mica_motion_decode(&back, references, out.data, out.size), MICA_OK);
    assert_same_motion(&field, &back);
    /* An exact copy: reads past the end are seen. Cut or flipped, it may mean other motion, but
     * nothing that a field cannot hold. */
    uint8_t *copy = malloc(out.size + 1);
    int refused = 0, tried = 0;
    for (size_t at = 0; at < out.size; at += 1 + out.size / 50, tried++) {
        uint8_t *cut = malloc(at ? at : 1);
        memcpy(cut, out.data, at);
        refused += mica_motion_decode(&back, references, cut, at) == MICA_ERROR_BITSTREAM;
        assert_valid(&back, references);
        free(cut);
        memcpy(copy, out.data, out.size);
        copy[at] ^= (uint8_t)(1 << random_below(8));
        const MicaStatus status = mica_motion_decode(&back, references, copy, out.size);
        assert_true(status == MICA_OK || status == MICA_ERROR_BITSTREAM);
        assert_valid(&back, references);
    }
    assert_int_equal(refused, tried);
    memcpy(copy, out.data, out.size);
    copy[out.size] = 0;
    assert_int_equal(mica_motion_decode(&back, references, copy, out.size + 1),
                     MICA_ERROR_BITSTREAM);
    free(copy);
    mica_writer_free(&out);
    mica_motion_field_free(&field);
    mica_motion_field_free(&back);
}

static void test_code(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {16, 16}, {17, 90}, {200, 130}};
    static const int ranges[] = {0, 30, 1 << 13};
    for (int k = 0; k < 4; k++)
        for (int range = 0; range < 3; range++)
            for (int references = 1; references <= 2; references++)
                check_code(sizes[k][0], sizes[k][1], references, ranges[range]);
}

/* ---- search ---- */

/* Smooth enough for the search in small pictures, and no two places alike. */
static double scene(double x, double y)
{
    static double node[40][40];
    if (node[0][0] == 0)
        for (int i = 0; i < 40; i++)
            for (int k = 0; k < 40; k++)
                node[i][k] = 20 + random_below(216);
    x = x / 9 + 8;
    y = y / 9 + 8;
    const int i = (int)y, k = (int)x;
    const double v = y - i, u = x - k;
    return (1 - v) * ((1 - u) * node[i][k] + u * node[i][k + 1]) +
           v * ((1 - u) * node[i + 1][k] + u * node[i + 1][k + 1]);
}

static MicaImage view(int width, int height, double dx, double dy)
{
    MicaImage image = picture(width, height, 1);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            image.data[y * image.stride + x] = (uint8_t)(scene(x + dx, y + dy) + 0.5);
    return image;
}

static MicaMotionField search(const MicaImage *now, const MicaImage *before, const MicaImage *after,
                              int threads)
{
    const MicaImage *from[2] = {before, after};
    MicaReference current = reference_of(now), r[2] = {{0}};
    const MicaReference *reference[2] = {NULL, NULL};
    for (int i = 0; i < 2; i++)
        if (from[i]) {
            r[i] = reference_of(from[i]);
            reference[i] = &r[i];
        }
    MicaMotionField field;
    MicaPool *pool = pool_of(threads);
    assert_int_equal(mica_motion_field_create(&field, now->width, now->height), MICA_OK);
    MicaMotionSearch s;
    assert_int_equal(mica_motion_search_create(&s, now->width, now->height), MICA_OK);
    const MicaMotionKernels k = kernels();
    mica_motion_search(&s, &k, &current, reference, 100, pool, &field);
    mica_motion_search_free(&s);
    mica_pool_destroy(&pool);
    mica_reference_free(&current);
    for (int i = 0; i < 2; i++)
        mica_reference_free(&r[i]);
    return field;
}

/* Away from the border, where what was seen before is not all there, every block has the shift. */
static void test_search(void **state)
{
    (void)state;
    enum { WIDTH = 200, HEIGHT = 150 };
    static const int shifts[][2] = {{0, 0},  {4, -8},  {-100, 60}, {128, 100},
                                    {2, -1}, {-7, 13}, {41, -58}};
    MicaImage now = view(WIDTH, HEIGHT, 0, 0);
    for (size_t k = 0; k < sizeof shifts / sizeof *shifts; k++) {
        /* What is at x now was at x + shift before. */
        MicaImage before = view(WIDTH, HEIGHT, -shifts[k][0] / 4.0, -shifts[k][1] / 4.0);
        MicaMotionField field = search(&now, &before, NULL, 2);
        for (int y = 5; y < field.rows - 5; y++)
            for (int x = 5; x < field.columns - 5; x++) {
                const MicaMotionBlock *b = field.block + y * field.columns + x;
                assert_int_equal(b->references, 1);
                assert_int_equal(b->vector[0].x, shifts[k][0]);
                assert_int_equal(b->vector[0].y, shifts[k][1]);
            }
        mica_motion_field_free(&field);
        mica_image_free(&before);
    }
    mica_image_free(&now);
}

/* Of two references, blocks take the one that shows them. */
static void test_two_references(void **state)
{
    (void)state;
    enum { WIDTH = 160, HEIGHT = 96 };
    MicaImage now = view(WIDTH, HEIGHT, 0, 0), side[2];
    for (int i = 0; i < 2; i++) {
        side[i] = view(WIDTH, HEIGHT, i ? -3 : 3, 0);
        for (int y = 0; y < HEIGHT; y++) /* half of it is gone */
            memset(side[i].data + y * side[i].stride + i * WIDTH / 2, 0, WIDTH / 2);
    }
    MicaMotionField field = search(&now, &side[0], &side[1], 1);
    for (int y = 0; y < field.rows; y++)
        for (int x = 3; x < field.columns - 3; x++) {
            const int left = x < field.columns / 2;
            const MicaMotionBlock *b = field.block + y * field.columns + x;
            if (abs(x - field.columns / 2) < 2)
                continue;
            assert_int_equal(b->references, left ? 2 : 1);
            assert_int_equal(b->vector[left].x, left ? 12 : -12);
        }
    mica_motion_field_free(&field);
    for (int i = 0; i < 2; i++)
        mica_image_free(&side[i]);
    mica_image_free(&now);
}

static void test_search_threads(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {15, 40}, {230, 170}};
    for (int k = 0; k < 3; k++) {
        MicaImage image[3];
        for (int i = 0; i < 3; i++) {
            image[i] = view(sizes[k][0], sizes[k][1], i, 2 * i);
            for (int n = 0; n < sizes[k][0] * sizes[k][1] / 9; n++) /* and noise: splits */
                image[i].data[random_below(sizes[k][1]) * image[i].stride +
                              random_below(sizes[k][0])] ^= (uint8_t)random_below(64);
        }
        MicaMotionField one = search(&image[1], &image[0], &image[2], 1);
        for (int threads = 2; threads <= 4; threads++) {
            MicaMotionField other = search(&image[1], &image[0], &image[2], threads);
            assert_same_motion(&one, &other);
            mica_motion_field_free(&other);
        }
        mica_motion_field_free(&one);
        for (int i = 0; i < 3; i++)
            mica_image_free(&image[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prediction),     cmocka_unit_test(test_code),
        cmocka_unit_test(test_search),         cmocka_unit_test(test_two_references),
        cmocka_unit_test(test_search_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
