"""A second decoder of the entropy coder, written from docs/entropy.md: python3 slow_decoder.py GOLDEN...

Slow and simple. Each file written by golden.c holds model parameters, a coded segment and the symbols it must give.
"""
import os
import re
import struct
import sys

SLOTS = 1 << 20
LOW = 1 << 24
MULTIPLIER = 0x9E3779B1


class Damaged(Exception):
    pass


def constants():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'entropy', 'half_cdf_data.c')
    with open(path) as f:
        text = f.read()
    tables = [[int(v) for v in re.findall(r'\d+', part.split('= {', 1)[1])] for part in text.split('const ')[1:]]
    steps, reciprocals, multipliers = tables
    assert (len(steps), len(reciprocals), len(multipliers)) == (16 * 832, 128, 16)
    return ([steps[i:i + 832] for i in range(0, 16 * 832, 832)],
            list(zip(reciprocals[::2], reciprocals[1::2])), multipliers)


STEPS, RECIPROCALS, MULTIPLIERS = constants()
BASES = [[sum(row[:i]) for i in range(832)] for row in STEPS]


def log2(v):
    return v.bit_length() - 1


# Section 2

def half_cdf(shape, t):
    u = min(t, 2 ** 21 - 257) + 256
    e = log2(u)
    m = u << (23 - e)
    segment = 64 * (e - 8) + ((m >> 17) & 63)
    position = (m >> 4) & 8191
    return BASES[shape][segment] + ((STEPS[shape][segment] * (position + 1)) >> 13)


# Section 3: models have zero (slots of the symbol 0 as far as skipping is concerned) and
# find(slot) -> symbol, frequency, rank, order of the excess or None

class ZeroMean:
    cache = {}

    def __init__(self, shape, scale):
        self.shape = shape
        self.r, self.h = RECIPROCALS[scale]
        low, high = 1, 2047
        while low < high:
            middle = (low + high) // 2
            if self.border(middle + 1) >= 2 ** 19 - 4:
                high = middle
            else:
                low = middle + 1
        self.w = low
        self.zero = 2 * self.c(1)

    @classmethod
    def get(cls, shape, scale):
        if (shape, scale) not in cls.cache:
            cls.cache[shape, scale] = cls(shape, scale)
        return cls.cache[shape, scale]

    def border(self, m):
        return half_cdf(self.shape, ((32 * m - 16) * self.r) >> self.h)

    def c(self, m):
        if m == 0:
            return 0
        if m == self.w + 2:
            return 2 ** 19
        b = self.border(m)
        return b - ((b * (self.w + 1)) >> 19) + m - 1

    def find(self, slot):
        pair = slot >> 1
        m = bisect(self.c, 0, self.w + 2, pair)
        if m == 0:
            return 0, self.zero, slot, None
        order = max(0, log2(self.w) - 3) if m == self.w + 1 else None
        return -m if slot & 1 else m, self.c(m + 1) - self.c(m), pair - self.c(m), order


def bisect(c, low, high, slot):
    """The x in low..high - 1 with c(x) <= slot < c(x + 1)"""
    while high - low > 1:
        middle = (low + high) // 2
        if c(middle) <= slot:
            low = middle
        else:
            high = middle
    return low


class Window:
    """What mixtures and static models have in common: a window and c() on it."""

    def border(self, x):
        if x < self.first:
            return 0
        return SLOTS if x > self.last + 1 else self.c(x)

    def find(self, slot):
        x = bisect(self.border, self.first - 1, self.last + 2, slot)
        order = None if self.first <= x <= self.last else self.order
        return x, self.border(x + 1) - self.border(x), slot - self.border(x), order


class Mixture(Window):
    def __init__(self, shape, means, scales, weights):
        self.shape, self.means = shape, means
        self.weights = []
        for given in list(weights) + [256]:
            self.weights.append(min(given, 256 - sum(self.weights)))
        scales = [min(i, 179) for i in scales]
        self.octaves = [i >> 4 for i in scales]
        self.multipliers = [MULTIPLIERS[i & 15] for i in scales]
        centres = [(u + 16) >> 5 for u in means]
        octave = max(self.octaves)
        if shape < 8:
            octave = min(octave + (2 if shape < 3 else 1), 12)
        self.first = min(centres) - 2 ** octave
        self.last = max(centres) + 2 ** octave
        self.order = max(0, log2((self.last - self.first) >> 1) - 3)
        peaks = [(r * w) >> o for r, w, o in zip(self.multipliers, self.weights, self.octaves)]
        likeliest = centres[peaks.index(max(peaks))]
        self.zero = self.border(1) - self.border(0) if likeliest == 0 else 0

    def c(self, x):
        total = 2 ** 27
        for u, r, o, w in zip(self.means, self.multipliers, self.octaves, self.weights):
            d = 32 * x - 16 - u
            a = half_cdf(self.shape, (abs(d) * r) >> o)
            total += w * (a if d >= 0 else -a)
        f = total >> 8
        return f - (((f >> 4) * (self.last - self.first + 3)) >> 16) + x - self.first + 1


