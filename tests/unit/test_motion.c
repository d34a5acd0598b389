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

/* Squares of all sizes; vectors of any length up to `range`, often those of another square. */
static void fill_square(MicaMotionField *f, int column, int row, int level, int range)
{
    if (column >= f->seen_columns || row >= f->seen_rows)
        return;
    if (level > 0 && random_below(2)) {
        const int half = 1 << (level - 1);
        for (int i = 0; i < 4; i++)
            fill_square(f, column + (i & 1) * half, row + (i >> 1) * half, level - 1, range);
        return;
    }
    MicaMotionBlock b = {.references = f->references == 1 ? 1 : (uint8_t)(1 + random_below(3))};
    for (int i = 0; i < MICA_MOTION_REFERENCES; i++)
        b.vector[i] = random_vector(random_below(2) ? 9 : range);
    if (column > 0 && random_below(3) == 0)
        b = f->block[row * f->columns + column - 1];
    mica_motion_fill(f, column, row, level, b);
}

static void fill_randomly(MicaMotionField *f, int references, int range)
{
    mica_motion_field_clear(f);
    f->references = references;
    f->distance[0] = 1 + random_below(3);
    f->distance[1] = random_below(2) ? 4 : -2;
    for (int y = 0; y < f->rows; y += MICA_MOTION_LARGEST)
        for (int x = 0; x < f->columns; x += MICA_MOTION_LARGEST)
            fill_square(f, x, y, MICA_MOTION_LEVELS - 1, range);
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

/* In the picture; what lies beyond it is nobody's. */
static void assert_same_motion(const MicaMotionField *a, const MicaMotionField *b)
{
    for (int y = 0; y < a->seen_rows; y++)
        for (int x = 0; x < a->seen_columns; x++)
            assert_true(
                mica_motion_is_same(a->block + y * a->columns + x, b->block + y * b->columns + x));
}

/* What a field may hold after any decoding, damaged or not: where motion is missing, the decoder
 * has stopped. */
static void assert_valid(const MicaMotionField *f, MicaStatus status)
{
    for (int y = 0; y < f->seen_rows; y++)
        for (int x = 0; x < f->seen_columns; x++)
            assert_in_range(f->block[y * f->columns + x].references, status == MICA_OK,
                            f->references == 1 ? 1 : 3);
}

static MicaMotionField field_of(int width, int height, int references, int range)
{
    MicaMotionField field;
    assert_int_equal(mica_motion_field_create(&field, width, height), MICA_OK);
    fill_randomly(&field, references, range);
    return field;
}

static void check_code(int width, int height, int references, int range)
{
    MicaMotionField field = field_of(width, height, references, range);
    MicaMotionField back = field_of(width, height, references, range);
    MicaMotionField before = field_of(width, height, 1 + random_below(2), range);
    const MicaMotionField *const known = random_below(2) ? &before : NULL;
    memcpy(back.distance, field.distance, sizeof field.distance);
    MicaWriter out = {0};
    assert_int_equal(mica_motion_encode(&field, known, &out, NULL), MICA_OK);
    assert_int_equal(mica_motion_decode(&back, known, out.data, out.size), MICA_OK);
    assert_same_motion(&field, &back);
    /* An exact copy: reads past the end are seen. Cut or flipped, it may mean other motion, but
     * nothing that a field cannot hold. */
    uint8_t *copy = malloc(out.size + 1);
    int refused = 0, tried = 0;
    for (size_t at = 0; at < out.size; at += 1 + out.size / 50, tried++) {
        uint8_t *cut = malloc(at ? at : 1);
        memcpy(cut, out.data, at);
        MicaStatus status = mica_motion_decode(&back, known, cut, at);
        refused += status == MICA_ERROR_BITSTREAM;
        assert_valid(&back, status);
        free(cut);
        memcpy(copy, out.data, out.size);
        copy[at] ^= (uint8_t)(1 << random_below(8));
        status = mica_motion_decode(&back, known, copy, out.size);
        assert_true(status == MICA_OK || status == MICA_ERROR_BITSTREAM);
        assert_valid(&back, status);
    }
    assert_int_equal(refused, tried);
    memcpy(copy, out.data, out.size);
    copy[out.size] = 0;
    assert_int_equal(mica_motion_decode(&back, known, copy, out.size + 1), MICA_ERROR_BITSTREAM);
    free(copy);
    mica_writer_free(&out);
    mica_motion_field_free(&field);
    mica_motion_field_free(&back);
    mica_motion_field_free(&before);
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

/* ---- motion to take over ---- */

static MicaMotionBlock motion(unsigned references, int x0, int y0, int x1, int y1)
{
    return (MicaMotionBlock){.references = (uint8_t)references,
                             .vector = {{(int16_t)x0, (int16_t)y0}, {(int16_t)x1, (int16_t)y1}}};
}

static void assert_candidates(const MicaMotionField *f, const MicaMotionField *before,
                              const MicaMotionBlock *expected, int count)
{
    MicaMotionBlock candidate[MICA_MOTION_CANDIDATES];
    assert_int_equal(mica_motion_candidates(f, before, 2, 2, 1, candidate), count);
    for (int i = 0; i < count; i++)
        assert_true(mica_motion_is_same(&candidate[i], &expected[i]));
}

/* For the 16x16 at (2, 2) of 48x48: in the order of docs/video.md, without repetitions. */
static void test_candidates(void **state)
{
    (void)state;
    MicaMotionField f, before;
    assert_int_equal(mica_motion_field_create(&f, 48, 48), MICA_OK);
    assert_int_equal(mica_motion_field_create(&before, 48, 48), MICA_OK);
    f.references = 2;
    f.distance[0] = 2;
    f.distance[1] = -2;
    const MicaMotionBlock still = motion(3, 0, 0, 0, 0);
    assert_candidates(&f, NULL, &still, 1);
    assert_candidates(&f, &before, &still, 1); /* the frame before was a key frame */
    before.distance[0] = 4;
    mica_motion_fill(&before, 3, 3, 0, motion(1, 10, -7, 0, 0)); /* in the middle */
    mica_motion_fill(&before, 4, 4, 0, motion(2, 0, 0, 30, 3));  /* beyond the lower right corner */
    before.distance[1] = -1;
    f.block[3 * f.columns + 1] = motion(1, 1, 2, 0, 0);  /* left, at its last row */
    f.block[1 * f.columns + 3] = motion(2, 0, 0, 3, 4);  /* above, at its last column */
    f.block[1 * f.columns + 4] = motion(1, 1, 2, 9, 9);  /* as the first: what is unused differs */
    f.block[4 * f.columns + 1] = motion(3, 5, 6, 7, 8);  /* left and below */
    f.block[1 * f.columns + 1] = motion(1, -1, 0, 0, 0); /* left and above */
    const MicaMotionBlock expected[] = {motion(1, 1, 2, 0, 0),
                                        motion(2, 0, 0, 3, 4),
                                        motion(3, 5, 6, 7, 8),
                                        motion(1, -1, 0, 0, 0),
                                        motion(3, 5, -4, -5, 4),
                                        motion(3, -60, -6, 60, 6),
                                        still};
    assert_candidates(&f, &before, expected, 7);
    /* Both references on one side: the first is usual. */
    f.distance[1] = 3;
    const MicaMotionBlock one_side[] = {expected[0],
                                        expected[1],
                                        expected[2],
                                        expected[3],
                                        motion(1, 5, -4, 0, 0),
                                        motion(1, -60, -6, 0, 0),
                                        motion(1, 0, 0, 0, 0)};
    assert_candidates(&f, &before, one_side, 7);
    /* A distance of 0, which damage may bring, is nothing to scale by. */
    before.distance[0] = before.distance[1] = 0;
    const MicaMotionBlock around[] = {expected[0], expected[1], expected[2], expected[3],
                                      motion(1, 0, 0, 0, 0)};
    assert_candidates(&f, &before, around, 5);
    mica_motion_field_free(&f);
    mica_motion_field_free(&before);
}

/* What the search counts with follows what the coder spends. */
static void test_rates(void **state)
{
    (void)state;
    MicaMotionModels models;
    MicaMotionRates rates;
    mica_motion_models_begin(&models);
    models.split[0][0] = MICA_BIT_MODEL_NEW;
    models.split[1][0] = mica_bit_model(32, 0);
    models.zero[0] = mica_bit_model(64, 0);
    models.longer[0][0] = mica_bit_model(128, 0);
    models.longer[0][1] = mica_bit_model(64, 0);
    mica_motion_rates_set(&rates, &models);
    assert_int_equal(rates.split[0][0][0], 16);
    assert_int_equal(rates.split[0][0][1], 16);
    assert_int_equal(rates.split[1][0][1], 48);
    assert_in_range(rates.split[1][0][0], 3, 4); /* 0.193 bits */
    assert_int_equal(rates.component[0][0], 32);
    assert_in_range(rates.component[0][1], 16 + 6 + 16, 16 + 7 + 16);
    /* one digit more, and no third: 0.415 bits */
    assert_in_range(rates.component[0][2], 16 + 6 + 16 + 6 + 16, 16 + 7 + 16 + 7 + 16);
}

/* ---- search ---- */

/* Smooth enough for the search in small pictures, and no two places alike. */
static double scene(double x, double y)
{
    static double node[40][80];
    if (node[0][0] == 0)
        for (int i = 0; i < 40; i++)
            for (int k = 0; k < 80; k++)
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
    MicaMotionModels models;
    MicaMotionRates rates;
    mica_motion_models_begin(&models);
    mica_motion_rates_set(&rates, &models);
    field.references = after ? 2 : 1;
    field.distance[0] = 1;
    field.distance[1] = -1;
    mica_motion_search(&s, &k, &current, reference, NULL, &rates, 100, pool, &field);
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
        for (int y = 5; y < field.seen_rows - 5; y++)
            for (int x = 5; x < field.seen_columns - 5; x++) {
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

/* Farther than pictures of a quarter of the size are searched. */
static void test_fast_motion(void **state)
{
    (void)state;
    enum { WIDTH = 448, HEIGHT = 160, FAR = 150 };
    static const int shifts[][2] = {{-4 * FAR, 0}, {-4 * FAR + 3, 90}, {-4 * 60, -2}};
    MicaImage now = view(WIDTH, HEIGHT, 0, 0);
    for (size_t k = 0; k < sizeof shifts / sizeof *shifts; k++) {
        MicaImage before = view(WIDTH, HEIGHT, -shifts[k][0] / 4.0, -shifts[k][1] / 4.0);
        MicaMotionField field = search(&now, &before, NULL, 2);
        for (int y = 5; y < field.seen_rows - 5; y++)
            for (int x = FAR / 8 + 5; x < field.seen_columns - 5; x++) {
                const MicaMotionBlock *b = field.block + y * field.columns + x;
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
    for (int y = 0; y < field.seen_rows; y++)
        for (int x = 3; x < field.seen_columns - 3; x++) {
            const int left = x < field.seen_columns / 2;
            const MicaMotionBlock *b = field.block + y * field.columns + x;
            if (abs(x - field.seen_columns / 2) < 2)
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
        cmocka_unit_test(test_candidates),     cmocka_unit_test(test_rates),
        cmocka_unit_test(test_search),         cmocka_unit_test(test_two_references),
        cmocka_unit_test(test_search_threads), cmocka_unit_test(test_fast_motion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
