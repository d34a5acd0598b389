/*
 * Loading arbitrary model files. One that is accepted must also be safe to use: the loader promises
 * that no accumulator overflows and no index leaves its table, whatever the weights are, and the
 * sanitizers watch a small picture go through both directions.
 *
 * The first byte says whether the rest is a file or a script of edits of a small model, and of
 * which one: of pictures or of predicted frames.
 */
#include <stdlib.h>
#include <string.h>

#include "codec/base/sha256.h"
#include "codec/dec_picture.h"
#include "codec/enc_picture.h"
#include "fuzz.h"
#include "models/model.h"

#define DIGEST 32

static void use_predicted(const MicaModel *model, uint32_t seed)
{
    const int channels = seed & 1 ? 1 : 3;
    MicaImage image = fuzz_picture(17, 9, channels, 8, seed & 0xffff), back;
    MicaImage prediction = fuzz_picture(17, 9, channels, 8, seed >> 8 & 0xffff);
    MicaSession session;
    MicaTimes times;
    MicaEncodeSettings settings;
    mica_encode_defaults(&settings, sizeof settings);
    settings.quality = seed % 101;
    settings.effort = 1;
    MicaBuffer coded;
    fuzz_require(mica_session_open(&session, model, 1, UINT32_MAX, NULL) == MICA_OK, "session");
    fuzz_require(mica_picture_encode(&session, &image, &prediction, &settings, &coded, NULL, &times,
                                     NULL) == MICA_OK,
                 "a loaded model encodes");
    mica_session_close(&session);
    MicaStream stream;
    MicaDecodeSettings decoder;
    mica_decode_defaults(&decoder, sizeof decoder);
    fuzz_require(mica_stream_read(&stream, coded.data, coded.size, NULL) == MICA_OK, "a stream");
    fuzz_require(mica_session_open(&session, model, 1, seed & 2 ? 0 : UINT32_MAX, NULL) == MICA_OK,
                 "session");
    fuzz_require(mica_picture_decode(&session, &stream, &prediction, &decoder, &back, &times,
                                     NULL) == MICA_OK,
                 "and decodes");
    mica_session_close(&session);
    fuzz_require(back.width == image.width && back.channels == channels, "dimensions");
    mica_image_free(&back);
    mica_image_free(&image);
    mica_image_free(&prediction);
    mica_buffer_free(&coded);
}

static void use(const MicaModel *model, uint32_t seed)
{
    MicaModelInfo info;
    mica_model_info(model, &info);
    fuzz_require(memchr(info.name, 0, sizeof info.name) != NULL, "the name ends");
    /* A model may ask for much memory and time within its limits; such are only loaded. */
    if (info.parameters > 400000)
        return;
    if (info.condition) {
        use_predicted(model, seed);
        return;
    }
    MicaImage image = fuzz_picture(17, 9, seed & 1 ? 1 : 3, 8, seed & 0xffff), back;
    MicaEncodeSettings settings;
    mica_encode_defaults(&settings, sizeof settings);
    settings.model = model;
    settings.quality = seed % 101;
    settings.threads = 1;
    settings.effort = 1;
    MicaBuffer coded;
    const MicaStatus status = mica_image_encode(&image, &settings, &coded, NULL);
    fuzz_require(status == MICA_OK, "a loaded model encodes");
    MicaDecodeSettings decoder;
    mica_decode_defaults(&decoder, sizeof decoder);
    decoder.model = model;
    decoder.threads = 1;
    decoder.cpu_mask = seed & 2 ? 0 : UINT32_MAX; /* what one level wrote, another reads */
    fuzz_require(mica_image_decode(coded.data, coded.size, &decoder, &back, NULL) == MICA_OK,
                 "and decodes");
    fuzz_require(back.width == image.width && back.height == image.height, "dimensions");
    mica_image_free(&back);
    mica_image_free(&image);
    mica_buffer_free(&coded);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t input_size)
{
    if (input_size < 2)
        return 0;
    const int mode = input[0];
    const uint32_t seed = input[1] * 2654435761u;
    size_t size = input_size - 2, base_size;
    const uint8_t *const base =
        (mode >> 6) == 2 ? fuzz_predicted_file(&base_size) : fuzz_tiny_file(&base_size);
    uint8_t *const data =
        mode & 1 ? fuzz_copy(input + 2, size) : fuzz_edit(base, base_size, input + 2, size, &size);
    MicaModel *model = NULL;
    MicaError error = {0};
    MicaStatus status;
    if (mode & 6) {
        /* The digest is skipped most times, or nothing behind it would be reached. */
        status = mica_model_load_trusted(&model, data, size, &error);
    } else {
        if (mode & 8 && size > DIGEST)
            mica_sha256(data, size - DIGEST, data + size - DIGEST);
        status = mica_model_load(&model, data, size, &error);
    }
    free(data);
    if (status == MICA_OK) {
        if (!(mode & 16))
            use(model, seed);
        mica_model_unref(&model);
    } else {
        fuzz_require(model == NULL, "no model on failure");
        fuzz_require(error.status == status && error.text[0], "a message");
        fuzz_require(status != MICA_ERROR_INTERNAL, "no internal error");
    }
    return 0;
}
