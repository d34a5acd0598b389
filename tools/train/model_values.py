"""How the values of a model file are coded (docs/models.md, section 1): choosing the parameters, writing, reading."""
import struct

import numpy as np

import symbol_coder
from symbol_coder import LARGEST, SCALES, SHAPES

NO_COLUMNS = 255
SCALE_SHAPE = 8
HEADER = struct.Struct('<6Bi')
FINEST, STEP = 0.11, np.log(256 / 0.11) / 63  # the grid of standard deviations


def matrix(a):
    return a.reshape(a.shape[0], -1) if a.ndim > 1 else a.reshape(1, -1)


def differences(v, order, offset):
    """What is coded of the rows v: first row and, at order 0, all rows against the offset."""
    d = v - offset
    if order >= 1:
        d[1:] = np.diff(v, axis=0)
    if order == 2:
        d[2:] = np.diff(v, 2, axis=0)
    return d


def sums(d, order, offset):
    """The inverse of differences()."""
    v = d + offset
    for i in range(1, len(v) if order else 1):
        v[i] = v[i - 1] + d[i] if order == 1 or i == 1 else 2 * v[i - 1] - v[i - 2] + d[i]
    return v


def index_of(deviation):
    return np.log(np.maximum(deviation, 1e-9) / FINEST) / STEP


class Fit:
    """Shape, row and column indices of a matrix of magnitudes, by descent on the exact number of bits."""

    def __init__(self, magnitudes, costs, columns):
        self.m, self.costs = magnitudes, costs
        rows, width = magnitudes.shape
        self.columns = columns and rows > 1
        mean = magnitudes + 0.02
        self.r, self.c = index_of(1.25 * mean.mean(1)), np.zeros(width)
        for _ in range(4 if self.columns else 0):
            self.c = index_of((mean * np.exp(-STEP * self.r)[:, None]).mean(0)) - index_of(0.8)
            self.c = np.clip(self.c - np.median(self.c), -60, 60)
            self.r = index_of(1.25 * (mean * np.exp(-STEP * self.c)[None]).mean(1))
        self.r = np.clip(np.round(self.r), 0, SCALES - 1).astype(int)
        self.c = np.round(self.c).astype(int)
        self.shape = 4
        for reach in (3, 2, 1) if magnitudes.size > 2000 else (4, 4, 2, 1):
            self.choose_shape()
            self.r = np.clip(self.r + self.best_step(0, reach), 0, SCALES - 1)
            if self.columns:
                self.c = np.clip(self.c + self.best_step(1, reach), 1 - SCALES, SCALES - 1)
        self.choose_shape()
        self.base = int(np.clip(np.median(self.r), 0, SCALES - 1))
        self.row_symbols = (self.r - self.base).tolist() if rows > 1 else []
        if rows == 1:
            self.base = int(self.r[0])
        self.row_scale = self.index_scale(self.row_symbols)
        self.column_symbols = self.c.tolist() if self.columns else []
        self.column_scale = self.index_scale(self.column_symbols) if self.columns else NO_COLUMNS
        side = sum(costs[SCALE_SHAPE, s, np.abs(np.array(v, int))].sum()
                   for s, v in ((self.row_scale, self.row_symbols), (self.column_scale, self.column_symbols)) if v)
        self.bits = self.total(self.shape) + side

    def indices(self):
        return np.clip(self.r[:, None] + self.c[None], 0, SCALES - 1)

    def total(self, shape):
        return float(self.costs[shape][self.indices(), self.m].sum())

    def choose_shape(self):
        s = self.shape
        tried = {v: self.total(v) for v in range(max(0, s - 4), min(SHAPES, s + 5), 2)}
        best = min(tried, key=tried.get)
        tried.update({v: self.total(v) for v in (best - 1, best + 1) if 0 <= v < SHAPES})
        self.shape = min(tried, key=tried.get)

    def best_step(self, axis, reach):
        """The change of every row's (axis 0) or column's index that saves most bits."""
        steps = sorted(range(-reach, reach + 1), key=abs)  # no change wins ties
        r, c = self.r[:, None], self.c[None]
        bits = [self.costs[self.shape][np.clip(r + c + d, 0, SCALES - 1), self.m].sum(1 - axis) for d in steps]
        return np.array(steps)[np.argmin(bits, 0)]

    def index_scale(self, symbols):
        m = np.abs(np.array(symbols, int))
        return int(np.argmin([self.costs[SCALE_SHAPE, s, m].sum() for s in range(SCALES)])) if symbols else 0


