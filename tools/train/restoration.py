"""Fit the restoration filter (docs/networks.md, section 9) of a model of pictures.

    python3 restoration.py --mica mica --packed packed MODEL OUT

Least squares, for each class of blocks and each anchor of the quality: the weights that bring what the model decodes nearest to
the pictures, crops of those in --packed. The functions above main() are the filter itself, in integers.
"""
import argparse
import os
import subprocess
import tempfile

import numpy as np

import model_file

ACTIVITIES, DIRECTIONS, WEIGHTS = 5, 9, 24
CLASSES = ACTIVITIES * DIRECTIONS
FRACTION_BITS = 10
LIMIT, MOST = 16 * 64, 255 * 64
UNIT = 8                     # of the strength, which a picture has for itself
MOST_STORED = 65000 // 2 - WEIGHTS
ANCHORS = 9
PLACES = ((0, 1), (0, 2), (0, 3), (1, -2), (1, -1), (1, 0), (1, 1), (1, 2), (2, -1), (2, 0), (2, 1), (3, 0))


def extended(x, margin):
    return np.pad(x, ((margin, margin), (margin, margin)) + ((0, 0),) * (x.ndim - 2), mode='edge')


def shifted(x, dy, dx, margin):
    """x[i + dy, j + dx] of what extended() returned."""
    h, w = x.shape[0] - 2 * margin, x.shape[1] - 2 * margin
    return x[margin + dy:margin + dy + h, margin + dx:margin + dx + w]


def classes(samples):
    """RGB (H, W, 3) in 1/64, 0..MOST -> the class of each pixel (H, W)"""
    h, w, _ = samples.shape
    x = extended(samples.astype(np.int64), 12)       # blocks at the border look at what lies outside too
    luma = x[..., 0] + 2 * x[..., 1] + x[..., 2] >> 4
    rows, columns = -(-h // 4), -(-w // 4)
    sums = []
    for dy, dx in ((-1, 0), (0, -1), (-1, -1), (-1, 1)):
        c = luma[1:-1, 1:-1]
        laplacian = np.abs(2 * c - luma[1 + dy:luma.shape[0] - 1 + dy, 1 + dx:luma.shape[1] - 1 + dx]
                           - luma[1 - dy:luma.shape[0] - 1 - dy, 1 - dx:luma.shape[1] - 1 - dx])
        total = np.pad(laplacian.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
        y, x0 = 9 + 4 * np.arange(rows)[:, None], 9 + 4 * np.arange(columns)[None]       # two pixels before the block
        sums.append(total[y + 8, x0 + 8] - total[y, x0 + 8] - total[y + 8, x0] + total[y, x0])
    activity = np.digitize(sums[0] + sums[1] >> 10, (2, 6, 14, 30))
    s = [v >> 4 for v in sums]
    large, small = np.maximum(s[0], s[1]), np.minimum(s[0], s[1])
    large2, small2 = np.maximum(s[2], s[3]), np.minimum(s[2], s[3])
    diagonal = large2 * small > large * small2
    large, small = np.where(diagonal, large2, large), np.where(diagonal, small2, small)
    strength = np.where(2 * large > 9 * small, 2, np.where(large > 2 * small, 1, 0))
    which = np.where(diagonal, 2 + (s[2] <= s[3]), s[0] <= s[1])
    blocks = DIRECTIONS * activity + np.where(strength > 0, 2 * which + strength, 0)
    return blocks.repeat(4, 0).repeat(4, 1)[:h, :w]


def differences(samples):
    """RGB (H, W, 3) in 1/64 -> what the weights multiply, (H, W, 3, WEIGHTS)"""
    x = extended(samples.astype(np.int32), 3)
    out = []
    for dy, dx in PLACES:
        a, b = shifted(x, dy, dx, 3) - samples, shifted(x, -dy, -dx, 3) - samples
        out += [a + b, np.clip(a, -LIMIT, LIMIT) + np.clip(b, -LIMIT, LIMIT)]
    return np.stack(out, -1)


def restore(samples, weights, strength=UNIT):
    """RGB (H, W, 3) in 1/64, 0..MOST, and integer weights (CLASSES, WEIGHTS) -> filtered RGB"""
    w = (weights.astype(np.int64) * strength + UNIT // 2) // UNIT
    w = w[classes(samples)]
    sums = np.einsum('hwcf,hwf->hwc', differences(samples).astype(np.int64), w)
    return np.clip(samples + (sums + (1 << FRACTION_BITS - 1) >> FRACTION_BITS), 0, MOST)


class Fit:
    """The normal equations of every class."""

    def __init__(self):
        self.a, self.b = np.zeros((CLASSES, WEIGHTS, WEIGHTS)), np.zeros((CLASSES, WEIGHTS))

    def add(self, picture, samples):
        """A picture (H, W, 3) uint8 and its decoded samples in 1/64; every picture has the same weight, relative to its error."""
        error = (picture.astype(np.float32) * 64 - samples).reshape(-1, 3)
        share = 1 / np.maximum((error.astype(np.float64) ** 2).mean(), 1)
        x, c = differences(samples).reshape(-1, 3, WEIGHTS), classes(samples).ravel()
        order = np.argsort(c, kind='stable')
        ends = np.searchsorted(c[order], np.arange(CLASSES + 1))
        for k in range(CLASSES):
            chosen = order[ends[k]:ends[k + 1]]
            if len(chosen):
                d = x[chosen].reshape(-1, WEIGHTS).astype(np.float32)
                self.a[k] += share * (d.T @ d)
                self.b[k] += share * (d.T @ error[chosen].ravel())

    def weights(self, ridge):
        """int16 (CLASSES, WEIGHTS); `ridge` of the mean square of the differences, and of those of all classes together for rare
        ones, keeps weights small that matter little."""
        common = np.trace(self.a.mean(0)) / WEIGHTS
        out = np.zeros((CLASSES, WEIGHTS))
        for k in range(CLASSES):
            own = np.trace(self.a[k]) / WEIGHTS
            out[k] = np.linalg.solve(self.a[k] + ridge * (own + .01 * common) * np.eye(WEIGHTS), self.b[k])
        out = np.round(out * 2 ** FRACTION_BITS)
        sums = np.abs(out).sum(1, keepdims=True)
        return np.trunc(out * np.minimum(1, MOST_STORED / np.maximum(sums, 1))).astype('<i2')


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


def main():
    import data
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--mica', required=True, help='the command')
    p.add_argument('--packed', required=True, help='folder written by data.py')
    p.add_argument('--crops', type=int, default=120, help='for each anchor')
    p.add_argument('--side', type=int, default=448)
    p.add_argument('--ridge', type=float, default=1e-3)
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('model')
    p.add_argument('out')
    a = p.parse_args()
    name, config, tensors, _ = model_file.read(a.model)
    tensors.pop('restoration', None)
    anchors = []
    with tempfile.TemporaryDirectory() as folder:
        plain = os.path.join(folder, 'plain.mmodel')
        model_file.write(plain, name, config, tensors)
        for i in range(ANCHORS):
            crops, fit = data.Crops(a.packed, a.seed), Fit()
            held = []
            for k in range(a.crops):
                picture = ((crops.batch(1, a.side)[0] + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
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
            print('quality %g: %.3f dB on crops that the fit did not see' % (100 * i / (ANCHORS - 1), np.mean(gains)), flush=True)
            anchors.append(weights.reshape(-1))
    tensors['restoration'] = np.stack(anchors).astype('<i2')
    print(model_file.write(a.out, name, config, tensors))


if __name__ == '__main__':
    main()
