"""What happens to a picture that is compressed again and again: PSNR and bits against the number of times.

python3 idempotence.py -n 10 -q 50 --codecs mica,jpeg,webp -o out PICTURES...

A codec is idempotent if compressing what it decoded changes nothing. Each generation is encoded at the same quality from
the pixels that the one before decoded to. Written: out/idempotence.json, and charts of PSNR against the original
(psnr.svg), PSNR against the generation before (step.svg; missing where nothing changed) and bits per pixel (bpp.svg).
"""
import argparse
import json
import os

import numpy as np

import coders
import plot


def generations(codec, picture, quality, count):
    """Per generation: bits per pixel, PSNR against the original, PSNR against the generation before."""
    previous, rows = picture, []
    for _ in range(count):
        data = codec.encode(previous, quality)
        decoded = codec.decode(data)
        rows.append((8 * len(data) / (picture.shape[0] * picture.shape[1]), coders.psnr(picture, decoded),
                     coders.psnr(previous, decoded)))
        previous = decoded
    return rows


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    coders.add_options(p)
    p.add_argument('-n', type=int, default=10, help='how many times')
    p.add_argument('-q', '--qualities', default='50', help='list of numbers; each codec is run at each')
    p.add_argument('-o', '--output', required=True, help='folder')
    p.add_argument('pictures', nargs='+')
    args = p.parse_args()
    os.makedirs(args.output, exist_ok=True)
    results = {}
    for name, codec in coders.chosen(args).items():
        for quality in map(float, args.qualities.split(',')):
            rows = np.array([generations(codec, coders.read_picture(f), quality, args.n)
                             for f in coders.find_pictures(args.pictures)])
            bpp, original, step = rows.mean(0).T   # a step that changed nothing in one picture is infinite for the mean
            unchanged = np.isinf(rows[:, :, 2]).mean(0)
            key = '%s q%g' % (name, quality)
            results[key] = [dict(generation=i + 1, bpp=bpp[i], psnr=original[i], step_psnr=step[i] if np.isfinite(step[i]) else None,
                                 unchanged=unchanged[i]) for i in range(args.n)]
            print('%-10s PSNR %.2f -> %.2f dB, %.4f -> %.4f bpp, last step %s' % (
                key, original[0], original[-1], bpp[0], bpp[-1], '%.1f dB' % step[-1]), flush=True)
    with open(os.path.join(args.output, 'idempotence.json'), 'w') as f:
        json.dump(results, f, indent=1)
    for file, key, label in (('psnr', 'psnr', 'PSNR against the original, dB'), ('bpp', 'bpp', 'bits per pixel'),
                             ('step', 'step_psnr', 'PSNR against the generation before, dB')):
        lines = {n: [(r['generation'], r[key]) for r in rows if r[key] is not None and r['generation'] > (key == 'step_psnr')]
                 for n, rows in results.items()}
        if any(lines.values()):
            plot.line_chart(os.path.join(args.output, file + '.svg'), 'Compressed again and again', 'generation', label, lines)


if __name__ == '__main__':
    main()
