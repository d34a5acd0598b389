"""The codecs of the experiments: arrays (height, width, 3) of uint8 to bytes and back.

mica is run as the command, mica-r50 with `decode --realism 50`; jpeg, webp and avif are those of Pillow, at the speeds that people use. All take 0..100.
"""
import io
import os
import re
import subprocess
import tempfile

import numpy as np
from PIL import Image, features

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))


class Mica:
    def __init__(self, program, model=None, realism=0):
        self.program, self.model, self.realism = program, ['--model', model] if model else [], '--realism=%d' % realism

    def encode(self, picture, quality):
        with tempfile.TemporaryDirectory() as d:
            write_ppm(os.path.join(d, 'in.ppm'), picture)
            self.run('encode', '-q', '%g' % quality, os.path.join(d, 'in.ppm'), os.path.join(d, 'x.mica'))
            with open(os.path.join(d, 'x.mica'), 'rb') as f:
                return f.read()

    def decode(self, data):
        with tempfile.TemporaryDirectory() as d:
            with open(os.path.join(d, 'x.mica'), 'wb') as f:
                f.write(data)
            self.run('decode', self.realism, os.path.join(d, 'x.mica'), os.path.join(d, 'out.ppm'))
            return read_picture(os.path.join(d, 'out.ppm'))

    def run(self, command, *arguments):
        subprocess.run([self.program, command, *self.model, *arguments], check=True)


class Pillow:
    def __init__(self, form, **options):
        self.form, self.options = form, options

    def encode(self, picture, quality):
        out = io.BytesIO()
        Image.fromarray(picture).save(out, self.form, quality=int(round(quality)), **self.options)
        return out.getvalue()

    def decode(self, data):
        return np.asarray(Image.open(io.BytesIO(data)).convert('RGB'))


def add_options(parser):
    parser.add_argument('--mica', default=os.path.join(ROOT, 'build', 'tools', 'mica'), help='the mica command')
    parser.add_argument('--model', help='model of mica')
    parser.add_argument('--codecs', default='mica,jpeg,webp', help='of mica, mica-rN (realism N), jpeg, webp, avif')


def chosen(args):
    """name: codec, as --codecs says"""
    made = {}
    for name in args.codecs.split(','):
        mica = re.fullmatch(r'mica(-r(\d+))?', name)
        if mica:
            made[name] = Mica(os.path.abspath(args.mica), args.model, int(mica[2] or 0))
        elif name == 'jpeg':
            made[name] = Pillow('JPEG', optimize=True)
        elif name == 'webp' and features.check('webp'):
            made[name] = Pillow('WEBP', method=6)
        elif name == 'avif' and features.check('avif'):
            made[name] = Pillow('AVIF', speed=6, subsampling='4:4:4')
        else:
            raise SystemExit('--codecs: %s is unknown, or missing in this Pillow' % name)
    return made


def quality_for_bytes(codec, picture, size, low=0.0, high=100.0, step=0.5):
    """The coded picture whose size is nearest to `size` without being above it by more than 1 %, else the smallest."""
    best = codec.encode(picture, low)
    while high - low > step:
        middle = (low + high) / 2
        data = codec.encode(picture, middle)
        if len(data) <= 1.01 * size:
            low, best = middle, data
        else:
            high = middle
    return best


def write_ppm(path, picture):
    with open(path, 'wb') as f:
        f.write(b'P6\n%d %d\n255\n' % (picture.shape[1], picture.shape[0]) + np.ascontiguousarray(picture).tobytes())


def read_picture(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert('RGB'))


def find_pictures(paths):
    """Files, and the PNG, JPEG and PPM files of folders, by name."""
    found = []
    for path in paths:
        if os.path.isdir(path):
            found += [os.path.join(path, n) for n in sorted(os.listdir(path))
                      if n.lower().endswith(('.png', '.jpg', '.jpeg', '.ppm'))]
        else:
            found.append(path)
    if not found:
        raise SystemExit('no pictures')
    return found


def psnr(a, b):
    mse = np.mean((a.astype(np.float64) - b) ** 2)
    return 10 * np.log10(255 ** 2 / mse) if mse > 0 else float('inf')
