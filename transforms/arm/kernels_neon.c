/* The NEON level. */
#include "transforms/arm/vec_neon.h"

#define MICA_LEVEL(name) name##_neon
#define WORDS_GROUP 8
#define BYTES_GROUP 6

#include "transforms/pointwise_body.h"
#include "transforms/depthwise_body.h"
#include "transforms/restoration_body.h"

static void mica_gain_neon(const int16_t *in, int16_t *out, size_t pixels, int channels,
                           const int16_t *mantissa, const uint8_t *shift)
{
    for (size_t p = 0; p < pixels; p++, in += channels, out += channels) {
        for (int c = 0; c < channels; c += 8) {
            const int16x8_t x = vld1q_s16(in + c), m = vld1q_s16(mantissa + c);
            const uint16x8_t count = vmovl_u8(vld1_u8(shift + c));
            const int32x4_t count0 = vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(count)));
            const int32x4_t count1 = vreinterpretq_s32_u32(vmovl_high_u16(count));
            const int32x4_t product0 = vmull_s16(vget_low_s16(x), vget_low_s16(m));
            const int32x4_t product1 = vmull_high_s16(x, m);

            /* vrshl adds the half of the last place before it shifts. */
            vst1q_s16(out + c, vqmovn_high_s32(vqmovn_s32(vrshlq_s32(product0, vnegq_s32(count0))),
                                               vrshlq_s32(product1, vnegq_s32(count1))));
        }
    }
}

void mica_kernels_init_neon(MicaKernels *kernels)
{
    init_pointwise(kernels);
    init_depthwise(kernels);
    init_restoration(kernels);
    kernels->gain = mica_gain_neon;
}
