"""mica compare against implementations of the same definitions that share no code with it (docs/cli.md)."""
import os
import shutil
import sys
import unittest

try:
    import numpy as np
except ImportError:
    print('numpy is missing: the metrics are not checked')
    sys.exit(77)

import mica_case
import pictures


def luma(image):
    rgb = np.broadcast_to(image, (*image.shape[:2], 3)).astype(np.float64)
    return rgb @ np.array([0.299, 0.587, 0.114])


def psnr(mse):
    return None if mse == 0 else 10 * np.log10(255 ** 2 / mse)


def local_statistics(x, y):
    """SSIM and its contrast-structure part for every 11x11 window, from weighted sums over the windows themselves."""
    d = np.arange(11) - 5
    window = np.exp(-(d[:, None] ** 2 + d[None] ** 2) / (2 * 1.5 ** 2))
    window /= window.sum()
    xs = np.lib.stride_tricks.sliding_window_view(x, (11, 11))
    ys = np.lib.stride_tricks.sliding_window_view(y, (11, 11))

    def mean(a):
        return np.einsum('ijkl,kl->ij', a, window)
    mx, my = mean(xs), mean(ys)
    dx, dy = xs - mx[..., None, None], ys - my[..., None, None]
    vx, vy, cov = mean(dx * dx), mean(dy * dy), mean(dx * dy)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    contrast = (2 * cov + c2) / (vx + vy + c2)
    return ((2 * mx * my + c1) / (mx * mx + my * my + c1) * contrast).mean(), contrast.mean()


