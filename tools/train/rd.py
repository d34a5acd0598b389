"""Rate-distortion points of the mica command on a folder of pictures, and BD-rates against published points.

python3 rd.py --mica build/tools/mica --pictures KODAK [--model FILE] [--anchors FOLDER_OF_JSON] [--qualities 0,10,...]

Rate is the bytes of the whole file; distortion is PSNR over RGB of the decoded 8-bit picture; both are averaged over
the pictures, as the anchors are. BD-rate: difference of the mean log rate over the common PSNR range, PCHIP, with both
curves cut to the bpp range given (by the first curve's own PSNR at those rates).
"""
import argparse
import glob
import json
import os
import subprocess
import tempfile

import numpy as np
from scipy.interpolate import PchipInterpolator


def measure(mica, picture, quality, options, encoder=()):
    with tempfile.TemporaryDirectory() as d:
        coded = os.path.join(d, 'x.mica')
        subprocess.run([mica, 'encode', '-q', str(quality), *encoder, *options, picture, coded], check=True)
        decoded = os.path.join(d, 'x.ppm')
        subprocess.run([mica, 'decode', *options, coded, decoded], check=True)
        out = subprocess.run([mica, 'compare', '--json', picture, decoded], capture_output=True, check=True)
        v = json.loads(out.stdout)
        return os.path.getsize(coded) * 8 / (v['width'] * v['height']), v['psnr_rgb']


def bd_rate(bpp_a, psnr_a, bpp_b, psnr_b, low=0.0, high=1e9):
    """Per cent more bits of curve a than of curve b at equal PSNR, and from which to which PSNR; rates of both limited to low..high
    bpp. An error if they have no PSNR in common."""
    a = PchipInterpolator(psnr_a, np.log(bpp_a))
    b = PchipInterpolator(psnr_b, np.log(bpp_b))

    def span(bpp, psnr, curve):
        x = np.linspace(psnr[0], psnr[-1], 4001)
        inside = (np.exp(curve(x)) >= low) & (np.exp(curve(x)) <= high)
        return x[inside][0], x[inside][-1]
    (a0, a1), (b0, b1) = span(bpp_a, psnr_a, a), span(bpp_b, psnr_b, b)
    lo, hi = max(a0, b0), min(a1, b1)
    if lo >= hi:
        raise ValueError('%.2f to %.2f dB against %.2f to %.2f' % (a0, a1, b0, b1))
    return 100 * (np.exp((a.integrate(lo, hi) - b.integrate(lo, hi)) / (hi - lo)) - 1), lo, hi


def anchor(path):
    with open(path) as f:
        r = json.load(f)['results']
    bpp, psnr = np.array(r['bpp']), np.array(r.get('psnr', r.get('psnr-rgb')))
    o = np.argsort(bpp)
    return bpp[o], psnr[o]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--mica', required=True)
    p.add_argument('--pictures', required=True)
    p.add_argument('--model')
    p.add_argument('--effort', help='of mica encode')
    p.add_argument('--anchors')
    p.add_argument('--qualities', default='0,10,20,30,40,50,60,70,80,90,100')
    p.add_argument('--low', type=float, default=0.15)
    p.add_argument('--high', type=float, default=1.5)
    p.add_argument('--json', help='write the points here')
    a = p.parse_args()
    pictures = sorted(glob.glob(os.path.join(a.pictures, '*.png')))
    options = ['--model', a.model] if a.model else []
    encoder = ['--effort', a.effort] if a.effort else []
    points = []
    for q in [float(v) for v in a.qualities.split(',')]:
        r = np.array([measure(a.mica, f, q, options, encoder) for f in pictures])
        points.append((q, r[:, 0].mean(), r[:, 1].mean()))
        print('q %5.1f  %.4f bpp  %.3f dB' % points[-1], flush=True)
    bpp, psnr = np.array([v[1] for v in points]), np.array([v[2] for v in points])
    for path in sorted(glob.glob(os.path.join(a.anchors, '*.json'))) if a.anchors else []:
        try:
            v, lo, hi = bd_rate(bpp, psnr, *anchor(path), a.low, a.high)
            print('BD-rate against %-28s %+7.2f %%  (%.2f..%.2f dB)' % (os.path.basename(path), v, lo, hi))
        except (IndexError, KeyError, ValueError) as e:
            print('%s: no common range (%s)' % (os.path.basename(path), e))
    if a.json:
        with open(a.json, 'w') as f:
            json.dump([dict(quality=q, bpp=round(b, 5), psnr_rgb=round(s, 4)) for q, b, s in points], f)


if __name__ == '__main__':
    main()