def choose(a, costs):
    """(bits, header fields, symbols, their model keys, low bytes) of a tensor: the smallest of what is tried."""
    v = matrix(a).astype(np.int64)
    offset = 0 if a.dtype.itemsize == 1 and v.min() < 0 else int(np.median(v))
    if np.abs(v - offset).max() >= 1 << 31:
        offset = 0
    best = None
    for order in (0, 1, 2) if a.dtype == np.dtype('<i2') and len(v) > 1 else (0,):
        d = differences(v, order, offset)
        low_bytes = 0
        while low_bytes < 2 and np.abs(d >> 8 * low_bytes).max() >= LARGEST:
            low_bytes += 1
        low = d & ((1 << 8 * low_bytes) - 1)
        high = d >> 8 * low_bytes
        for columns in (False, True) if len(v) > 1 else (False,):
            # beyond the tables an escape costs about the same whatever the scale
            fit = Fit(np.minimum(np.abs(high), LARGEST - 1), costs, columns)
            bits = fit.bits + 8 * low_bytes * d.size
            if best is None or bits < best[0]:
                best = bits, order, low_bytes, offset, fit, high, low
    _, order, low_bytes, offset, fit, high, low = best
    header = HEADER.pack(fit.shape, order, low_bytes, fit.base, fit.row_scale, fit.column_scale, offset)
    symbols, keys = list(fit.column_symbols), [SCALES * SCALE_SHAPE + fit.column_scale] * len(fit.column_symbols)
    indices = fit.indices() + SCALES * fit.shape
    for i in range(len(high)):
        if len(high) > 1:
            symbols.append(fit.row_symbols[i])
            keys.append(SCALES * SCALE_SHAPE + fit.row_scale)
        symbols += high[i].tolist()
        keys += indices[i].tolist()
    plain = low.astype('<u%d' % low_bytes).tobytes() if low_bytes else b''
    return header, symbols, keys, plain


def encode(tensors):
    """Arrays -> (table fields of each, bytes behind the table)."""
    costs = symbol_coder.all_costs()
    headers, symbols, keys, plain = [], [], [], []
    for a in tensors:
        h, s, k, p = choose(a, costs)
        headers.append(h)
        symbols += s
        keys += k
        plain.append(p)
    return headers, b''.join(plain) + symbol_coder.encode(symbols, keys)


def decode(entries, data):
    """entries: (dtype, shape, header fields) of each tensor. The arrays."""
    fields = [HEADER.unpack(h) for _, _, h in entries]
    counts = [int(np.prod(shape)) for _, shape, _ in entries]
    at, plain = 0, []
    for n, f in zip(counts, fields):
        plain.append(data[at:at + n * f[2]])
        at += n * f[2]
    decoder = symbol_coder.Decoder(data[at:])
    out = []
    for (dtype, shape, _), n, low, f in zip(entries, counts, plain, fields):
        kind, order, low_bytes, base, row_scale, column_scale, offset = f
        rows = shape[0] if len(shape) > 1 else 1
        columns = n // rows
        c = np.zeros(columns, int)
        if column_scale != NO_COLUMNS:
            c = np.array(decoder.run([SCALES * SCALE_SHAPE + column_scale] * columns))
        d = np.empty((rows, columns), np.int64)
        for i in range(rows):
            index = base + (decoder.run([SCALES * SCALE_SHAPE + row_scale])[0] if rows > 1 else 0)
            d[i] = decoder.run((np.clip(index + c, 0, SCALES - 1) + SCALES * kind).tolist())
        if low_bytes:
            d = (d << 8 * low_bytes) + np.frombuffer(low, '<u%d' % low_bytes).reshape(d.shape)
        v = sums(d, order, offset)
        a = v.astype(dtype)
        if not np.array_equal(a, v):
            raise symbol_coder.Damaged('a value out of range')
        out.append(a.reshape(shape))
    decoder.finish()
    return out
