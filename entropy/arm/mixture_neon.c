#include <arm_neon.h>

#include "entropy/mixture.h"

/* Two registers: the search wants eight candidates, and the rest is glad of independent work. */
#define LANES 8

typedef struct Vec {
    int32x4_t low, high;
} Vec;

/* Apply an operation of one register to both. */
#define BOTH(op, a, b) ((Vec){op((a).low, (b).low), op((a).high, (b).high)})

MICA_INLINE Vec v_set(int32_t v)
{
    return (Vec){vdupq_n_s32(v), vdupq_n_s32(v)};
}

MICA_INLINE Vec v_ramp(void)
{
    static const int32_t ramp[LANES] = {0, 1, 2, 3, 4, 5, 6, 7};
    return (Vec){vld1q_s32(ramp), vld1q_s32(ramp + 4)};
}

MICA_INLINE Vec v_load8(const uint8_t *p)
{
    uint16x8_t v = vmovl_u8(vld1_u8(p));
    return (Vec){vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(v))),
                 vreinterpretq_s32_u32(vmovl_high_u16(v))};
}

MICA_INLINE Vec v_load16(const int16_t *p)
{
    int16x8_t v = vld1q_s16(p);
    return (Vec){vmovl_s16(vget_low_s16(v)), vmovl_high_s16(v)};
}

MICA_INLINE void v_store(int32_t *p, Vec v)
{
    vst1q_s32(p, v.low);
    vst1q_s32(p + 4, v.high);
}

MICA_INLINE Vec v_gather(const uint32_t *table, Vec index)
{
    int32_t i[LANES], v[LANES];
    v_store(i, index);
    for (int k = 0; k < LANES; k++)
        v[k] = (int32_t)table[i[k]];
    return (Vec){vld1q_s32(v), vld1q_s32(v + 4)};
}

/* One of 16 values, by the low 4 bits of the index */
MICA_INLINE Vec v_table16(const uint16_t *table, Vec index)
{
    int32_t i[LANES], v[LANES];
    v_store(i, index);
    for (int k = 0; k < LANES; k++)
        v[k] = table[i[k] & 15];
    return (Vec){vld1q_s32(v), vld1q_s32(v + 4)};
}

MICA_INLINE Vec v_add(Vec a, Vec b)
{
    return BOTH(vaddq_s32, a, b);
}

MICA_INLINE Vec v_sub(Vec a, Vec b)
{
    return BOTH(vsubq_s32, a, b);
}

MICA_INLINE Vec v_mul(Vec a, Vec b)
{
    return BOTH(vmulq_s32, a, b);
}

/* Factors in 0..32767 */
MICA_INLINE Vec v_mul16(Vec a, Vec b)
{
    return BOTH(vmulq_s32, a, b);
}

MICA_INLINE Vec v_and(Vec a, Vec b)
{
    return BOTH(vandq_s32, a, b);
}

MICA_INLINE Vec v_min(Vec a, Vec b)
{
    return BOTH(vminq_s32, a, b);
}

MICA_INLINE Vec v_max(Vec a, Vec b)
{
    return BOTH(vmaxq_s32, a, b);
}

MICA_INLINE int32x4_t min_unsigned(int32x4_t a, int32x4_t b)
{
    return vreinterpretq_s32_u32(vminq_u32(vreinterpretq_u32_s32(a), vreinterpretq_u32_s32(b)));
}

MICA_INLINE Vec v_min_unsigned(Vec a, Vec b)
{
    return BOTH(min_unsigned, a, b);
}

MICA_INLINE Vec v_abs(Vec a)
{
    return (Vec){vabsq_s32(a.low), vabsq_s32(a.high)};
}

MICA_INLINE int32x4_t copy_sign(int32x4_t a, int32x4_t b)
{
    int32x4_t negative = vshrq_n_s32(b, 31);
    return vsubq_s32(veorq_s32(a, negative), negative);
}

/* a with the sign of b (a is 0 where b is 0) */
MICA_INLINE Vec v_sign(Vec a, Vec b)
{
    return BOTH(copy_sign, a, b);
}

MICA_INLINE Vec v_select_greater(Vec a, Vec b, Vec yes, Vec no)
{
    return (Vec){vbslq_s32(vcgtq_s32(a.low, b.low), yes.low, no.low),
                 vbslq_s32(vcgtq_s32(a.high, b.high), yes.high, no.high)};
}

MICA_INLINE int v_count_not_greater(Vec a, int32_t limit)
{
    int32x4_t l = vdupq_n_s32(limit);
    uint32x4_t masks = vaddq_u32(vcleq_s32(a.low, l), vcleq_s32(a.high, l));
    return -(int)vaddvq_u32(masks);
}

MICA_INLINE int32x4_t shift_up(int32x4_t a, int32x4_t count)
{
    return vreinterpretq_s32_u32(vshlq_u32(vreinterpretq_u32_s32(a), count));
}

MICA_INLINE Vec v_shl_each(Vec a, Vec count)
{
    return BOTH(shift_up, a, count);
}

MICA_INLINE Vec v_shr_each(Vec a, Vec count)
{
    return v_shl_each(a, v_sub(v_set(0), count));
}

MICA_INLINE Vec v_shl(Vec a, int n)
{
    return v_shl_each(a, v_set(n));
}

MICA_INLINE Vec v_shr(Vec a, int n)
{
    return v_shl_each(a, v_set(-n));
}

MICA_INLINE Vec v_shr_signed(Vec a, int n)
{
    return BOTH(vshlq_s32, a, v_set(-n));
}

/* The bits of the float that equals a, 0 <= a < 2^24 */
MICA_INLINE Vec v_float_bits(Vec a)
{
    return (Vec){vreinterpretq_s32_f32(vcvtq_f32_s32(a.low)),
                 vreinterpretq_s32_f32(vcvtq_f32_s32(a.high))};
}

MICA_INLINE unsigned v_first_bit(unsigned bits)
{
    return (unsigned)__builtin_ctz(bits);
}

#include "entropy/mixture_body.h"
#include "entropy/mixture_search_body.h"

void mica_mixture_dsp_init_neon(MicaMixtureDsp *dsp)
{
    for (int i = 0; i < MICA_ENTROPY_COMPONENTS_MAX; i++) {
        dsp->prepare[i] = prepares[i];
        dsp->search[i] = searches[i];
    }
}
