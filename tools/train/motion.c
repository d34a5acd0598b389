/* The encoder's motion search for the trainer, as a shared library: see motion.py. */
#include "codec/enc_motion.h"

/* Predict each of `count` pictures (RGB, height x width x 3) of `current` from that of `reference`.
 * Returns 0, or another value without memory. */
int mica_train_predict(const uint8_t *current, const uint8_t *reference, uint8_t *predicted,
                       int count, int width, int height, const int *lambda);

int mica_train_predict(const uint8_t *current, const uint8_t *reference, uint8_t *predicted,
                       int count, int width, int height, const int *lambda)
{
    MicaPool *pool = NULL;
    MicaReference now = {0}, before = {0};
    MicaStatus status = mica_pool_create(&pool, 1);
    if (status == MICA_OK)
        status = mica_reference_create(&now, width, height);
    if (status == MICA_OK)
        status = mica_reference_create(&before, width, height);
    const size_t bytes = (size_t)width * (size_t)height * 3;
    for (int i = 0; i < count && status == MICA_OK; i++) {
        MicaMotionField field = {0};
        MicaImage image = {
            .width = width, .height = height, .channels = 3, .stride = 3 * (ptrdiff_t)width};
        const MicaReference *const references[MICA_MOTION_REFERENCES] = {&before, NULL};
        status = mica_motion_field_create(&field, width, height);
        if (status != MICA_OK)
            break;
        image.data = (uint8_t *)(uintptr_t)(current + (size_t)i * bytes);
        mica_reference_set(&now, &image, pool);
        image.data = (uint8_t *)(uintptr_t)(reference + (size_t)i * bytes);
        mica_reference_set(&before, &image, pool);
        status = mica_motion_search(&now, references, lambda[i], pool, &field);
        image.data = predicted + (size_t)i * bytes;
        if (status == MICA_OK)
            mica_motion_predict(&field, references, pool, &image);
        mica_motion_field_free(&field);
    }
    mica_reference_free(&now);
    mica_reference_free(&before);
    if (pool)
        mica_pool_destroy(&pool);
    return status != MICA_OK;
}
