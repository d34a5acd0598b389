"""Fit the restoration filter (docs/networks.md, section 9) of a model of pictures.

    python3 restoration.py --mica mica --packed packed MODEL OUT

Least squares, for each class of blocks and each anchor of the quality: the weights that bring what the model decodes nearest to
the pictures, crops of those in --packed. The functions above main() are the filter itself, in integers.
"""
import argparse
import concurrent.futures
import multiprocessing
import os
import subprocess
import tempfile

import numpy as np

import model_file

ACTIVITIES, DIRECTIONS = 5, 9
CLASSES = ACTIVITIES * DIRECTIONS
NEAR = ((0, 1), (1, 0), (1, 1), (1, -1), (0, 2), (2, 0))                    # neighbours of luma and chroma
FAR = ((0, 3), (3, 0), (1, 2), (1, -2), (2, 1), (2, -1))                    # of luma alone
LUMA_WEIGHTS, CHROMA_WEIGHTS = 4 * len(NEAR + FAR), 4 * len(NEAR)
WEIGHTS = LUMA_WEIGHTS + CHROMA_WEIGHTS
FRACTION_BITS = 10
LIMITS, MOST, MOST_CHANGE = (16 * 64, 5 * 64, 3 * 64 // 2), 255 * 64, 4096
ACTIVITY_BOUNDS = (2, 6, 14, 30)
UNIT = 8                     # of the strength, which a picture has for itself
MOST_STORED = 65000 // 2 - WEIGHTS
ANCHORS = 9
HALVED = 0.35                # of the crops, whose pictures are halved in size first (docs/training.md)


def extended(x, margin):
    return np.pad(x, ((margin, margin), (margin, margin)) + ((0, 0),) * (x.ndim - 2), mode='edge')


def shifted(x, dy, dx, margin):
    """x[i + dy, j + dx] of what extended() returned."""
    h, w = x.shape[0] - 2 * margin, x.shape[1] - 2 * margin
    return x[margin + dy:margin + dy + h, margin + dx:margin + dx + w]


def planes(rgb):
    """RGB integers (H, W, 3) -> (Y, Co, Cg), YCoCg-R of Malvar and Sullivan, "YCoCg-R: A Color Space with RGB Reversibility and Low
    Dynamic Range" (2003)"""
    r, g, b = (rgb[..., i] for i in range(3))
    co = r - b
    middle = b + (co >> 1)
    cg = g - middle
    return middle + (cg >> 1), co, cg


def colours(y, co, cg):
    """What planes() came from."""
    middle = y - (cg >> 1)
    blue = middle - (co >> 1)
    return np.stack((blue + co, middle + cg, blue), -1)


def classes(samples):
    """RGB (H, W, 3) in 1/64, 0..MOST -> the class of each pixel (H, W)"""
    h, w, _ = samples.shape
    x = extended(samples.astype(np.int64), 12)       # blocks at the border look at what lies outside too
    luma = planes(x)[0] >> 2
    rows, columns = -(-h // 4), -(-w // 4)
    sums = []
    for dy, dx in ((-1, 0), (0, -1), (-1, -1), (-1, 1)):
        c = luma[1:-1, 1:-1]
        laplacian = np.abs(2 * c - luma[1 + dy:luma.shape[0] - 1 + dy, 1 + dx:luma.shape[1] - 1 + dx]
                           - luma[1 - dy:luma.shape[0] - 1 - dy, 1 - dx:luma.shape[1] - 1 - dx])
        total = np.pad(laplacian.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
        y, x0 = 9 + 4 * np.arange(rows)[:, None], 9 + 4 * np.arange(columns)[None]       # two pixels before the block
        sums.append(total[y + 8, x0 + 8] - total[y, x0 + 8] - total[y + 8, x0] + total[y, x0])
    activity = np.digitize(sums[0] + sums[1] >> 10, ACTIVITY_BOUNDS)
    s = [v >> 4 for v in sums]
    large, small = np.maximum(s[0], s[1]), np.minimum(s[0], s[1])
    large2, small2 = np.maximum(s[2], s[3]), np.minimum(s[2], s[3])
    diagonal = large2 * small > large * small2
    large, small = np.where(diagonal, large2, large), np.where(diagonal, small2, small)
    strength = np.where(2 * large > 9 * small, 2, np.where(large > 2 * small, 1, 0))
    which = np.where(diagonal, 2 + (s[2] <= s[3]), s[0] <= s[1])
    blocks = DIRECTIONS * activity + np.where(strength > 0, 2 * which + strength, 0)
    return blocks.repeat(4, 0).repeat(4, 1)[:h, :w]


def differences(plane, places):
    """A plane (H, W) in 1/64 -> what the weights multiply, (H, W, 4 places)"""
    x = extended(plane, 3)
    out = []
    for dy, dx in places:
        a, b = shifted(x, dy, dx, 3) - plane, shifted(x, -dy, -dx, 3) - plane
        out += [np.clip(a + b, -32768, 32767), *(np.clip(a, -n, n) + np.clip(b, -n, n) for n in LIMITS)]
    return np.stack(out, -1)


def restore(samples, weights, strength=UNIT):
    """RGB (H, W, 3) in 1/64, 0..MOST, and integer weights (CLASSES, WEIGHTS) -> filtered RGB"""
    w = (weights.astype(np.int64) * strength + UNIT // 2) // UNIT
    w = w[classes(samples)]
    changed = []
    for i, plane in enumerate(planes(samples.astype(np.int64))):
        own, places = (w[..., LUMA_WEIGHTS:], NEAR) if i else (w[..., :LUMA_WEIGHTS], NEAR + FAR)
        sums = np.einsum('hwf,hwf->hw', differences(plane, places), own)
        changed.append(plane + np.clip(sums + (1 << FRACTION_BITS - 1) >> FRACTION_BITS, -MOST_CHANGE, MOST_CHANGE))
    return np.clip(colours(*changed), 0, MOST)


def limited(weights):
    """Weights (..., count of a plane) as a model file may hold them."""
    weights = np.round(weights)
    sums = np.abs(weights).sum(-1, keepdims=True)
    return np.trunc(weights * np.minimum(1, MOST_STORED / np.maximum(sums, 1))).astype('<i2')


class PlaneFit:
    """The normal equations of every class, for luma or for both chromas."""

    def __init__(self, places):
        self.places, self.count = places, 4 * len(places)
        self.a, self.b = np.zeros((CLASSES, self.count, self.count)), np.zeros((CLASSES, self.count))

    def add(self, plane, error, order, ends, share):
        x, error = differences(plane, self.places).reshape(-1, self.count), error.ravel()
        for k in range(CLASSES):
            chosen = order[ends[k]:ends[k + 1]]
            if len(chosen):
                d = x[chosen].astype(np.float32)
                self.a[k] += share * (d.T @ d)
                self.b[k] += share * (d.T @ error[chosen])

    def weights(self, ridge):
        common = np.trace(self.a.mean(0)) / self.count
        out = np.zeros((CLASSES, self.count))
        for k in range(CLASSES):
            own = np.trace(self.a[k]) / self.count
            out[k] = np.linalg.solve(self.a[k] + ridge * (own + .01 * common) * np.eye(self.count), self.b[k])
        return limited(out * 2 ** FRACTION_BITS)


class Fit:
    """Weights of luma and chroma, each plane by itself."""

    def __init__(self):
        self.luma, self.chroma = PlaneFit(NEAR + FAR), PlaneFit(NEAR)

    def add(self, picture, samples):
        """A picture (H, W, 3) uint8 and its decoded samples in 1/64; every picture has the same weight, relative to its error."""
        picture, samples = picture.astype(np.int32) * 64, samples.astype(np.int32)
        share = 1 / np.maximum(((picture - samples) ** 2.0).mean(), 1)
        c = classes(samples).ravel()
        order = np.argsort(c, kind='stable')
        ends = np.searchsorted(c[order], np.arange(CLASSES + 1))
        for i, (wanted, plane) in enumerate(zip(planes(picture), planes(samples))):
            fit = self.chroma if i else self.luma
            fit.add(plane, (wanted - plane).astype(np.float32), order, ends, share)

    def weights(self, ridge):
        """int16 (CLASSES, WEIGHTS); `ridge` of the mean square of the differences, and of those of all classes together for rare
        ones, keeps weights small that matter little."""
        return np.concatenate((self.luma.weights(ridge), self.chroma.weights(ridge)), 1)


def decoded(mica, options, picture, quality, folder):
    """What the model makes of a picture, in 1/64."""
    from PIL import Image
    source, coded, back = (os.path.join(folder, name) for name in ('in.png', 'coded.mica', 'back.ppm'))
    Image.fromarray(picture).save(source, compress_level=1)
    subprocess.run([mica, 'encode', *options, '-q', '%g' % quality, source, coded], check=True, capture_output=True)
    subprocess.run([mica, 'decode', *options, '--depth', '16', coded, back], check=True, capture_output=True)
    with open(back, 'rb') as f:
        data = f.read()
    samples = np.frombuffer(data[-picture.size * 2:], '>u2').reshape(picture.shape).astype(np.int64)
    return (samples * 64 + 128) // 257                # undoes (v 257 + 32) >> 6


def fit_anchor(a, plain, i):
    """What is printed about anchor i, and its weights."""
    import data
    crops, fit, held = data.Crops(a.packed, a.seed, HALVED), Fit(), []
    with tempfile.TemporaryDirectory() as folder:
        for k in range(a.crops):
            picture = crops.picture(a.side)
            samples = decoded(a.mica, ('--model', plain, '--threads', '1'), picture, 100 * i / (ANCHORS - 1), folder)
            if k % 10 == 9:
                held.append((picture, samples))
            else:
                fit.add(picture, samples)
    weights = fit.weights(a.ridge)
    gains = []
    for picture, samples in held:
        mse = [((picture * 64.0 - v) ** 2).mean() for v in (samples, restore(samples, weights))]
        gains.append(10 * np.log10(mse[0] / mse[1]))
    return 'quality %g: %.3f dB on crops that the fit did not see' % (100 * i / (ANCHORS - 1), np.mean(gains)), weights.reshape(-1)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--mica', required=True, help='the command')
    p.add_argument('--packed', required=True, help='folder written by data.py')
    p.add_argument('--crops', type=int, default=120, help='for each anchor')
    p.add_argument('--side', type=int, default=448)
    p.add_argument('--ridge', type=float, default=1e-3)
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--jobs', type=int, default=os.cpu_count(), help='anchors that are fitted at a time')
    p.add_argument('model')
    p.add_argument('out')
    a = p.parse_args()
    name, config, tensors, _ = model_file.read(a.model)
    tensors.pop('restoration', None)
    anchors = []
    with tempfile.TemporaryDirectory() as folder:
        plain = os.path.join(folder, 'plain.mmodel')
        model_file.write(plain, name, config, tensors)
        with concurrent.futures.ProcessPoolExecutor(a.jobs, multiprocessing.get_context('spawn')) as pool:
            for said, weights in pool.map(fit_anchor, *zip(*[(a, plain, i) for i in range(ANCHORS)])):
                print(said, flush=True)
                anchors.append(weights)
    tensors['restoration'] = np.stack(anchors).astype('<i2')
    print(model_file.write(a.out, name, config, tensors))


if __name__ == '__main__':
    main()
