/* Pictures with a prediction: what they depend on, efforts and targets, wrong calls, damage, lack
 * of memory. That their pixels are right is for tests/reference to say. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/base/mem.h"
#include "codec/dec_picture.h"
#include "codec/enc_picture.h"
#include "tests/unit/model.h"

#define WIDTH 100
#define HEIGHT 70

static MicaModel *predicted, *tiny;
static MicaImage source, prediction;

static MicaImage picture(int width, int height, int channels, int depth, int shift)
{
    MicaImage image;
    assert_int_equal(mica_image_alloc_depth(&image, width, height, channels, depth), MICA_OK);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width * channels * depth / 8; x++)
            image.data[y * image.stride + x] =
                (uint8_t)(128 + 100 * sin((x + shift) * 0.05) * cos((y + shift) * 0.07) +
                          (x ^ y) % 9);
    return image;
}

static int set_up(void **state)
{
    (void)state;
    predicted = load_model(MICA_PREDICTED_CONTEXT_MODEL);
    tiny = load_model(MICA_TINY_MODEL);
    source = picture(WIDTH, HEIGHT, 3, 8, 0);
    prediction = picture(WIDTH, HEIGHT, 3, 8, 2);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mica_model_unref(&predicted);
    mica_model_unref(&tiny);
    mica_image_free(&source);
    mica_image_free(&prediction);
    return 0;
}

/* A failure leaves nothing behind and says why. */
static MicaStatus encode(const MicaModel *model, const MicaImage *image, const MicaImage *from,
                         const MicaEncodeSettings *settings, MicaBuffer *file)
{
    MicaSession session;
    MicaTimes times;
    MicaError error = {MICA_OK, ""};
    MicaStatus status = mica_session_open(&session, model, 2, UINT32_MAX, &error);
    if (status == MICA_OK)
        status = mica_picture_encode(&session, image, from, settings, file, NULL, &times, &error);
    else
        *file = (MicaBuffer){0};
    mica_session_close(&session);
    assert_true((status == MICA_OK) == (file->data != NULL));
    assert_true(status == MICA_OK || (error.status == status && error.text[0]));
    return status;
}

static MicaStatus decode(const MicaModel *model, const MicaBuffer *file, const MicaImage *from,
                         const MicaDecodeSettings *settings, MicaImage *image)
{
    MicaSession session;
    MicaStream stream;
    MicaTimes times;
    MicaError error = {MICA_OK, ""};
    memset(image, 0, sizeof *image);
    MicaStatus status = mica_session_open(&session, model, 2, UINT32_MAX, &error);
    if (status == MICA_OK)
        status = mica_stream_read_tolerant(&stream, file->data, file->size, &error);
    if (status == MICA_OK)
        status = mica_picture_decode(&session, &stream, from, settings, image, &times, &error);
    mica_session_close(&session);
    assert_true((status == MICA_OK) == (image->data != NULL));
    assert_true(status == MICA_OK || (error.status == status && error.text[0]));
    return status;
}

static MicaEncodeSettings encoder_settings(int effort)
{
    MicaEncodeSettings s;
    mica_encode_defaults(&s, sizeof s);
    s.effort = effort;
    return s;
}

static MicaDecodeSettings decoder_settings(void)
{
    MicaDecodeSettings s;
    mica_decode_defaults(&s, sizeof s);
    return s;
}

static MicaBuffer file_of(const MicaImage *image, const MicaImage *from)
{
    const MicaEncodeSettings s = encoder_settings(1);
    MicaBuffer file;
    assert_int_equal(encode(predicted, image, from, &s, &file), MICA_OK);
    return file;
}

static MicaImage picture_of(const MicaBuffer *file, const MicaImage *from)
{
    const MicaDecodeSettings s = decoder_settings();
    MicaImage image;
    assert_int_equal(decode(predicted, file, from, &s, &image), MICA_OK);
    return image;
}

static int same(const MicaImage *a, const MicaImage *b)
{
    for (int y = 0; y < a->height; y++)
        if (memcmp(a->data + y * a->stride, b->data + y * b->stride,
                   (size_t)(a->width * a->channels)) != 0)
            return 0;
    return 1;
}

static int same_bytes(const MicaBuffer *a, const MicaBuffer *b)
{
    return a->size == b->size && !memcmp(a->data, b->data, a->size);
}

/* Every prediction gives another file and another picture from the same file. */
static void test_depends_on_prediction(void **state)
{
    (void)state;
    MicaImage changed = picture(WIDTH, HEIGHT, 3, 8, 2);
    changed.data[50 * changed.stride + 3 * 61] ^= 0x40;
    MicaBuffer a = file_of(&source, &prediction), b = file_of(&source, &changed);
    assert_false(same_bytes(&a, &b));
    MicaImage right = picture_of(&a, &prediction), wrong = picture_of(&a, &changed);
    assert_false(same(&right, &wrong));
    mica_buffer_free(&a);
    mica_buffer_free(&b);
    mica_image_free(&changed);
    mica_image_free(&right);
    mica_image_free(&wrong);
}

