"""Does a set of decoded pictures look like a set of pictures? Frechet distance, precision and recall, without a network.

python3 realism.py sanity PICTURES...                       known distortions, in order of strength
python3 realism.py codecs -q 10,30,50 -o out PICTURES...    codecs against bits per pixel

What this is: the Frechet distance of Heusel et al. 2017 (FID) and the precision and recall of Kynkaanniemi et al. 2019, on
features that are not those of a trained network. The features of a patch are statistics of fixed band-pass filters, as of
texture models (Portilla & Simoncelli 2000): on four scales, the logarithm of the mean square of four oriented derivatives
and of the isotropic band of luma, how peaked the band is (kurtosis of its samples: edges against noise), how the
energies of neighbouring scales go together, and the energy of the band of both opponent colours. They see blur, noise,
ringing, blocking and missing or invented texture. They know nothing of objects: values compare with each other only, not
with an FID, and a picture of nonsense with natural statistics passes. All features are scaled to unit variance over the
reference set.

Patches of the decoded set are compared with all patches of the reference set, not with their own originals. Sets below a
few thousand patches bias the distance upwards; `floor` is what two halves of the reference set have between them.
"""
import argparse
import io
import json
import os

import numpy as np
from PIL import Image
from scipy import linalg, ndimage
from scipy.spatial import cKDTree

import coders
import plot

SCALES, NEIGHBOURS = 4, 3
OPPONENT = np.array([[0.299, 0.587, 0.114], [0.5, -0.5, 0], [0.25, 0.25, -0.5]])
FLOOR = 0.05                                   # of a mean square, in steps of 8 bits: below it nothing is seen


def patch_means(values, size):
    """Mean over every patch; what is left at the right and at the bottom is not used."""
    height, width = values.shape[0] // size, values.shape[1] // size
    return values[:height * size, :width * size].reshape(height, size, width, size).mean((1, 3)).ravel()


def features(picture, patch):
    """(patches, features) of one picture."""
    planes = np.tensordot(picture.astype(np.float64), OPPONENT.T, 1)
    columns, above = [], None
    for scale in range(SCALES):
        size = patch >> scale
        low = ndimage.gaussian_filter(planes, (1.2, 1.2, 0), mode='reflect')
        band = planes - low
        squares = patch_means(band[..., 0] ** 2, size) + FLOOR
        columns += [np.log(squares), np.log((patch_means(band[..., 0] ** 4, size) + FLOOR ** 2) / squares ** 2)]
        columns += [np.log(patch_means(band[..., c] ** 2, size) + FLOOR) for c in (1, 2)]
        down, right = (ndimage.gaussian_filter(planes[..., 0], .7, order=o, mode='reflect') for o in ((1, 0), (0, 1)))
        for derivative in (down, right, (down + right) * .5 ** .5, (down - right) * .5 ** .5):
            columns.append(np.log(patch_means(derivative ** 2, size) + FLOOR) - np.log(squares))
        envelope = np.log(ndimage.uniform_filter(band[..., 0] ** 2, 3) + FLOOR)
        if above is not None:                  # energies of this scale against those of the finer one, at the same place
            finer = above[::2, ::2][:envelope.shape[0], :envelope.shape[1]]
            means = patch_means(finer, size), patch_means(envelope, size)
            spread = [np.sqrt(patch_means(v * v, size) - m * m + 1e-2) for v, m in zip((finer, envelope), means)]
            columns.append((patch_means(finer * envelope, size) - means[0] * means[1]) / (spread[0] * spread[1]))
        above, planes = envelope, low[::2, ::2]
    count = min(map(len, columns))
    if any(len(c) != count for c in columns):
        raise ValueError('sides must be multiples of the patch')
    return np.stack(columns, 1)


