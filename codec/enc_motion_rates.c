#include "codec/enc_motion_rates.h"

#include <string.h>

/* -log2(p / 2^15) in 1/16 for p in 1..2^15: the whole bits by shifting, the others by squaring. */
static unsigned information(uint32_t p)
{
    unsigned bits = 0;
    while (p < 1u << 15) {
        p <<= 1;
        bits += 16;
    }
    for (unsigned i = 8; i > 0; i >>= 1) {
        p = p * p >> 15;
        if (p >= 1u << 16) {
            p >>= 1;
            bits -= i;
        }
    }
    return bits;
}

static unsigned rate_of(MicaBitModel model, int decision)
{
    const uint32_t ones = model >> 17, p = decision ? ones : (1u << 15) - ones;
    return information(p < 8 ? 8 : p);
}

static void set_both(uint16_t rate[2], MicaBitModel model)
{
    for (int decision = 0; decision < 2; decision++)
        rate[decision] = (uint16_t)rate_of(model, decision);
}

static void set_components(MicaMotionRates *r, const MicaMotionModels *m)
{
    for (int k = 0; k < 3; k++) {
        const MicaBitModel *longer = m->longer[k > 0];
        r->component[k][0] = (uint16_t)rate_of(m->zero[k], 1);
        unsigned rate = rate_of(m->zero[k], 0) + 16; /* and its sign */
        for (int bits = 1; bits <= MICA_MOTION_BITS; bits++) {
            const unsigned end = bits < MICA_MOTION_BITS ? rate_of(longer[bits - 1], 0) : 0;
            /* Digits are about as often 1 as 0. */
            r->component[k][bits] = (uint16_t)(rate + end + 16u * (unsigned)(bits - 1));
            rate += rate_of(longer[bits - 1], 1);
        }
    }
}

void mica_motion_rates_set(MicaMotionRates *r, const MicaMotionModels *m)
{
    memset(r, 0, sizeof *r);
    for (int context = 0; context < 3; context++) {
        for (int i = 0; i < MICA_MOTION_LEVELS - 1; i++)
            set_both(r->split[i][context], m->split[i][context]);
        for (int i = 0; i < MICA_MOTION_LEVELS; i++)
            set_both(r->taken[i][context], m->taken[i][context]);
        for (int k = 0; k < 3; k++) {
            const unsigned one = rate_of(m->both[context], 0);
            r->references[context][k][3] = (uint16_t)rate_of(m->both[context], 1);
            for (int i = 0; i < 2; i++)
                r->references[context][k][1 + i] = (uint16_t)(one + rate_of(m->second[k], i));
        }
    }
    unsigned before = 0;
    for (int i = 0; i < MICA_MOTION_CANDIDATES - 1; i++) {
        r->candidate[i] = (uint16_t)(before + rate_of(m->later[i], 0));
        before += rate_of(m->later[i], 1);
    }
    r->candidate[MICA_MOTION_CANDIDATES - 1] = (uint16_t)before;
    set_components(r, m);
}

int mica_motion_lambda(int step)
{
    const int e = step * 300; /* log2 in 1/65536: 600^(-1/2) over the whole range */
    const int value = 858 * (65536 - (e & 65535) / 2) >> 16 >> (e >> 16);
    return value < 1 ? 1 : value;
}