/* The prediction is read by its stride, which may lead upwards. */
static void test_strides(void **state)
{
    (void)state;
    uint8_t *samples = malloc(HEIGHT * (3 * WIDTH + 5));
    MicaImage turned = prediction;
    turned.stride = -(3 * WIDTH + 5);
    turned.data = samples + (HEIGHT - 1) * (3 * WIDTH + 5);
    for (int y = 0; y < HEIGHT; y++)
        memcpy(turned.data + y * turned.stride, prediction.data + y * prediction.stride, 3 * WIDTH);
    MicaBuffer a = file_of(&source, &prediction), b = file_of(&source, &turned);
    assert_true(same_bytes(&a, &b));
    MicaImage x = picture_of(&a, &prediction), y = picture_of(&a, &turned);
    assert_true(same(&x, &y));
    mica_buffer_free(&a);
    mica_buffer_free(&b);
    mica_image_free(&x);
    mica_image_free(&y);
    free(samples);
}

/* Every size has a border of its own; the sanitizers watch. */
static void test_sizes(void **state)
{
    (void)state;
    for (int i = 0; i < 12; i++) {
        const int width = 1 + i * 7 % 40, height = 1 + i * 11 % 70, channels = i & 1 ? 3 : 1;
        MicaImage a = picture(width, height, channels, 8, 0);
        MicaImage b = picture(width, height, channels, 8, 1);
        MicaBuffer file = file_of(&a, &b);
        MicaImage c = picture_of(&file, &b);
        assert_true(c.width == width && c.height == height && c.channels == channels);
        mica_buffer_free(&file);
        mica_image_free(&a);
        mica_image_free(&b);
        mica_image_free(&c);
    }
}

/* What the search lowers: bits plus squared error, weighed as the networks were trained. */
static double loss_of(const MicaBuffer *file, double quality)
{
    MicaImage decoded = picture_of(file, &prediction);
    double error = 0;
    for (int y = 0; y < source.height; y++)
        for (int x = 0; x < source.width * source.channels; x++) {
            const double d =
                source.data[y * source.stride + x] - decoded.data[y * decoded.stride + x];
            error += d * d;
        }
    mica_image_free(&decoded);
    return (double)file->size * 8 + 0.0005 * pow(600, quality / 100) * error / source.channels;
}

/* From 3 on sweeps; no descent, so that 6 to 8 are as 5. */
static void test_efforts(void **state)
{
    (void)state;
    MicaBuffer files[10];
    double loss[10];
    for (int effort = 1; effort <= 9; effort++) {
        MicaEncodeSettings s = encoder_settings(effort);
        s.quality = 80;
        assert_int_equal(encode(predicted, &source, &prediction, &s, &files[effort]), MICA_OK);
        loss[effort] = loss_of(&files[effort], s.quality);
        print_message("effort %d: %zu bytes, loss %.0f\n", effort, files[effort].size,
                      loss[effort]);
    }
    for (int effort = 3; effort <= 9; effort++)
        assert_true(loss[effort] < loss[1] && loss[effort] <= loss[3]);
    for (int effort = 6; effort <= 8; effort++)
        assert_true(same_bytes(&files[effort], &files[5]));
    for (int effort = 1; effort <= 9; effort++)
        mica_buffer_free(&files[effort]);
}

static void test_targets(void **state)
{
    (void)state;
    MicaEncodeSettings s = encoder_settings(9);
    MicaBuffer file;
    s.quality = 60;
    assert_int_equal(encode(predicted, &source, &prediction, &s, &file), MICA_OK);
    s.target_size = file.size;
    mica_buffer_free(&file);
    assert_int_equal(encode(predicted, &source, &prediction, &s, &file), MICA_OK);
    assert_true(file.size <= s.target_size && file.size > s.target_size * 9 / 10);
    MicaImage image = picture_of(&file, &prediction);
    mica_image_free(&image);
    mica_buffer_free(&file);
    s.target_size = 0;
    s.target_psnr = 30;
    assert_int_equal(encode(predicted, &source, &prediction, &s, &file),
                     MICA_ERROR_INVALID_ARGUMENT);
}

/* Model and prediction belong together, in both directions; without sessions as well. */
static void test_models(void **state)
{
    (void)state;
    MicaEncodeSettings e = encoder_settings(9);
    MicaDecodeSettings d = decoder_settings();
    MicaBuffer file, none;
    MicaImage image;
    MicaError error = {MICA_OK, ""};
    assert_int_equal(encode(predicted, &source, NULL, &e, &none), MICA_ERROR_MODEL_MISMATCH);
    assert_int_equal(encode(tiny, &source, &prediction, &e, &none), MICA_ERROR_MODEL_MISMATCH);
    e.model = predicted;
    assert_int_equal(mica_image_encode(&source, &e, &none, &error), MICA_ERROR_MODEL_MISMATCH);
    assert_non_null(strstr(error.text, "predicted frames"));

    file = file_of(&source, &prediction);
    assert_int_equal(decode(predicted, &file, NULL, &d, &image), MICA_ERROR_MODEL_MISMATCH);
    d.model = predicted;
    assert_int_equal(mica_image_decode(file.data, file.size, &d, &image, &error),
                     MICA_ERROR_MODEL_MISMATCH);
    mica_buffer_free(&file);
    e = encoder_settings(1);
    assert_int_equal(encode(tiny, &source, NULL, &e, &file), MICA_OK);
    assert_int_equal(decode(tiny, &file, &prediction, &d, &image), MICA_ERROR_MODEL_MISMATCH);
    mica_buffer_free(&file);
}

