/*
 * NEON vectors for the kernel bodies, see x86/vec_avx2.h. With the dot product extension where the
 * file is compiled for it.
 */
#ifndef MICA_TRANSFORMS_ARM_VEC_NEON_H
#define MICA_TRANSFORMS_ARM_VEC_NEON_H

#include <arm_neon.h>

#include "transforms/kernels_impl.h"

typedef int32x4_t Vec;

#define VEC_BYTES 16
#define HAVE_DOT8 1
#define HAVE_LANES 1

#define vec_s8(v) vreinterpretq_s8_s32(v)
#define vec_s16(v) vreinterpretq_s16_s32(v)
#define vec_from_s8(v) vreinterpretq_s32_s8(v)
#define vec_from_s16(v) vreinterpretq_s32_s16(v)

#define vec_load(p) vec_from_s8(vld1q_s8((const int8_t *)(p)))
#define vec_store(p, v) vst1q_s8((int8_t *)(p), vec_s8(v))
#define vec_zero() vdupq_n_s32(0)
#define vec_set8(x) vec_from_s8(vdupq_n_s8((int8_t)(x)))
#define vec_set16(x) vec_from_s16(vdupq_n_s16((int16_t)(x)))
#define vec_set32(x) vdupq_n_s32((int32_t)(x))
#define vec_set32_halves(low, high) ((void)(high), vec_set32(low)) /* there is but one */
#define vec_add16(a, b) vec_from_s16(vaddq_s16(vec_s16(a), vec_s16(b)))
#define vec_adds16(a, b) vec_from_s16(vqaddq_s16(vec_s16(a), vec_s16(b)))
#define vec_sub16(a, b) vec_from_s16(vsubq_s16(vec_s16(a), vec_s16(b)))
#define vec_abs16(v) vec_from_s16(vabsq_s16(vec_s16(v)))
#define vec_min16(a, b) vec_from_s16(vminq_s16(vec_s16(a), vec_s16(b)))
#define vec_max16(a, b) vec_from_s16(vmaxq_s16(vec_s16(a), vec_s16(b)))
#define vec_sra16(v, count) vec_from_s16(vshrq_n_s16(vec_s16(v), count))
#define vec_sra32(v, count) vshrq_n_s32(v, count)
#define vec_add32(a, b) vaddq_s32(a, b)
#define vec_mulhrs16(a, b) vec_from_s16(vqrdmulhq_s16(vec_s16(a), vec_s16(b)))
#define vec_shr32(v, counts) vshlq_s32(v, vnegq_s32(counts))
#define vec_max8(a, b) vec_from_s8(vmaxq_s8(vec_s8(a), vec_s8(b)))
#define vec_pack16(a, b) vec_from_s8(vqmovn_high_s16(vqmovn_s16(vec_s16(a)), vec_s16(b)))
#define vec_pack32(a, b) vec_from_s16(vqmovn_high_s32(vqmovn_s32(a), b))
#define vec_unpacklo8(a, b) vec_from_s8(vzip1q_s8(vec_s8(a), vec_s8(b)))
#define vec_unpackhi8(a, b) vec_from_s8(vzip2q_s8(vec_s8(a), vec_s8(b)))
#define vec_unpacklo16(a, b) vec_from_s16(vzip1q_s16(vec_s16(a), vec_s16(b)))
#define vec_unpackhi16(a, b) vec_from_s16(vzip2q_s16(vec_s16(a), vec_s16(b)))

MICA_INLINE Vec vec_madd16(Vec a, Vec b)
{
    return vpaddq_s32(vmull_s16(vget_low_s16(vec_s16(a)), vget_low_s16(vec_s16(b))),
                      vmull_high_s16(vec_s16(a), vec_s16(b)));
}

MICA_INLINE Vec vec_load_lanes(const void *p, int stride)
{
    (void)stride;
    return vec_load(p);
}

MICA_INLINE Vec vec_load_lanes_widened(const uint8_t *p, int stride)
{
    const uint8x8_t bytes = vreinterpret_u8_u32(vdup_n_u32(mica_load32(p)));
    (void)stride;
    return vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(vmovl_u8(bytes))));
}

MICA_INLINE void vec_store_narrow(void *p, Vec v, int low)
{
    vst1_s8(p, vmax_s8(vqmovn_s16(vec_s16(v)), vdup_n_s8((int8_t)low)));
}

MICA_INLINE Vec vec_dot8(Vec sum, Vec a, Vec b)
{
#if defined(__ARM_FEATURE_DOTPROD)
    return vdotq_s32(sum, vec_s8(a), vec_s8(b));
#else
    /* Two products of bytes fit 16 bits: one factor is at least -127. */
    const int16x8_t low = vmull_s8(vget_low_s8(vec_s8(a)), vget_low_s8(vec_s8(b)));
    const int16x8_t high = vmull_high_s8(vec_s8(a), vec_s8(b));
    return vpadalq_s16(sum, vpaddq_s16(low, high));
#endif
}

/* Four int16 inputs at `in` times four rows of eight weights, to the sums of the eight outputs. */
MICA_INLINE void vec_add_lanes(Vec sum[2], const uint8_t *in, const Vec w[4])
{
    const int16x4_t x = vreinterpret_s16_u8(vld1_u8(in));

    sum[0] = vmlal_lane_s16(sum[0], vget_low_s16(vec_s16(w[0])), x, 0);
    sum[1] = vmlal_high_lane_s16(sum[1], vec_s16(w[0]), x, 0);
    sum[0] = vmlal_lane_s16(sum[0], vget_low_s16(vec_s16(w[1])), x, 1);
    sum[1] = vmlal_high_lane_s16(sum[1], vec_s16(w[1]), x, 1);
    sum[0] = vmlal_lane_s16(sum[0], vget_low_s16(vec_s16(w[2])), x, 2);
    sum[1] = vmlal_high_lane_s16(sum[1], vec_s16(w[2]), x, 2);
    sum[0] = vmlal_lane_s16(sum[0], vget_low_s16(vec_s16(w[3])), x, 3);
    sum[1] = vmlal_high_lane_s16(sum[1], vec_s16(w[3]), x, 3);
}

#endif
