"""The entropy coder of zero-mean symbols (docs/entropy.md, sections 1 to 5) in numpy and plain Python, for model files.

Slow beside the C code, but it needs nothing else: a writer of models runs anywhere. The constants are those of the C
library, read from entropy/half_cdf_data.c.
"""
import os
import re
from bisect import bisect_right

import numpy as np

BITS = 20
LOW = 1 << 24
SHAPES, SCALES = 16, 64
LARGEST = 2048  # magnitudes whose cost the tables hold
MULTIPLIER, INVERSE = 0x9E3779B1, 0x0E8B2F51


class Damaged(ValueError):
    pass


def constants():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'entropy', 'half_cdf_data.c')
    with open(path) as f:
        text = f.read()
    steps, reciprocals = ([int(v) for v in re.findall(r'\d+', part.split('= {', 1)[1])]
                          for part in text.split('const ')[1:3])
    return np.array(steps, np.int64).reshape(SHAPES, 832), np.array(reciprocals, np.int64).reshape(SCALES, 2)


STEPS, RECIPROCALS = constants()
BASES = np.cumsum(STEPS, 1) - STEPS


def half_cdf(shape, t):
    """A(shape, t), section 2; t an array."""
    u = np.minimum(t, 2 ** 21 - 257) + 256
    e = np.floor(np.log2(u)).astype(np.int64)  # exact: u is far below 2^53
    m = u << (23 - e)
    segment, position = 64 * (e - 8) + ((m >> 17) & 63), (m >> 4) & 8191
    return BASES[shape][segment] + ((STEPS[shape][segment] * (position + 1)) >> 13)


class Model:
    """Section 3.1: c[m] is where the slot pairs of magnitude m start; w + 1 is the escape."""
    cache = {}

    def __init__(self, shape, scale):
        r, h = RECIPROCALS[scale]
        border = half_cdf(shape, ((32 * np.arange(1, 2049) - 16) * r) >> h)
        enough = np.flatnonzero(border[1:2047] >= 2 ** 19 - 4)
        self.w = w = int(enough[0]) + 1 if len(enough) else 2047
        b = border[:w + 1]
        self.c = [0] + (b - ((b * (w + 1)) >> 19) + np.arange(w + 1)).tolist() + [2 ** 19]
        self.order = max(0, w.bit_length() - 4)

    def costs(self):
        """Bits of the magnitudes 0..LARGEST - 1."""
        frequency = np.diff(self.c).astype(float)
        frequency[0] *= 2
        bits = BITS - np.log2(frequency)
        m = np.arange(LARGEST)
        out = bits[np.minimum(m, self.w + 1)]
        excess = np.maximum(m - self.w - 1, 0) + 2.0 ** self.order
        return out + (m > self.w) * (2 * np.floor(np.log2(excess)) + 1 - self.order)

    @classmethod
    def get(cls, key):
        """key: 64 * shape + scale"""
        if key not in cls.cache:
            cls.cache[key] = cls(*divmod(int(key), SCALES))
        return cls.cache[key]


def all_costs():
    """Bits by shape, scale and magnitude."""
    return np.array([Model.get(k).costs() for k in range(SHAPES * SCALES)],
                    np.float32).reshape(SHAPES, SCALES, LARGEST)


def mix(x, factor):
    x ^= x >> 16
    x = x * factor & 0xFFFFFFFF
    return x ^ x >> 16