def set_features(pictures, patch):
    return np.concatenate([features(p[:p.shape[0] // patch * patch, :p.shape[1] // patch * patch], patch) for p in pictures])


def frechet(a, b):
    """Squared Frechet distance of the Gaussians with the means and covariances of a and b."""
    covariances = [np.cov(v, rowvar=False) for v in (a, b)]
    # trace of (A B)^1/2 by eigenvalues of A^1/2 B A^1/2, which are real
    values, vectors = linalg.eigh(covariances[0])
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    mixed = np.sqrt(linalg.eigvalsh(root @ covariances[1] @ root).clip(0)).sum()
    return float(np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * mixed)


def coverage(of, by, skip_same=False):
    """Share of the points `of` that lie within the distance of some point `by` to its own k-th neighbour."""
    tree = cKDTree(by)
    radius = tree.query(by, NEIGHBOURS + 1)[0][:, -1]
    inside = np.zeros(len(of), bool)
    for start in range(0, len(of), 512):
        part = of[start:start + 512]
        distance = np.sqrt(((part ** 2).sum(1)[:, None] + (by ** 2).sum(1) - 2 * part @ by.T).clip(0))
        inside[start:start + 512] = (distance <= radius).any(1)
    return float(inside.mean())


class Reference:
    def __init__(self, pictures, patch):
        self.patch, raw = patch, set_features(pictures, patch)
        if len(raw) < 8 * raw.shape[1]:
            raise SystemExit('%d patches are too few for %d features' % (len(raw), raw.shape[1]))
        self.mean, self.scale = raw.mean(0), raw.std(0) + 1e-9
        self.values = (raw - self.mean) / self.scale
        order = np.random.default_rng(0).permutation(len(raw))
        self.half, self.other = self.values[order[::2]], self.values[order[1::2]]
        self.floor = frechet(self.half, self.other)

    def measure(self, pictures):
        """Precision and recall take disjoint halves of the places, so that no patch meets its own original."""
        values = (set_features(pictures, self.patch) - self.mean) / self.scale
        order = np.random.default_rng(0).permutation(len(values))
        distorted = values[order[1::2]] if len(values) == len(self.values) else values
        return dict(frechet=frechet(self.values, values), precision=coverage(distorted, self.half),
                    recall=coverage(self.half, distorted))


def jpeg(picture, quality):
    out = io.BytesIO()
    Image.fromarray(picture).save(out, 'JPEG', quality=quality)
    return np.asarray(Image.open(out).convert('RGB'))


def blurred(picture, sigma):
    return ndimage.gaussian_filter(picture, (sigma, sigma, 0))


def noisy(picture, amount):
    rng = np.random.default_rng(picture.shape[0])
    return (picture + rng.normal(0, amount, picture.shape)).round().clip(0, 255).astype(np.uint8)


DISTORTIONS = {'blur': (blurred, (.4, .6, .8, 1.2, 2.0)), 'noise': (noisy, (1, 2, 4, 8, 16)), 'JPEG': (jpeg, (95, 85, 60, 30, 10))}


def show(label, result, extra=''):
    print('%-14s frechet %9.4f  precision %.3f  recall %.3f%s' % (
        label, result['frechet'], result['precision'], result['recall'], extra), flush=True)


def sanity(reference, pictures):
    """Each distortion must be the further off the stronger it is."""
    good = True
    for name, (distort, amounts) in DISTORTIONS.items():
        last = 0.0
        for amount in amounts:
            result = reference.measure([distort(p, amount) for p in pictures])
            show('%s %g' % (name, amount), result)
            good &= result['frechet'] > last
            last = result['frechet']
    print('floor %.4f; the order is %s' % (reference.floor, 'right' if good else 'WRONG'))
    return 0 if good else 1


def compare_codecs(args, reference, pictures):
    results = {}
    pixels = sum(p.shape[0] * p.shape[1] for p in pictures)
    for name, codec in coders.chosen(args).items():
        for quality in map(float, args.qualities.split(',')):
            coded = [codec.encode(p, quality) for p in pictures]
            result = dict(quality=quality, bpp=8 * sum(map(len, coded)) / pixels,
                          **reference.measure([codec.decode(c) for c in coded]))
            results.setdefault(name, []).append(result)
            show('%s %g' % (name, quality), result, '  %.4f bpp' % result['bpp'])
    if args.output:
        os.makedirs(args.output, exist_ok=True)
        with open(os.path.join(args.output, 'realism.json'), 'w') as f:
            json.dump(dict(floor=reference.floor, codecs=results), f, indent=1)
        for key, label in (('frechet', 'log10 of the Frechet distance'), ('precision', 'precision'), ('recall', 'recall')):
            plot.line_chart(os.path.join(args.output, key + '.svg'), 'Realism of a set', 'bits per pixel', label, {
                n: [(r['bpp'], np.log10(r[key]) if key == 'frechet' else r[key]) for r in rows] for n, rows in results.items()})
    return 0


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('what', choices=('sanity', 'codecs'))
    coders.add_options(p)
    p.add_argument('-q', '--qualities', default='10,30,50,70')
    p.add_argument('--patch', type=int, default=64, help='a multiple of 8')
    p.add_argument('-o', '--output', help='folder for JSON and charts')
    p.add_argument('pictures', nargs='+')
    args = p.parse_args()
    if args.patch < 16 or args.patch % 8:
        p.error('--patch must be a multiple of 8 from 16 on')
    pictures = [coders.read_picture(f) for f in coders.find_pictures(args.pictures)]
    reference = Reference(pictures, args.patch)
    return sanity(reference, pictures) if args.what == 'sanity' else compare_codecs(args, reference, pictures)


if __name__ == '__main__':
    raise SystemExit(main())
