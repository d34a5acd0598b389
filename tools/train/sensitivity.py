"""What fewer bits for the weights of one layer cost, by rounding the weights of a finished model, without training.

python3 sensitivity.py --points build/tools/rd_points --model S.mmodel --pictures FOLDER [--bits 4,6] [--crop 512x384]

Every pointwise layer in turn (the heads of a context step are taken as one) gets weights of fewer bits: each row (output channel) with the scale of the smallest squared
error. The real codec then codes the pictures; the cost is the BD-rate against the unchanged model. `--together
LAYER:BITS,...` measures several layers changed at once. Layers that only the encoder uses are left out unless
--encoder is given. Training with the rounding in place costs less, in the same order.
"""
import argparse
import glob
import os
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

import model_file
from rd import bd_rate

ENCODER = ('stem', 'analysis', 'to_latent', 'hyper_')


def round_rows(weight, limit, steps=64):
    """(integers in -limit..limit, scale of each row) with the smallest squared error over a search of the scale."""
    w = weight.astype(float)
    peak = np.maximum(np.abs(w).max(1), 1e-9)
    best, best_error, best_scale = None, np.full(len(w), np.inf), np.ones(len(w))
    best = np.zeros_like(w)
    for clip in np.linspace(0.4, 1.0, steps):
        scale = np.maximum(peak * clip / limit, 1.0)  # never finer than the weights are
        q = np.clip(np.round(w / scale[:, None]), -limit, limit)
        error = ((q * scale[:, None] - w) ** 2).sum(1)
        better = error < best_error
        best[better], best_scale[better], best_error[better] = q[better], scale[better], error[better]
    energy = np.maximum((w * w).sum(), 1e-9)
    return best.astype('i1'), best_scale, 10 * np.log10(energy / max(best_error.sum(), 1e-9))


def parts(tensors, name):
    """The layers of that name: one, or the heads of a context step."""
    return [name] if name + '.weight' in tensors else [name + '.%d' % g for g in range(4)]


def coarser(tensors, name, bits):
    """tensors with the weights of one layer rounded to `bits`; the scale goes into multiplier, shift and bias. Also the
    signal to noise ratio of the weights in dB."""
    limit = 2 ** (bits - 1) - 1
    weight, scale, snr = round_rows(tensors[name + '.weight'], limit)
    multiplier = tensors[name + '.multiplier'].astype(float)
    shift = tensors[name + '.shift'].astype(float)
    bias = (tensors[name + '.bias'] - np.floor(2.0 ** (shift - 1))) / scale
    ratio = multiplier * scale * 2.0 ** -(15 + shift)
    # The multiplier in 16384..32767, as the trainer has it; a shift below 0 does not exist.
    new_shift = np.clip(-np.floor(np.log2(np.maximum(ratio, 1e-12))) - 1, 0, 31)
    new_multiplier = np.clip(np.round(ratio * 2.0 ** (15 + new_shift)), 0, 32767)
    out = dict(tensors)
    out[name + '.weight'] = weight
    out[name + '.multiplier'] = new_multiplier.astype('<i2')
    out[name + '.shift'] = new_shift.astype('u1')
    out[name + '.bias'] = (np.round(bias) + np.floor(2.0 ** (new_shift - 1))).astype('<i4')
    return out, snr


def crop(path, width, height, folder):
    im = Image.open(path).convert('RGB')
    if im.height > im.width:
        width, height = height, width
    left, top = max(0, (im.width - width) // 2), max(0, (im.height - height) // 2)
    out = os.path.join(folder, os.path.basename(path)[:-4] + '.ppm')
    im.crop((left, top, min(left + width, im.width), min(top + height, im.height))).save(out)
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--points', required=True, help='the program of rd_points.c')
    p.add_argument('--model', required=True)
    p.add_argument('--pictures', required=True, nargs='+', help='PNG files')
    p.add_argument('--qualities', default='10,30,50,70,90')
    p.add_argument('--bits', default='4,6')
    p.add_argument('--crop', default='4096x4096', help='the middle of each picture')
    p.add_argument('--layers', help='only names that begin so, separated by commas')
    p.add_argument('--together', action='append', default=[], help='LAYER:BITS,... changed at once')
    p.add_argument('--encoder', action='store_true', help='also layers that decoders do not run')
    p.add_argument('--effort', default='2')
    a = p.parse_args()
    _, config, tensors, _ = model_file.read(a.model)
    pictures = [f for v in a.pictures for f in (sorted(glob.glob(os.path.join(v, '*.png'))) if os.path.isdir(v) else [v])]
    layers = [k[:-7] for k, t in tensors.items() if k.endswith('.weight') and not k.endswith('.dw.weight')]
    if not a.encoder:
        layers = [k for k in layers if not k.startswith(ENCODER)]
    layers = list(dict.fromkeys(k[:k.index('.head') + 5] if '.head.' in k else k for k in layers))
    if a.layers:
        layers = [k for k in layers if k.startswith(tuple(a.layers.split(',')))]

    with tempfile.TemporaryDirectory() as d:
        files = [crop(f, *map(int, a.crop.split('x')), d) for f in pictures]

        def points(t):
            path = os.path.join(d, 'model')
            model_file.write(path, 'test', config, t)
            out = subprocess.run([a.points, '-e', a.effort, path, a.qualities, *files], capture_output=True, text=True,
                                 check=True)
            return np.array([[float(v) for v in line.split()[1:]] for line in out.stdout.splitlines()]).T
        base = points(tensors)
        for q, bpp, psnr in zip(a.qualities.split(','), *base):
            print('# unchanged: q %s  %.4f bpp  %.3f dB' % (q, bpp, psnr), flush=True)

        def report(name, bits, count, changed, snr):
            v = points(changed)
            try:
                cost = '%+8.3f' % bd_rate(*v, *base)[0]
            except (ValueError, IndexError):
                cost = '     nan'
            print('%-24s %4s %8d weights  %5.1f dB  %s %%' % (name, bits, count, snr, cost), flush=True)
        for group in a.together:
            changed, count, snr = tensors, 0, []
            for part in group.split(','):
                names, bits = part.split(':')
                for name in parts(tensors, names):
                    changed, s = coarser(changed, name, int(bits))
                    count += changed[name + '.weight'].size
                    snr.append(s)
            report(group if len(group) < 24 else '%d layers' % len(snr), '', count, changed, min(snr))
        for bits in [int(v) for v in a.bits.split(',')] if not a.together else []:
            for name in layers:
                changed, count, snr = tensors, 0, []
                for one in parts(tensors, name):
                    changed, s = coarser(changed, one, bits)
                    count += changed[one + '.weight'].size
                    snr.append(s)
                report(name, bits, count, changed, min(snr))


if __name__ == '__main__':
    sys.exit(main())
