/*
 * Dot products of VNNI for the width of the vec_*.h included before, in VEX or EVEX encoding.
 *
 * Not intrinsics: around those, GCC 12 copies every sum of a loop twice and runs out of registers.
 */
#ifndef MICA_TRANSFORMS_X86_VEC_VNNI_H
#define MICA_TRANSFORMS_X86_VEC_VNNI_H

#if defined(__AVX512VNNI__)
#define VNNI_ENCODING ""
#else
#define VNNI_ENCODING "%{vex%} "
#endif

#define HAVE_DOT8 1
#define DOT8_UNSIGNED 1

#undef vec_dot16

MICA_INLINE Vec vec_dot16(Vec sum, Vec a, Vec b)
{
    __asm__(VNNI_ENCODING "vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    return sum;
}

MICA_INLINE Vec vec_dot8(Vec sum, Vec unsigned8, Vec signed8)
{
    __asm__(VNNI_ENCODING "vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(unsigned8), "v"(signed8));
    return sum;
}

#endif
