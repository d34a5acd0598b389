"""The perceptual metrics of mica compare against implementations in numpy that share no code with it, and against values
of public programs.

The public values are of a picture that this test makes (photo_dogs.png with four bits per sample):
PSNR-HVS-M of the Python package psnr_hvsm 0.3.0, and SSIMULACRA 2 of the package ssimulacra2 0.3.0 with its blur replaced
by the recursion that the reference program uses (the package itself approximates it).
"""
import os
import re
import subprocess
import sys

try:
    import numpy as np
except ImportError:
    print('numpy is missing: the metrics are not checked')
    sys.exit(77)

import mica_case
import pictures

PUBLIC = {'psnr_hvs_m': 37.82405794465076, "ssimulacra2": 58.08158273952964}


def psnr(mse):
    return 10 * np.log10(255 ** 2 / mse)


def luma(picture):
    return picture @ np.array([0.299, 0.587, 0.114])


def psnr_yuv(a, b):
    matrix = np.array([[0.299, 0.587, 0.114], [-0.168735892, -0.331264108, 0.5], [0.5, -0.418687589, -0.081312411]])
    mse = np.mean((a @ matrix.T - b @ matrix.T) ** 2, (0, 1))
    values, weights = [psnr(m) if m > 1e-12 else 0 for m in mse], [6] + [int(m > 1e-12) for m in mse[1:]]
    return np.dot(values, weights) / sum(weights)


def c_table(file, name):
    """The numbers of a table in a C source: a test of how they are used; the public values test the numbers."""
    with open(os.path.join(mica_case.ROOT, "tools", "metrics", file)) as source:
        text = re.search("double " + name + r"[^=]*= \{(.*?)\};", source.read(), re.S).group(1)
    return np.array([float(n) for n in re.findall(r"\d[\d.e+-]*", re.sub(r"/\*.*?\*/", "", text))])


def psnr_hvs_m(a, b):
    height, width = a.shape[0] // 8 * 8, a.shape[1] // 8 * 8
    k = np.arange(8)
    basis = np.cos((2 * k[None] + 1) * k[:, None] * np.pi / 16) * np.where(k[:, None], 0.5, 8 ** -0.5)
    weights = c_table("hvs_m.c", "sensitivity").reshape(8, 8)
    mask = c_table("hvs_m.c", "masking").reshape(8, 8)

    def blocks(picture):
        return luma(picture)[:height, :width].reshape(height // 8, 8, width // 8, 8).swapaxes(1, 2)

    def hidden(samples, coefficients):
        energy = np.sum(mask * coefficients ** 2, (2, 3)) - mask[0, 0] * coefficients[..., 0, 0] ** 2
        whole = samples.var((2, 3), ddof=1) * 64
        quarters = samples.reshape(*samples.shape[:2], 2, 4, 2, 4).var((3, 5), ddof=1).sum((2, 3)) * 16
        return np.sqrt(energy * np.divide(quarters, whole, out=np.zeros_like(whole), where=whole > 0)) / 32

    p, q = blocks(a), blocks(b)
    cp, cq = basis @ p @ basis.T, basis @ q @ basis.T
    threshold = np.maximum(hidden(p, cp), hidden(q, cq))[..., None, None] / mask
    threshold[..., 0, 0] = 0
    error = np.maximum(np.abs(cp - cq) - threshold, 0) * weights
    return psnr(np.mean(error ** 2))


def linear_light(picture):
    v = picture / 255
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def ciede2000(a, b):
    """With complex numbers for chroma and hue."""
    def lab(picture):
        matrix = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
                           [0.0193339, 0.1191920, 0.9503041]])
        t = linear_light(picture) @ matrix.T / matrix.sum(1)
        f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t * (29 / 6) ** 2 / 3 + 4 / 29)
        return 116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]) + 200j * (f[..., 1] - f[..., 2])

    def seven(c):
        return np.sqrt(c ** 7 / (c ** 7 + 25.0 ** 7))

    (l1, z1), (l2, z2) = lab(a), lab(b)
    stretch = 1.5 - 0.5 * seven((abs(z1) + abs(z2)) / 2)
    z1, z2 = z1.real * stretch + 1j * z1.imag, z2.real * stretch + 1j * z2.imag
    c1, c2 = abs(z1), abs(z2)
    h1, h2 = np.angle(z1) % (2 * np.pi), np.angle(z2) % (2 * np.pi)
    far = abs(h1 - h2) > np.pi
    mean = (h1 + h2) / 2 + np.where(far, np.where(h1 + h2 < 2 * np.pi, np.pi, -np.pi), 0)
    mean = np.where(c1 * c2 == 0, h1 + h2, mean)
    dh = 2 * np.sqrt(c1 * c2) * np.sin(((h2 - h1 + np.pi) % (2 * np.pi) - np.pi) / 2)
    l, c = (l1 + l2) / 2, (c1 + c2) / 2
    degree = np.pi / 180
    t = (1 - 0.17 * np.cos(mean - 30 * degree) + 0.24 * np.cos(2 * mean) + 0.32 * np.cos(3 * mean + 6 * degree)
         - 0.20 * np.cos(4 * mean - 63 * degree))
    x = (l2 - l1) / (1 + 0.015 * (l - 50) ** 2 / np.sqrt(20 + (l - 50) ** 2))
    y = (c2 - c1) / (1 + 0.045 * c)
    z = dh / (1 + 0.015 * c * t)
    turn = -2 * seven(c) * np.sin(60 * degree * np.exp(-((mean / degree - 275) / 25) ** 2))
    return np.mean(np.sqrt(np.maximum(x * x + y * y + z * z + turn * y * z, 0)))


