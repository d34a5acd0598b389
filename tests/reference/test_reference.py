"""The C codec against the numpy reference, bit for bit: python3 test_reference.py MICA MODEL...
The first model is tried with wider weights too.

For pictures of awkward sizes, gray and colour, at several qualities, the reference computes what the encoder must choose
and what the decoder must put out. `mica encode` and `mica decode` at every instruction-set level and with 1, 4 and, of
the largest, 2 and 7 threads must give those pixels, and one and the same file.
"""
import hashlib
import os
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', '..', 'tools', 'train'))
import model_file
from integer import Reference, segments

LEVELS = ('c', 'sse41', 'avx2', 'avx512', 'avx512vnni', 'neon', 'dotprod')
REALISM = 70
STRENGTH = 8                 # of the restoration filter at effort 1
# width, height, channels, quality, side of a segment in pixels
CASES = ((1, 1, 3, 50, 1024), (7, 13, 3, 0, 1024), (64, 64, 3, 100, 32), (65, 63, 3, 31.7, 32), (200, 72, 1, 60, 96),
         (33, 130, 1, 12.5, 64), (150, 1100, 3, 45, 128))


def picture(width, height, channels, seed):
    """Smooth shapes, edges and noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    out = np.zeros((height, width, channels))
    for c in range(channels):
        out[:, :, c] = 128 + 90 * np.sin(x / (9 + 4 * c) + y / 17) + 60 * ((x // 24 + y // 31) % 2)
        out[:, :, c] += rng.normal(0, 12, (height, width)) * (x > width / 2)
    return np.clip(out, 0, 255).astype(np.uint8)


def write_pnm(path, a):
    with open(path, 'wb') as f:
        f.write(b'P%d %d %d 255\n' % (6 if a.shape[2] == 3 else 5, a.shape[1], a.shape[0]))
        f.write(a.tobytes())


def read_pnm(path):
    with open(path, 'rb') as f:
        data = f.read()
    kind, width, height, _ = data.split(maxsplit=4)[:4]
    channels = 3 if kind == b'P6' else 1
    width, height = int(width), int(height)
    return np.frombuffer(data[len(data) - width * height * channels:], np.uint8).reshape(height, width, channels)


def padded_rgb(a):
    """A picture as the networks see it."""
    h, w, channels = a.shape
    return np.pad(np.repeat(a, 3 // channels, 2), ((0, -h % 64), (0, -w % 64), (0, 0)), mode='edge')


def expected(reference, a, quality, side, prediction=None):
    """The decoded pictures that the codec must produce, at the scales 1, 1/2, 1/4, 1/8, and at scale 1 with noise; with a prediction
    only at scale 1."""
    h, w, channels = a.shape
    q = int(quality * 1008 / 100 + 0.5)
    rgb = padded_rgb(a)
    to_prior = to_synthesis = base = 0
    if prediction is None:
        y, z = reference.analyse(rgb, q)
    else:
        base = padded_rgb(prediction)
        y, z = reference.analyse(rgb, q, base)
        to_prior, to_synthesis = reference.look_at_prediction(base, q)
    plain = reference.quantise(y, q)
    ch, cw = -(-h // 16), -(-w // 16)

    def choose(k, p, g, mean, index):
        s = plain(k, p, g, mean, index)
        rows = np.arange(s.shape[0]) * 2 + p // 2 < ch
        columns = np.arange(s.shape[1]) * 2 + p % 2 < cw
        return s * (rows[:, None] & columns[None])[:, :, None]
    f = reference.prior(z, q, to_prior)
    pictures = []
    wanted = ((0, 0), (1, 0), (2, 0), (3, 0), (0, REALISM)) if prediction is None else ((0, 0),)
    tiles = segments(*f.shape[:2], ch, cw, side // 16, side // 16)
    features = {realism: reference.features(reference.code_y(f, q, choose, tiles, realism)[0], q, to_synthesis)
                for realism in {r for _, r in wanted}}
    for log2, realism in wanted:
        strength = STRENGTH if 'restoration' in reference.tensors else 0
        out = reference.paint(features[realism], q, log2, base, (h, w), strength)
        out = out[:-(-h >> log2), :-(-w >> log2)].astype(int)
        pictures.append((out if channels == 3 else (out.sum(2, keepdims=True) + 1) // 3).astype(np.uint8))
    return pictures


def widen(path, out):
    """The model with int16 weights, eight times finer, in the layers that have int16 inputs and lie outside the blocks."""
    name, config, tensors, _ = model_file.read(path)
    rng = np.random.default_rng(5)
    for layer in ('to_latent', 'hyper_enter', 'hyper_down0', 'prior_up0', 'context.0.enter', 'context.2.head.1', 'from_latent', 'head'):
        w = tensors[layer + '.weight'].astype(np.int64)
        tensors[layer + '.weight'] = (8 * w + rng.integers(-4, 4, w.shape)).astype('<i2')
        tensors[layer + '.bias'] = (8 * tensors[layer + '.bias'].astype(np.int64)).astype('<i4')
        tensors[layer + '.shift'] = tensors[layer + '.shift'] + np.uint8(3)
    model_file.write(out, name, config, tensors)
    return out


def refuses(mica, path, folder):
    """A layer of 8-bit inputs has no kernels for int16 weights: such a model is refused by name."""
    name, config, tensors, _ = model_file.read(path)
    tensors['synthesis.0.b.weight'] = tensors['synthesis.0.b.weight'].astype('<i2')
    bad, source = os.path.join(folder, 'bad.mmodel'), os.path.join(folder, 'bad.pnm')
    model_file.write(bad, name, config, tensors)
    write_pnm(source, picture(8, 8, 3, 0))
    out = subprocess.run([mica, 'encode', '--model', bad, source, os.path.join(folder, 'bad.mica')], capture_output=True, text=True)
    return out.returncode == 1 and 'synthesis.0.b.weight' in out.stderr


def run(*command):
    subprocess.run(command, check=True)


def main():
    mica, models = sys.argv[1], sys.argv[2:]
    out = subprocess.run([mica, '--version'], capture_output=True, text=True, check=True).stdout
    have = ['c'] + out.split('instruction sets:')[1].strip().split('+')
    supported = [v for v in LEVELS if v in have] + ['all']
    print('levels: %s; skipped, not on this processor: %s' % (' '.join(supported),
          ' '.join(v for v in LEVELS if v not in have)))
    failures = 0
    with tempfile.TemporaryDirectory() as d:
        source, coded, decoded = (os.path.join(d, n) for n in ('in.pnm', 'x.mica', 'out.pnm'))
        if not refuses(mica, models[0], d):
            print('int16 weights where there are no kernels for them were taken')
            failures += 1
        for model in [widen(models[0], os.path.join(d, 'wide.mmodel'))] + models:
            reference = Reference(model)
            for i, (width, height, channels, quality, side) in enumerate(CASES):
                a = picture(width, height, channels, i)
                write_pnm(source, a)
                want = expected(reference, a, quality, side)
                files = set()
                bad = []
                for level in supported:
                    many = ('1', '2', '4', '7') if height > 1000 else ('1', '4')   # rows to share
                    for threads in many if level in ('c', 'all') else ('2',):
                        options = ['--model', model, '--cpu', level, '--threads', threads]
                        how = ['--effort', '1', '-q', str(quality), '--segment', str(side)]
                        run(mica, 'encode', *how, *options, source, coded)
                        with open(coded, 'rb') as f:
                            files.add(hashlib.md5(f.read()).hexdigest())
                        for log2 in range(4 if level in ('c', 'all') and threads in '14' else 1):
                            scale = ['--scale', '1/%d' % (1 << log2)] if log2 else []
                            run(mica, 'decode', *options, *scale, coded, decoded)
                            if not np.array_equal(read_pnm(decoded), want[log2]):
                                bad.append('%s/%s/%s' % (level, threads, 1 << log2))
                        if threads in '14':
                            run(mica, 'decode', *options, '--realism', str(REALISM), coded, decoded)
                            if not np.array_equal(read_pnm(decoded), want[4]):
                                bad.append('%s/%s/realism' % (level, threads))
                ok = not bad and len(files) == 1
                failures += not ok
                print('%s %s %dx%dx%d -q %g: %s' % ('ok  ' if ok else 'FAIL', os.path.basename(model), width, height,
                      channels, quality, 'pixels equal' if not bad else 'pixels differ at ' + ' '.join(bad)) +
                      ('' if len(files) == 1 else ', %d different files' % len(files)))
    sys.exit(1 if failures else 0)


if __name__ == '__main__':
    main()
