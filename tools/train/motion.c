/* The encoder's motion search for the trainer, as a shared library: see motion.py. */
#include "codec/base/cpu.h"
#include "codec/enc_motion.h"

/* Predict each of `count` pictures (RGB, height x width x 3) of `current` from that of `reference`.
 * Returns 0, or another value without memory. */
int mica_train_predict(const uint8_t *current, const uint8_t *reference, uint8_t *predicted,
                       int count, int width, int height, const int *lambda);

int mica_train_predict(const uint8_t *current, const uint8_t *reference, uint8_t *predicted,
                       int count, int width, int height, const int *lambda)
{
    MicaPool *pool = NULL;
    MicaMotionSearch search = {.columns = 0};
    MicaReference now = {0}, before = {0};
    MicaStatus status = mica_pool_create(&pool, 1);
    if (status == MICA_OK)
        status = mica_reference_create(&now, width, height);
    if (status == MICA_OK)
        status = mica_reference_create(&before, width, height);
    if (status == MICA_OK)
        status = mica_motion_search_create(&search, width, height, mica_cpu_flags());
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
        mica_reference_set(&now, &search.kernels, &image, pool);
        image.data = (uint8_t *)(uintptr_t)(reference + (size_t)i * bytes);
        mica_reference_set(&before, &search.kernels, &image, pool);
        mica_motion_search(&search, &now, references, lambda[i], pool, &field);
        image.data = predicted + (size_t)i * bytes;
        mica_motion_predict(&field, &search.kernels, references, pool, &image);
        mica_motion_field_free(&field);
    }
    mica_motion_search_free(&search);
    mica_reference_free(&now);
    mica_reference_free(&before);
    if (pool)
        mica_pool_destroy(&pool);
    return status != MICA_OK;
}