def recursive_blur(x):
    """Charalampidis 2016, figure by figure: three second-order recursions."""
    n, sigma = 5, 1.5
    odd = np.array([1, 3, 5])
    omega = odd * np.pi / (2 * n)
    sign = np.array([1, -1, 1])
    p = sign / np.tan(omega / 2)
    r = sign * p * p / np.sin(omega)
    rho = np.exp(-sigma ** 2 * omega ** 2 / 2) / n
    normal = np.cross(p, r) / np.cross(p, r)[2]
    beta = np.linalg.solve([p, r, normal], [1, n * n - sigma ** 2, normal @ rho])
    for axis in (1, 0):
        x = np.moveaxis(x, axis, 0)
        padded = np.concatenate([np.zeros((2 * n + 2,) + x.shape[1:]), x, np.zeros((2 * n + 2,) + x.shape[1:])])
        out = np.zeros_like(x)
        for k in range(3):
            one = two = np.zeros(x.shape[1:])
            for i in range(n + 1, len(padded) - n - 1):
                both = padded[i - n - 1] + padded[i + n - 1]
                one, two = -beta[k] * np.cos(omega[k] * (n + 1)) * both + 2 * np.cos(omega[k]) * one - two, one
                if 0 <= i - 2 * n - 2 < len(x):
                    out[i - 2 * n - 2] += one
        x = np.moveaxis(out, 0, axis)
    return x


def ssimulacra2(a, b):
    matrix = np.array([[0.3, 0.622, 0.078], [0.23, 0.692, 0.078],
                       [0.24342268924547819, 0.20476744424496821, 0.5518098665095535]])

    def xyb(linear):
        l, m, s = np.moveaxis(np.cbrt(linear @ matrix.T + 0.0037930732552754493) - np.cbrt(0.0037930732552754493), 2, 0)
        return np.stack([(l - m) * 7 + 0.42, (l + m) / 2 + 0.01, s - (l + m) / 2 + 0.55], 2)

    def halve(x):
        x = np.pad(x, ((0, x.shape[0] % 2), (0, x.shape[1] % 2), (0, 0)), "edge")
        return (x[::2, ::2] + x[1::2, ::2] + x[::2, 1::2] + x[1::2, 1::2]) / 4

    a, b = linear_light(a), linear_light(b)
    norms = []
    for scale in range(6):
        if min(a.shape[:2]) < 8:
            break
        if scale:
            a, b = halve(a), halve(b)
        p, q = xyb(a), xyb(b)
        mp, mq = recursive_blur(p), recursive_blur(q)
        pp, qq, pq = recursive_blur(p * p) - mp ** 2, recursive_blur(q * q) - mq ** 2, recursive_blur(p * q) - mp * mq
        structure = 1 - (1 - (mp - mq) ** 2) * (2 * pq + 0.0009) / (pp + qq + 0.0009)
        edge = (1 + abs(q - mq)) / (1 + abs(p - mp)) - 1
        maps = np.maximum(np.stack([structure, edge, -edge]), 0)
        norms.append([maps.mean((1, 2)), (maps ** 4).mean((1, 2)) ** 0.25])
    norms = np.array(norms).transpose(3, 0, 1, 2).ravel() # component, scale, norm, map
    x = 0.9562382616834844 * (norms @ c_table("ssimulacra2.c", "weights")[:len(norms)])
    x = 2.326765642916932 * x - 0.020884521182843837 * x ** 2 + 6.248496625763138e-05 * x ** 3
    return 100 - 10 * max(x, 0) ** 0.6276336467831387


