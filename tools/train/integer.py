"""The networks of a model file in plain numpy integers: the executable form of docs/numerics.md and the reference that
the C code is tested against. Slow, meant to be read. Arrays are (H, W, C); sums run in int64."""
import numpy as np

import model_file
import restoration

LATENT_BITS = 4
PIXEL_BITS = 6
SCALE_BITS = 6
QUALITY_SPAN = 126           # quality steps between two anchors of the gains
SCALE_COUNT = 64
SKIP_SCALES = 4              # an encoder writes no latents of smaller scale index (codec/enc_picture.c)
STEP_XOR = (0, 3, 2, 1)
EARLIER = ((-1, 0), (-2, 0), (-1, -1), (0, -1), (1, -1), (2, -1), (0, -2))     # (dx, dy) of what the context of z sees
NOISE_SPREAD = np.array([      # of networks.md, section 8
    176, 337, 400, 457, 513, 566, 616, 667, 709, 751, 791, 825, 855, 884, 907, 924,
    940, 954, 966, 978, 986, 993, 999, 1004, 1008, 1012, 1015, 1018, 1020, 1021, 1022, 1023] + 32 * [1024])
EXP2 = np.round(2.0 ** 14 * np.exp2(np.arange(256) / 256)).astype(np.int64)


def int16(x):
    return np.clip(x, -32768, 32767)


