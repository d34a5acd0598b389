/* Per-channel gain for x86, compiled once per level like pointwise_body.h. */
#include "transforms/kernels_impl.h"

/* Pixels of a block: the channels are walked in the outer loop to keep their constants in
 * registers, and a block keeps the lines it touches in the cache meanwhile. */
#define GAIN_BLOCK 16

MICA_INLINE Vec scale(Vec low, Vec high, Vec half0, Vec half1, Vec shift0, Vec shift1)
{
    const Vec product0 = vec_unpacklo16(low, high), product1 = vec_unpackhi16(low, high);
    return vec_pack32(vec_shr32(vec_add32(product0, half0), shift0),
                      vec_shr32(vec_add32(product1, half1), shift1));
}

static void MICA_LEVEL(mica_gain)(const int16_t *in, int16_t *out, size_t pixels, int channels,
                                  const int16_t *mantissa, const uint8_t *shift)
{
    for (size_t first = 0; first < pixels; first += GAIN_BLOCK) {
        const size_t end = pixels - first < GAIN_BLOCK ? pixels : first + GAIN_BLOCK;

        for (int c = 0; c < channels; c += VEC_BYTES / 2) {
            const Vec m = vec_load(mantissa + c), one = vec_set32(1), minus_one = vec_set32(-1);
            const Vec shift0 = vec_load_lanes_widened(shift + c, 8);
            const Vec shift1 = vec_load_lanes_widened(shift + c + 4, 8);
            const Vec half0 = vec_shl32(one, vec_add32(shift0, minus_one));
            const Vec half1 = vec_shl32(one, vec_add32(shift1, minus_one));

            for (size_t p = first; p < end; p++) {
                const size_t place = p * (size_t)channels + (size_t)c;
                const Vec x = vec_load(in + place);
                vec_store(out + place, scale(vec_mullo16(x, m), vec_mulhi16(x, m), half0, half1,
                                             shift0, shift1));
            }
        }
    }
}

static void init_gain(MicaKernels *kernels)
{
    kernels->gain = MICA_LEVEL(mica_gain);
}
