#!/usr/bin/env python3
"""Writes half_cdf_data.c: the constants of the probability models (numpy, scipy). The committed values are normative.

Half-CDF: A(t) = P(0 < T < t) of the unit-variance generalized Gaussian of shape b = 0.5 + index / 8, in units of
2^-20, at the ends of 832 segments: 13 octaves of u = t + 2^-8 from 2^-8 to 32, 64 equal segments each. Stored as
differences, so that no value can make A decrease.

Scales are stored as reciprocals in units of t = 2^-16 per 1/32 of a quantiser step: for sigma = 0.11 (256 / 0.11)^(i / 63)
as a multiplier of at least 11 bits and a shift; for sigma = 0.11 2^(i / 16) as the multipliers of the first octave.
"""
import os
import numpy as np
from scipy.special import gammaincc, gammaln

UNIT = 20
OCTAVES, STEPS = 13, 64
OFFSET = 2.0 ** -8


def half_cdf(index):
    shape = 0.5 + index / 8
    u = OFFSET * 2.0 ** np.repeat(np.arange(OCTAVES), STEPS) * (1 + np.tile(np.arange(STEPS), OCTAVES) / STEPS)
    t = np.append(u, OFFSET * 2.0 ** OCTAVES) - OFFSET
    a = np.exp(0.5 * (gammaln(3 / shape) - gammaln(1 / shape)))

    def exact(t):
        return 0.5 - 0.5 * gammaincc(1 / shape, (a * t) ** shape)

    # A is concave, so chords lie below it; raising the ends by half the sag of their segments halves the error.
    value = exact(t)
    sag = exact((t[1:] + t[:-1]) / 2) - (value[1:] + value[:-1]) / 2
    value[1:-1] += (sag[1:] + sag[:-1]) / 4
    # Never the full half: every value fits 19 bits and the tail keeps a little probability.
    return np.minimum(np.rint(value * 2 ** UNIT), 2 ** (UNIT - 1) - 1).astype(int)


def coarse_scales():
    for i in range(64):
        ratio = 2.0 ** 16 / 32 / (0.11 * (256 / 0.11) ** (i / 63))
        shift = max(0, 11 - int(np.floor(np.log2(ratio))))
        yield int(np.rint(ratio * 2 ** shift)), shift


def fine_multipliers():
    return [int(np.rint(2.0 ** 16 / 32 / (0.11 * 2 ** (i / 16)))) for i in range(16)]


def rows(values, per_line):
    values = [str(v) for v in values]
    return ''.join('    ' + ', '.join(values[i:i + per_line]) + ',\n' for i in range(0, len(values), per_line))


with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'half_cdf_data.c'), 'w') as f:
    f.write('/* Written by gen_tables.py, which explains the values; they are normative. */\n'
            '#include "entropy/half_cdf.h"\n\n/* clang-format off */\n')
    f.write('const uint16_t mica_half_cdf_steps[MICA_SHAPE_COUNT][MICA_HALF_CDF_SEGMENTS] = {\n')
    for index in range(16):
        steps = np.diff(half_cdf(index))
        assert steps.min() >= 0 and steps.max() < 8192
        f.write('{\n' + rows(steps, 18) + '},\n')
    f.write('};\n\nconst MicaReciprocal mica_reciprocals[MICA_SCALE_COUNT] = {\n')
    f.write(rows(['{%d, %d}' % s for s in coarse_scales()], 8))
    f.write('};\n\nconst uint16_t mica_fine_multipliers[16] = {\n' + rows(fine_multipliers(), 16) + '};\n')