class Static(Window):
    def __init__(self, first, histogram):
        n = len(histogram)
        if sum(histogram) == 0:
            histogram = [1] * n
        self.first, self.last = first, first + n - 1
        self.below = [sum(histogram[:i]) for i in range(n + 1)]
        self.z = 0
        while self.below[n] >> self.z >= 2 ** 43:
            self.z += 1
        self.order = max(0, log2(n) - 3)
        self.zero = self.border(1) - self.border(0) if self.first <= 0 <= self.last else 0

    def c(self, x):
        n = len(self.below) - 1
        part = (self.below[x - self.first] >> self.z) * (SLOTS - n - 2) // (self.below[n] >> self.z)
        return part + x - self.first + 1


# Sections 4 and 5

def mixed(x):
    x ^= x >> 16
    x = x * MULTIPLIER & 0xFFFFFFFF
    return x ^ x >> 16


class Segment:
    def __init__(self, data):
        if len(data) < 5 or data[0] >> 2 != len(data) & 63:
            raise Damaged('length')
        count = 1 << (data[0] & 3)
        left = len(data) - 1 - 7 * (count - 1)
        if left < 4:
            raise Damaged('too short')
        sizes = [4 + left % 4] + [7] * (count - 1)
        self.states, at = [0] * count, 1
        for k in list(range(1, count)) + [0]:
            raw = data[at:at + sizes[k]]
            if k == 0 and sizes[k] > 4 and raw[-1] == 0:
                raise Damaged('size of a state')
            self.states[k] = mixed(int.from_bytes(raw[:4], 'little')) | int.from_bytes(raw[4:], 'little') << 32
            if self.states[k] < LOW:
                raise Damaged('state')
            at += sizes[k]
        self.words = [mixed(w) for w, in struct.iter_unpack('<I', data[at:])]
        self.next_word = 0
        self.symbols = 0

    def refill(self, k, state):
        if state < LOW:
            if self.next_word == len(self.words):
                raise Damaged('no words left')
            state = state << 32 | self.words[self.next_word]
            self.next_word += 1
        self.states[k] = state

    def bits(self, k, n):
        value = self.states[k] % 2 ** n
        self.refill(k, self.states[k] >> n)
        return value

    def excess(self, k, order):
        n = order
        while not self.bits(k, 1):
            n += 1
            if n > 16:
                raise Damaged('excess')
        return 2 ** n + self.bits(k, n) - 2 ** order

    def take(self, model):
        k = self.symbols % len(self.states)
        self.symbols += 1
        symbol, frequency, rank, order = model.find(self.states[k] % SLOTS)
        self.refill(k, frequency * (self.states[k] >> 20) + rank)
        if order is not None:
            excess = self.excess(k, order)
            negative = symbol < 0 if isinstance(model, ZeroMean) else symbol < model.first
            symbol += -excess if negative else excess
        if not -32768 <= symbol <= 32767:
            raise Damaged('symbol')
        return symbol

    def finish(self):
        if self.next_word != len(self.words) or any(s != LOW for s in self.states):
            raise Damaged('end')


# Section 6

def coarse(i):
    i = min(i, 179)
    return min(63, (i * 63000000 // 16 + 5592233) // 11184466)


def decode(data, models):
    if not data or data[0] > 19:
        raise Damaged('skip')
    skip = SLOTS - (SLOTS >> data[0]) if data[0] else SLOTS
    segment = Segment(data[1:])
    symbols = [0 if model.zero > skip else segment.take(model) for model in models]
    segment.finish()
    return symbols


class Golden:
    """A file of golden.c"""

    def __init__(self, path):
        with open(path, 'rb') as f:
            self.data = f.read()
        self.at = 8
        assert self.data[:8] == b'micaent1'
        components, has_means, has_shapes, tables = self.read('B', 4)
        count, size = self.read('I', 2)
        if tables:
            static = []
            for _ in range(tables):
                first, = self.read('h', 1)
                length, = self.read('H', 1)
                static.append(Static(first, self.read('I', length)))
            self.models = [static[min(c, tables - 1)] for c in self.read('B', count)]
        else:
            means = [self.read('h', count) for _ in range(components if has_means else 0)]
            scales = [self.read('B', count) for _ in range(components)]
            weights = [self.read('B', count) for _ in range(components - 1)]
            shapes = [s & 15 for s in self.read('B', count)] if has_shapes else [12] * count
            if has_means:
                self.models = [Mixture(s, [m[i] for m in means], [v[i] for v in scales], [w[i] for w in weights])
                               for i, s in enumerate(shapes)]
            else:
                self.models = [ZeroMean.get(s, coarse(v)) for s, v in zip(shapes, scales[0])]
        self.symbols = list(self.read('h', count))
        self.coded = self.data[self.at:self.at + size]
        assert self.at + size == len(self.data)

    def read(self, kind, count):
        values = struct.unpack_from('<%d%s' % (count, kind), self.data, self.at)
        self.at += struct.calcsize('<%d%s' % (count, kind))
        return values


def main():
    bad = 0
    for path in sys.argv[1:]:
        golden = Golden(path)
        try:
            symbols = decode(golden.coded, golden.models)
            result = 'ok' if symbols == golden.symbols else 'FAIL: other symbols'
        except Damaged as e:
            result = 'FAIL: damaged (%s)' % e
        if result == 'ok': # a cut must be seen
            try:
                decode(golden.coded[:-1], golden.models)
                result = 'FAIL: cut not seen'
            except Damaged:
                pass
        bad += result != 'ok'
        print('%s: %d symbols in %d bytes, %s' % (os.path.basename(path), len(golden.symbols), len(golden.coded), result))
    sys.exit(1 if bad else 0)


if __name__ == '__main__':
    main()
