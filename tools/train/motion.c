/* The encoder's motion search for the trainer, as a shared library: see motion.py. */
#include "codec/base/cpu.h"
#include "codec/enc_motion.h"

/* Predict each of `count` pictures (RGB, height x width x 3) of `current` from that of `first`, and
 * where `references` is 2 from that of `second` too. Returns 0, or another value without memory.
 * The motion of frames before, which the encoder may take over, is not known here. */
int mica_train_predict(const uint8_t *current, const uint8_t *first, const uint8_t *second,
                       const uint8_t *references, uint8_t *predicted, int count, int width,
                       int height, const int *lambda);

static void set(MicaReference *r, const MicaMotionKernels *kernels, const uint8_t *pixels,
                MicaPool *pool)
{
    const MicaImage image = {.width = r->width,
                             .height = r->height,
                             .channels = 3,
                             .stride = 3 * (ptrdiff_t)r->width,
                             .data = (uint8_t *)(uintptr_t)pixels};
    mica_reference_set(r, kernels, &image, pool);
}

int mica_train_predict(const uint8_t *current, const uint8_t *first, const uint8_t *second,
                       const uint8_t *references, uint8_t *predicted, int count, int width,
                       int height, const int *lambda)
{
    MicaPool *pool = NULL;
    MicaMotionSearch search = {.columns = 0};
    MicaMotionKernels kernels;
    mica_motion_kernels_init(&kernels, mica_cpu_flags());
    MicaMotionModels models;
    MicaMotionRates rates;
    mica_motion_models_begin(&models);
    mica_motion_rates_set(&rates, &models);
    MicaReference now = {0}, before[MICA_MOTION_REFERENCES] = {{0}, {0}};
    MicaStatus status = mica_pool_create(&pool, 1);
    if (status == MICA_OK)
        status = mica_reference_create(&now, width, height);
    for (int k = 0; k < MICA_MOTION_REFERENCES && status == MICA_OK; k++)
        status = mica_reference_create(&before[k], width, height);
    if (status == MICA_OK)
        status = mica_motion_search_create(&search, width, height);
    const size_t bytes = (size_t)width * (size_t)height * 3;
    for (int i = 0; i < count && status == MICA_OK; i++) {
        MicaMotionField field = {0};
        const MicaReference *const reference[MICA_MOTION_REFERENCES] = {
            &before[0], references[i] == 2 ? &before[1] : NULL};
        MicaImage out = {.width = width,
                         .height = height,
                         .channels = 3,
                         .stride = 3 * (ptrdiff_t)width,
                         .data = predicted + (size_t)i * bytes};
        status = mica_motion_field_create(&field, width, height);
        if (status != MICA_OK)
            break;
        set(&now, &kernels, current + (size_t)i * bytes, pool);
        set(&before[0], &kernels, first + (size_t)i * bytes, pool);
        if (reference[1])
            set(&before[1], &kernels, second + (size_t)i * bytes, pool);
        field.references = references[i];
        mica_motion_search(&search, &kernels, &now, reference, NULL, &rates, lambda[i], pool,
                           &field);
        mica_motion_predict(&field, &kernels, reference, pool, &out);
        mica_motion_field_free(&field);
    }
    mica_motion_search_free(&search);
    mica_reference_free(&now);
    for (int k = 0; k < MICA_MOTION_REFERENCES; k++)
        mica_reference_free(&before[k]);
    if (pool)
        mica_pool_destroy(&pool);
    return status != MICA_OK;
}