static void test_wrong_predictions(void **state)
{
    (void)state;
    const MicaEncodeSettings e = encoder_settings(1);
    const MicaDecodeSettings d = decoder_settings();
    static const int kinds[][4] = {{WIDTH + 1, HEIGHT, 3, 8}, {WIDTH, HEIGHT - 1, 3, 8},
                                   {WIDTH, HEIGHT, 1, 8},     {WIDTH, HEIGHT, 4, 8},
                                   {WIDTH, HEIGHT, 3, 16},    {1, 1, 3, 8}};
    MicaBuffer file = file_of(&source, &prediction), none;
    MicaImage image;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        MicaImage bad = picture(kinds[i][0], kinds[i][1], kinds[i][2], kinds[i][3], 0);
        assert_int_equal(encode(predicted, &source, &bad, &e, &none), MICA_ERROR_INVALID_ARGUMENT);
        assert_int_equal(decode(predicted, &file, &bad, &d, &image), MICA_ERROR_INVALID_ARGUMENT);
        mica_image_free(&bad);
    }
    MicaImage alpha = picture(WIDTH, HEIGHT, 4, 8, 0), nothing = prediction;
    nothing.data = NULL;
    assert_int_equal(encode(predicted, &alpha, &alpha, &e, &none), MICA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(encode(predicted, &source, &nothing, &e, &none), MICA_ERROR_INVALID_ARGUMENT);
    mica_image_free(&alpha);
    mica_buffer_free(&file);
}

/* Whole frames of 8 bits only, and only as much memory as allowed. */
static void test_decoder_settings(void **state)
{
    (void)state;
    MicaBuffer file = file_of(&source, &prediction);
    MicaDecodeSettings s = decoder_settings();
    MicaImage image;
    s.scale = 2;
    assert_int_equal(decode(predicted, &file, &prediction, &s, &image),
                     MICA_ERROR_INVALID_ARGUMENT);
    s = decoder_settings();
    s.region = (MicaRegion){1, 0, WIDTH - 1, HEIGHT};
    assert_int_equal(decode(predicted, &file, &prediction, &s, &image),
                     MICA_ERROR_INVALID_ARGUMENT);
    s = decoder_settings();
    s.depth = 16;
    assert_int_equal(decode(predicted, &file, &prediction, &s, &image),
                     MICA_ERROR_INVALID_ARGUMENT);
    s = decoder_settings();
    s.max_memory = 100000;
    assert_int_equal(decode(predicted, &file, &prediction, &s, &image), MICA_ERROR_LIMIT);
    mica_buffer_free(&file);
}

/* A frame that is cut off is still a picture; see also the fuzz target for models. */
static void test_damage(void **state)
{
    (void)state;
    MicaBuffer file = file_of(&source, &prediction);
    MicaImage whole = picture_of(&file, &prediction);
    const MicaDecodeSettings s = decoder_settings();
    int decoded = 0;
    for (size_t left = 0; left < file.size; left += 13) {
        const MicaBuffer part = {.data = file.data, .size = left};
        MicaImage image;
        if (decode(predicted, &part, &prediction, &s, &image) != MICA_OK)
            continue;
        assert_false(same(&image, &whole));
        decoded++;
        mica_image_free(&image);
    }
    assert_true(decoded > 1);
    mica_image_free(&whole);
    mica_buffer_free(&file);
}

static void test_lack_of_memory(void **state)
{
    (void)state;
    const MicaEncodeSettings e = encoder_settings(1);
    const MicaDecodeSettings d = decoder_settings();
    MicaBuffer file = {0};
    MicaImage image;
    MicaStatus status = MICA_ERROR_OUT_OF_MEMORY;
    for (size_t n = 1; status != MICA_OK; n++) {
        mica_alloc_fail_after(n);
        status = encode(predicted, &source, &prediction, &e, &file);
        mica_alloc_fail_after(0);
        assert_true(status == MICA_OK ? n > 20 : status == MICA_ERROR_OUT_OF_MEMORY);
    }
    status = MICA_ERROR_OUT_OF_MEMORY;
    for (size_t n = 1; status != MICA_OK; n++) {
        mica_alloc_fail_after(n);
        status = decode(predicted, &file, &prediction, &d, &image);
        mica_alloc_fail_after(0);
        assert_true(status == MICA_OK ? n > 20 : status == MICA_ERROR_OUT_OF_MEMORY);
    }
    mica_image_free(&image);
    mica_buffer_free(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_depends_on_prediction),
        cmocka_unit_test(test_strides),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_efforts),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_wrong_predictions),
        cmocka_unit_test(test_decoder_settings),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