def space_to_depth(x, r):
    h, w, c = x.shape
    return x.reshape(h // r, r, w // r, r, c).transpose(0, 2, 1, 3, 4).reshape(h // r, w // r, r * r * c)


def segments(height, width, coded_height, coded_width, segment_height, segment_width):
    """The grid of bitstream.md on a plane of y of which height x width lie in the padded picture."""
    def parts(n, coded, size):
        count = -(-coded // size)
        return [slice(i * size, (i + 1) * size if i + 1 < count else n) for i in range(count)]
    return [(r, c) for r in parts(height, coded_height, segment_height) for c in parts(width, coded_width, segment_width)]


def depth_to_space(x, r):
    h, w, c = x.shape
    c //= r * r
    return x.reshape(h, w, r, r, c).transpose(0, 2, 1, 3, 4).reshape(h * r, w * r, c)


def cells(image):
    """The samples of 8x8 pixels in a position, as the networks see them."""
    return space_to_depth(image.astype(np.int64) * 2 - 255, 8)


def means(pixels, log2):
    """Of squares of pixels (H, W, 3), at the border of what is there of them; rounded."""
    ones = np.ones(pixels.shape[:2] + (1,), int)
    sums, counts = (np.add.reduceat(np.add.reduceat(v.astype(int), np.arange(0, v.shape[0], 1 << log2), 0),
                                    np.arange(0, v.shape[1], 1 << log2), 1) for v in (pixels, ones))
    return (sums + counts // 2) // counts


class Reference:
    def __init__(self, path):
        self.name, self.config, self.tensors, self.id = model_file.read(path)

    def t(self, name):
        return self.tensors[name].astype(np.int64)

    # -- operators -----------------------------------------------------------------------------------------------
    def requant(self, acc, name):
        acc = acc + self.t(name + '.bias')
        assert np.abs(acc).max() < 2 ** 31
        t = int16(acc >> self.t(name + '.shift'))
        return (t * self.t(name + '.multiplier') + 0x4000) >> 15

    def pointwise(self, x, name, lo=-32768, hi=32767):
        # sums below 2^31 are exact in double precision, and a double matrix product is much faster in numpy
        acc = (x.astype(np.float64) @ self.t(name + '.weight').T.astype(np.float64)).astype(np.int64)
        return np.clip(self.requant(acc, name), lo, hi)

    def depthwise(self, x, name):
        h, w, _ = x.shape
        p = np.pad(x, ((1, 1), (1, 1), (0, 0)))
        weight = self.t(name + '.weight')
        acc = sum(p[i:i + h, j:j + w] * weight[3 * i + j] for i in range(3) for j in range(3))
        return np.clip(self.requant(acc, name), -127, 127)

    def block(self, x, name, segments=None):
        """`segments`: rectangles (rows, columns as slices) that do not see each other; what is beyond their borders
        inside the plane is mirrored."""
        a = self.pointwise(x, name + '.a', 0, 127)
        if segments is None:
            d = self.depthwise(a, name + '.dw')
        else:
            d = np.zeros_like(a)
            for s in segments:
                ends = [(i.start > 0, i.stop < n) for i, n in zip(s, a.shape)]
                part = np.pad(a[s], [*ends, (0, 0)], mode='reflect')
                inner = tuple(slice(int(b), int(b) + i.stop - i.start) for (b, _), i in zip(ends, s))
                d[s] = self.depthwise(part, name + '.dw')[inner]
        x = int16(x + self.pointwise(d, name + '.b'))
        return int16(x + self.pointwise(self.pointwise(x, name + '.e', 0, 127), name + '.f'))

    def log2_gain(self, name, quality):
        a = self.t(name)
        i = min(quality // QUALITY_SPAN, len(a) - 2)
        f = quality - i * QUALITY_SPAN
        return (a[i] * (QUALITY_SPAN - f) + a[i + 1] * f + QUALITY_SPAN // 2) // QUALITY_SPAN

    @staticmethod
    def gain(x, log2):
        mantissa, shift = EXP2[log2 & 255], 14 - (log2 >> 8)
        return int16((x * mantissa + (1 << shift >> 1)) >> shift)

    # -- nets ----------------------------------------------------------------------------------------------------
    def look_at_prediction(self, image, quality):
        """(H, W, 3) uint8 -> what is added to the hyper features, and to the input of the synthesis"""
        f = self.pointwise(cells(image), 'condition_enter')
        for i in range(self.config['condition']):
            f = self.block(f, 'condition.%d' % i)
        f = self.gain(f, self.log2_gain('condition_gain', quality))
        return self.pointwise(space_to_depth(f, 2), 'condition_prior'), self.pointwise(f, 'condition_synthesis')

    def analyse(self, image, quality, prediction=None):
        """(H, W, 3) uint8, sides multiples of 64, and a prediction of it -> y before the gain, nearest symbols of z"""
        pixels = cells(image)
        if prediction is not None:
            pixels = np.concatenate([pixels, cells(prediction)], 2)
        f = self.pointwise(pixels, 'stem')
        f = self.gain(f, self.log2_gain('stem_gain', quality))
        for i in range(self.config['analysis']):
            f = self.block(f, 'analysis.%d' % i)
        y = self.pointwise(space_to_depth(f, 2), 'to_latent')
        z = self.hyper_analyse(y, quality)

        def nearest(y, x, mean, index):
            s = (z[y, x] - mean + 8) >> LATENT_BITS
            v = (s << LATENT_BITS) + mean
            return s - (v > 32767) + (v < -32768)
        return y, self.code_z(*z.shape[:2], quality, nearest)[1]

    def hyper_analyse(self, y, quality):
        """y before the gain -> z in 1/16 step, not yet rounded"""
        f = self.gain(self.pointwise(y, 'hyper_enter'), self.log2_gain('hyper_gain', quality))
        f = self.block(f, 'hyper_block0')
        f = self.block(self.pointwise(space_to_depth(f, 2), 'hyper_down0'), 'hyper_block1')
        return self.gain(self.pointwise(space_to_depth(f, 2), 'hyper_down1'), self.log2_gain('z_gain', quality))

    def code_z(self, height, width, quality, choose):
        """Go through the positions as they are coded. choose(y, x, mean, index) gives the symbols (Z,) of one from means in 1/16 step and
        scale indices. Returns z as decoded in 1/16 step and the symbols, each (height, width, Z)."""
        context, channels = self.config['hyper_context'], self.config['hyper']
        z, symbols = np.zeros((2, height, width, channels), np.int64)
        gain, offset = self.log2_gain('z_gain', quality), self.log2_gain('z_offset', quality)
        for y, x in sorted(np.ndindex(height, width), key=lambda p: (p[1] + 3 * p[0], p[0]) if context else p):
            known = [z[v, u] if v >= 0 and 0 <= u < width else np.zeros(channels, np.int64)
                     for u, v in ((x + dx, y + dy) for dx, dy in EARLIER)]
            mean = log_scale = np.zeros(channels, np.int64)
            if context:
                mean, log_scale = np.split(self.hyper_context(np.concatenate([self.gain(v, -gain) for v in known])), 2)
                mean = self.gain(mean, gain)
            symbols[y, x] = choose(y, x, mean, np.clip((log_scale + offset + 32) >> SCALE_BITS, 0, SCALE_COUNT - 1))
            z[y, x] = int16((symbols[y, x] << LATENT_BITS) + mean)
        return z, symbols

    def hyper_context(self, x):
        h = self.pointwise(self.pointwise(x, 'hyper_context.enter', 0, 127), 'hyper_context.hidden', 0, 127)
        return int16(self.pointwise(x, 'hyper_context.linear') + self.pointwise(h, 'hyper_context.leave'))

    def prior(self, z_symbols, quality, beside=0):
        z = self.code_z(*z_symbols.shape[:2], quality, lambda y, x, *_: z_symbols[y, x])[0]
        f = self.gain(z, -self.log2_gain('z_gain', quality))
        f = self.block(depth_to_space(self.pointwise(f, 'prior_up0'), 2), 'prior_block0')
        f = self.block(depth_to_space(self.pointwise(f, 'prior_up1'), 2), 'prior_block1')
        return int16(self.gain(f, self.log2_gain('prior_gain', quality)) + beside)

    def noise(self, x, y, channels, amplitude):
        """Section 7 of networks.md: arrays of columns and rows (h, w), of amplitudes (h, w, channels)."""
        seed = y * 0x9e3779b1 + x * 0x85ebca77
        v = seed[:, :, None] + channels * 0xc2b2ae3d & 0xffffffff
        for shift, factor in ((16, 0x85ebca6b), (13, 0xc2b2ae35)):
            v = (v ^ v >> shift) * factor & 0xffffffff
        v ^= v >> 16
        total = sum(v >> shift & 255 for shift in (0, 8, 16, 24)).astype(np.int64) - 510
        return total * amplitude + 64 >> 7

    def code_y(self, f, quality, choose, segments=None, realism=0):
        """Run the four context steps. choose(step, phase, group, mean, index) gives the symbols of one quarter of one
        phase, (h/2, w/2, M/4); `segments` as in block(), None for one. Returns the dequantised latents, with noise as `realism` in 0..100 wants it, and the symbols."""
        h, w, _ = f.shape
        m = self.config['latents']
        quarter = m // 4
        gain = self.log2_gain('y_gain', quality)
        offset = self.log2_gain('y_offset', quality)
        spread = (NOISE_SPREAD * realism + 50) // 100
        rows, columns = np.mgrid[0:h, 0:w].astype(np.uint64)
        y_hat = np.zeros((h, w, m), np.int64)
        shown = y_hat.copy()
        symbols = np.zeros((h, w, m), np.int64)
        for k in range(4):
            name = 'context.%d' % k
            x = self.pointwise(f if k == 0 else np.concatenate([f, y_hat], 2), name + '.enter')
            x = self.block(x, name + '.0', segments if k else None)
            done = y_hat.copy()
            for p in range(4):
                g = p ^ STEP_XOR[k]
                c = slice(g * quarter, (g + 1) * quarter)
                at = (slice(p // 2, None, 2), slice(p % 2, None, 2))
                out = self.pointwise(x[at], name + '.head.%d' % g)
                mean = self.gain(out[:, :, :quarter], gain[c])
                index = np.clip((out[:, :, quarter:] + offset[c] + 32) >> SCALE_BITS, 0, SCALE_COUNT - 1)
                s = choose(k, p, g, mean, index)
                symbols[at + (c,)] = s
                done[at + (c,)] = self.gain(int16((s << LATENT_BITS) + mean), -gain[c])
                noise = self.noise(columns[at], rows[at], np.arange(c.start, c.stop, dtype=np.uint64),
                                   np.where(s == 0, spread[index], 0))
                mantissa, shift = EXP2[-gain[c] & 255], 14 - (-gain[c] >> 8)
                shown[at + (c,)] = int16(done[at + (c,)] + ((noise * mantissa >> 8) + (1 << shift >> 1) >> shift))
            y_hat = done
        return shown, symbols

    def quantise(self, y, quality, skip=SKIP_SCALES):
        """The encoder's rounding at effort 1 as a choose() for code_y; skip as in codec/enc_picture.c."""
        gain = self.log2_gain('y_gain', quality)
        quarter = self.config['latents'] // 4

        def choose(k, p, g, mean, index):
            c = slice(g * quarter, (g + 1) * quarter)
            rest = self.gain(y[p // 2::2, p % 2::2, c], gain[c]) - mean
            s = np.sign(rest) * ((np.abs(rest) + 8) >> LATENT_BITS)
            return np.where(index < skip, 0, s)
        return choose

    def scaled_head(self, log2):
        """Section 6 of networks.md: weights, bias, shift of the head for pictures of 1 / 2^log2 the sides."""
        side, count = 8 >> log2, 1 << log2
        w, b = self.t('head.weight'), self.t('head.bias')
        m, s = self.t('head.multiplier'), self.t('head.shift')

        def scale(v, n):
            return v << n if n >= 0 else v >> -n
        weights, biases, shifts = [], [], []
        for y, x, c in np.ndindex(side, side, 3):
            group = [((y * count + dy) * 8 + x * count + dx) * 3 + c for dy in range(count) for dx in range(count)]
            mean = [sum(scale(int(w[o, i]) * int(m[o]), 25 - int(s[o])) for o in group) for i in range(w.shape[1])]
            peak = max(abs(v) for v in mean)
            top = 39 + 2 * log2
            q = min(max(0, top - 31, peak.bit_length() - 7), top)
            half = 1 << q - 1 if q else 0
            weights.append([min(max(v + half >> q, -127), 127) for v in mean])
            shift = top - q
            bias = sum((int(b[o]) - (1 << int(s[o]) >> 1)) * int(m[o]) >> int(s[o]) for o in group)
            limit = 1 << 30 + 2 * log2
            bias = scale(min(max(bias, -limit), limit), 1 + shift - 15 - 2 * log2) + (1 << shift >> 1)
            limit = 2 ** 31 - 1 - w.shape[1] * 127 * 32768
            biases.append(min(max(bias, -limit), limit))
            shifts.append(shift)
        return np.array(weights), np.array(biases), np.array(shifts)

    def restore(self, v, quality, size, strength):
        """Samples of the padded picture, of which (height, width) `size` is the picture."""
        height, width = size or v.shape[:2]
        weights = self.log2_gain('restoration', quality).reshape(restoration.CLASSES, restoration.WEIGHTS)
        out = v.copy()
        out[:height, :width] = restoration.restore(np.clip(v[:height, :width], 0, restoration.MOST), weights, strength)
        return out

    def features(self, y_hat, quality, beside=0):
        """The synthesis up to its head: what pictures of all scales are made of."""
        f = int16(depth_to_space(self.pointwise(y_hat, 'from_latent'), 2) + beside)
        for i in range(self.config['synthesis']):
            f = self.block(f, 'synthesis.%d' % i)
        return self.gain(f, self.log2_gain('head_gain', quality))

    def paint(self, f, quality, log2=0, prediction=0, size=None, restored=0):
        if log2 and restored:
            height, width = size or (8 * f.shape[0], 8 * f.shape[1])
            whole = self.restore(depth_to_space(self.pointwise(f, 'head'), 8), quality, size, restored)[:height, :width]
            v = means(whole, log2)
        elif log2:
            w, b, shift = self.scaled_head(log2)
            t = int16((f @ w.T + b) >> shift)
            v = depth_to_space((t * 2 ** 14 + 0x4000) >> 15, 8 >> log2)
        else:
            v = depth_to_space(self.pointwise(f, 'head'), 8)
            if restored:
                v = self.restore(v, quality, size, restored)
        return np.clip(prediction + ((v + 32) >> PIXEL_BITS), 0, 255).astype(np.uint8)