class Perceptual(mica_case.MicaCase):
    def picture(self, name):
        """A test picture as an array of floats (height, width, 3)."""
        path = os.path.join(mica_case.TESTIMAGES, name)
        if name.endswith('.png'):
            tool = os.path.join(mica_case.TESTIMAGES, 'png2ppm.py')
            subprocess.run([sys.executable, tool, path, self.path('picture.ppm')], check=True)
            path = self.path('picture.ppm')
        with open(path, 'rb') as f:
            width, height, channels, data = pictures.read_pnm(f.read())
        samples = np.frombuffer(data, np.uint8).reshape(height, width, channels)
        return np.repeat(samples, 3 // channels, 2).astype(float)

    def compare(self, a, b, *options):
        for name, image in (('a', a), ('b', b)):
            self.put(name, pictures.pnm((image.shape[1], image.shape[0], 3, image.astype(np.uint8).tobytes())))
        return self.json('compare', '--json', *options, 'a', 'b')

    def check(self, a, b):
        got = self.compare(a, b)
        self.assertAlmostEqual(got['psnr_yuv'], psnr_yuv(a, b), delta=1e-6)
        self.assertAlmostEqual(got['ciede2000'], ciede2000(a, b), delta=1e-6)
        if min(a.shape[:2]) < 8:
            self.assertIsNone(got['psnr_hvs_m'])
            self.assertIsNone(got['ssimulacra2'])
        else:
            self.assertAlmostEqual(got['psnr_hvs_m'], psnr_hvs_m(a, b), delta=1e-6)
            self.assertAlmostEqual(got['ssimulacra2'], ssimulacra2(a, b), delta=1e-3) # its colours are floats in mica

    def test_numpy(self):
        random = np.random.default_rng(1)
        for name in ('gen_screen_160x96.png', 'gen_noise_65x63.png', 'gen_gray_33x17.pgm', 'gen_7x13.png'):
            a = self.picture(name)
            self.check(a, np.clip(a + random.integers(-9, 10, a.shape), 0, 255))
            self.check(a, np.clip(a + random.integers(-3, 4, a.shape[:2] + (1,)), 0, 255))

    def test_public_programs(self):
        a = self.picture('photo_dogs.png')
        got = self.compare(a, a // 16 * 16 + 8, '--metrics', ','.join(PUBLIC))
        self.assertEqual(list(got), ['width', 'height', *PUBLIC])
        for name, value in PUBLIC.items():
            self.assertAlmostEqual(got[name], value, delta=5e-4, msg=name)

    def test_map(self):
        """Black where nothing differs, and something else where something does."""
        a = self.picture('gen_7x13.png')
        b = a.copy()
        b[2, 3] = 255 - b[2, 3]
        self.compare(a, b, '--map', 'map.ppm')
        width, height, channels, data = pictures.read_pnm(self.get('map.ppm'))
        drawn = np.frombuffer(data, np.uint8).reshape(height, width, channels).any(2)
        self.assertEqual(drawn.shape, a.shape[:2])
        self.assertTrue(drawn[2, 3])
        self.assertEqual(drawn.sum(), 1)

    def test_usage(self):
        self.fails('compare', '--metrics', 'psnr_rgb,nosuch', 'a', 'b', file='compare', reason='nosuch', code=2)
        self.fails('compare', '--map', 'map.xyz', 'a', 'b', file='compare', reason='map.xyz', code=2)


if __name__ == '__main__':
    mica_case.main()