def halve(a):
    a = np.pad(a, ((0, a.shape[0] % 2), (0, a.shape[1] % 2)), mode='edge')
    return a.reshape(a.shape[0] // 2, 2, a.shape[1] // 2, 2).mean(axis=(1, 3))


def expected(a, b):
    difference = np.subtract(*(np.broadcast_to(i, np.broadcast_shapes(a.shape, b.shape)).astype(np.float64)
                               for i in (a, b)))
    x, y = luma(a), luma(b)
    mse = np.mean(difference ** 2)
    out = {'mse_rgb': mse, 'psnr_rgb': psnr(mse), 'psnr_y': psnr(np.mean((x - y) ** 2)), 'ssim': None, 'ms_ssim': None}
    side = min(x.shape)
    if side >= 11:
        out['ssim'] = local_statistics(x, y)[0]
    if side >= 176:
        product = 1
        for scale, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
            value = local_statistics(x, y)[1 if scale < 4 else 0]
            product *= max(value, 0) ** weight
            x, y = halve(x), halve(y)
        out['ms_ssim'] = product
    return out


class Metrics(mica_case.MicaCase):
    def check(self, a, b):
        """a, b: arrays of height, width, 1 or 3."""
        for name, image in (('a', a), ('b', b)):
            self.put(name, pictures.pnm((image.shape[1], image.shape[0], image.shape[2], image.tobytes())))
        result = self.json('compare', '--json', 'a', 'b')
        self.assertEqual(list(result), ['width', 'height', 'mse_rgb', 'psnr_rgb', 'psnr_y', 'psnr_yuv', 'ssim', 'ms_ssim',
                                        'psnr_hvs_m', 'ciede2000', 'ssimulacra2'])
        self.assertEqual((result['width'], result['height']), (a.shape[1], a.shape[0]))
        for key, value in expected(a, b).items():
            if value is None:
                self.assertIsNone(result[key], key)
            else:
                self.assertAlmostEqual(result[key], value, delta=1e-6 if 'ssim' in key else 1e-9, msg=key)
        return result

    def image(self, width, height, channels, seed):
        """Smooth, with edges and a little noise."""
        r = np.random.default_rng(seed)
        y, x = np.mgrid[:height, :width] / 40
        planes = [128 + 70 * np.sin(x * (c + 1)) * np.cos(y) + 40 * ((x + y) % 2 < 1) for c in range(channels)]
        return np.clip(np.stack(planes, -1) + r.normal(0, 6, (height, width, channels)), 0, 255).astype(np.uint8)

    def distort(self, image, amount, seed=9):
        noise = np.random.default_rng(seed).normal(0, amount, image.shape)
        return np.clip(image + noise, 0, 255).astype(np.uint8)

    def test_sizes(self):
        for width, height in ((1, 1), (10, 30), (30, 10), (11, 11), (11, 40), (40, 11), (57, 38), (175, 200), (176, 176),
                              (200, 176), (177, 191), (223, 300)):
            for channels in (1, 3):
                a = self.image(width, height, channels, width)
                self.check(a, self.distort(a, 12))

    def test_amounts(self):
        a = self.image(180, 180, 3, 5)
        last = None
        for amount in (0.5, 3, 20, 90):
            result = self.check(a, self.distort(a, amount))
            self.assertTrue(last is None or (result['ssim'] < last['ssim'] and result['psnr_y'] < last['psnr_y']))
            last = result

    def test_extremes(self):
        a = self.image(176, 180, 3, 6)
        black, white = np.zeros_like(a), np.full_like(a, 255)
        self.check(black, white)
        self.check(a, 255 - a)  # opposite structure
        self.check(a, black)
        one = a.copy()
        one[3, 4, 1] ^= 1
        self.check(a, one)

    def test_equal(self):
        a = self.image(176, 180, 3, 7)
        result = self.check(a, a)
        self.assertEqual((result['mse_rgb'], result['psnr_rgb'], result['psnr_y']), (0, None, None))
        self.assertAlmostEqual(result['ssim'], 1, delta=1e-12)
        text = self.ok('compare', 'a', 'a').decode()
        self.assertRegex(text, r'(?m)^psnr_rgb +inf$')
        self.assertRegex(text, r'(?m)^psnr_y +inf$')
        self.check(a[:8], a[:8])
        self.assertRegex(self.ok('compare', 'a', 'a').decode(), r'(?m)^ms_ssim +n/a')

    def test_map_is_no_input(self):
        a = self.image(20, 20, 3, 4)
        self.check(a, self.distort(a, 9))
        os.rename(self.path('b'), self.path('b.ppm'))
        os.link(self.path('a'), self.path('same.ppm'))
        for out in ('b.ppm', 'same.ppm'):
            self.fails('compare', '--map', out, 'a', 'b.ppm', file=out, reason='input')
        self.ok('compare', '--map', 'new.ppm', 'a', 'b.ppm')

    def fake(self, script):
        """A program `butteraugli` that is the only one in the path."""
        self.put('butteraugli', b'#!/bin/sh\n' + script)
        os.chmod(self.path('butteraugli'), 0o755)
        return {'env': {**os.environ, 'PATH': self.folder}}

    def test_butteraugli_is_run(self):
        a = self.image(20, 20, 3, 4)
        self.check(a, self.distort(a, 9))
        self.assertNotIn('butteraugli', self.json('compare', '--json', 'a', 'b'))
        compare = ('compare', '--json', '--metrics', 'psnr_rgb,butteraugli', 'a', 'b')
        self.assertEqual(self.json(*compare, **self.fake(b'test -s "$1" && test -s "$2" && echo 2.50'))['butteraugli'], 2.5)
        self.fails(*compare, file='b', reason='printed no number', **self.fake(b'echo no idea'))
        self.fails(*compare, file='b', reason='printed no number', **self.fake(b''))
        self.fails(*compare, file='b', reason='exit code 3: sad', **self.fake(b'echo sad; exit 3'))
        os.unlink(self.path('butteraugli'))
        self.fails(*compare, file='b', reason='not in the path', env={**os.environ, 'PATH': self.folder})
        self.check(a[:7], a[:7])
        self.assertIsNone(self.json(*compare)['butteraugli'])

    @unittest.skipUnless(shutil.which('butteraugli'), 'butteraugli is missing')
    def test_butteraugli(self):
        a = self.image(64, 48, 3, 4)
        values = []
        for amount in (1, 5, 25):
            self.check(a, self.distort(a, amount))
            values.append(self.json('compare', '--json', '--metrics', 'butteraugli', 'a', 'b')['butteraugli'])
        self.assertTrue(0 < values[0] < values[1] < values[2], values)
        gray = self.image(64, 48, 1, 4)
        self.check(gray, np.repeat(self.distort(gray, 5), 3, axis=2))
        self.assertGreater(self.json('compare', '--json', '--metrics', 'butteraugli', 'a', 'b')['butteraugli'], 0)

    def test_gray_and_colour(self):
        gray = self.image(30, 20, 1, 8)
        colour = np.repeat(gray, 3, axis=2)
        result = self.check(gray, colour)
        self.assertEqual((result['psnr_rgb'], result['psnr_y']), (None, None))
        self.check(gray, self.distort(colour, 5))
        self.check(self.distort(colour, 5), gray)


if __name__ == '__main__':
    mica_case.main()