def encode(symbols, keys):
    """One segment (section 4) of the symbols under the models of `keys`, two lists of integers."""
    count = len(symbols)
    log2_states = 0 if count < 8192 else 1 if count < 65536 else 2 if count < 262144 else 3
    mask = (1 << log2_states) - 1
    states, words = [LOW] * 8, []
    models = {k: Model.get(k) for k in set(keys)}

    def bits(s, v, n):
        if s >= 1 << (56 - n):
            words.append(s & 0xFFFFFFFF)
            s >>= 32
        return s << n | v
    for i in range(count - 1, -1, -1):
        v, model, s = symbols[i], models[keys[i]], states[i & mask]
        m = -v if v < 0 else v
        if m > model.w:
            order = model.order
            excess = m - model.w - 1 + (1 << order)
            n = excess.bit_length() - 1
            s = bits(s, excess - (1 << n), n)
            s = bits(s, 1, 1)
            for _ in range(n - order):
                s = bits(s, 0, 1)
            m = model.w + 1
        a = model.c[m]
        f = model.c[m + 1] - a
        if m == 0:
            f *= 2
        if s >= f << 36:
            words.append(s & 0xFFFFFFFF)
            s >>= 32
        q, r = divmod(s, f)
        states[i & mask] = q << BITS | (r if m == 0 else 2 * (a + r) + (v < 0))
    words.reverse()

    def state(s, size):
        return mix(s & 0xFFFFFFFF, INVERSE).to_bytes(4, 'little') + (s >> 32).to_bytes(size - 4, 'little')
    out = b''.join(state(s, 7) for s in states[1:mask + 1])
    out += state(states[0], max(4, (states[0].bit_length() + 7) // 8))
    out += b''.join(mix(w, INVERSE).to_bytes(4, 'little') for w in words)
    return bytes([(len(out) + 1 & 63) << 2 | log2_states]) + out


class Decoder:
    def __init__(self, data):
        if len(data) < 5 or len(data) & 63 != data[0] >> 2:
            raise Damaged('length of the segment')
        self.mask = (1 << (data[0] & 3)) - 1
        fixed = 1 + 7 * self.mask
        first = 4 + (len(data) - fixed) % 4
        if len(data) < fixed + first:
            raise Damaged('length of the segment')

        def state(p):
            return mix(int.from_bytes(p[:4], 'little'), MULTIPLIER) | int.from_bytes(p[4:], 'little') << 32
        self.states = [state(data[fixed:fixed + first])] + [state(data[1 + 7 * i:8 + 7 * i]) for i in range(self.mask)]
        x = np.frombuffer(data, '<u4', offset=fixed + first).astype(np.uint32)
        x = x ^ x >> np.uint32(16)
        x = (x.astype(np.uint64) * MULTIPLIER & 0xFFFFFFFF).astype(np.uint32)
        self.words = (x ^ x >> np.uint32(16)).tolist()
        self.words.reverse()  # taken from the end
        self.next = 0

    def refill(self, s):
        if s >= LOW:
            return s
        if not self.words:
            raise Damaged('the segment ends too early')
        return s << 32 | self.words.pop()

    def run(self, keys):
        """The next symbols, under the models of the list `keys`."""
        out, states, mask, at, words = [], self.states, self.mask, self.next, self.words
        models = {k: (lambda m: (m.c, m.c[1], m.w + 1, m.order))(Model.get(k)) for k in set(keys)}
        for k in keys:
            c, zero, escape, order = models[k]
            s = states[at]
            slot = s & 0xFFFFF
            pair = slot >> 1
            if pair < zero:
                s = 2 * zero * (s >> BITS) + slot
                v = 0
            else:
                v = bisect_right(c, pair) - 1
                a = c[v]
                s = (c[v + 1] - a) * (s >> BITS) + pair - a
            if s < LOW:
                if not words:
                    raise Damaged('the segment ends too early')
                s = s << 32 | words.pop()
            if v == escape:
                n = order
                while not s & 1:
                    s = self.refill(s >> 1)
                    n += 1
                    if n > 16:
                        raise Damaged('an excess out of range')
                s = self.refill(s >> 1)
                v += (1 << n) + (s & ((1 << n) - 1)) - (1 << order)
                s = self.refill(s >> n)
            if slot & 1 and pair >= zero:
                v = -v
            if not -32768 <= v <= 32767:
                raise Damaged('a symbol out of range')
            out.append(v)
            states[at] = s
            at = (at + 1) & mask
        self.next = at
        return out

    def finish(self):
        if self.words or any(s != LOW for s in self.states):
            raise Damaged('the segment does not end as it must')
