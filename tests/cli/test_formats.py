"""Reading and writing of every format, and round trips through the codec."""
import hashlib
import os
import struct
import zlib

import mica_case
import pictures
from pictures import GRAY, PALETTE, chunk, png


class Reading(mica_case.MicaCase):
    """What a reader makes of a file, by comparison with the same picture as PPM or PGM."""

    def reads_as(self, data, picture):
        self.put('in', data)
        self.put('expected', pictures.pnm(picture))
        self.same('expected', 'in')
        self.ok('encode', '-q', '10', 'in', 'in.mica')
        self.assertEqual(self.json('info', '--json', 'in.mica')['channels'], picture[2])

    def refused(self, data, reason, *options):
        self.put('in', data)
        self.fails('encode', *options, 'in', 'out.mica', file='in', reason=reason)

    def test_png_depths(self):
        for depth in (1, 2, 4, 8):
            for interlaced in (False, True):
                top = 2 ** depth - 1
                values = [(x * 7 + y * 3) % (top + 1) for y in range(11) for x in range(13)]
                gray = 13, 11, 1, bytes(v * 255 // top for v in values)
                self.reads_as(png(13, 11, GRAY, depth, values, interlaced), gray)
                palette = bytes((37 * i + 11 * c) % 256 for i in range(top + 1) for c in range(3))
                colours = 13, 11, 3, b''.join(palette[3 * v:3 * v + 3] for v in values)
                self.reads_as(png(13, 11, PALETTE, depth, values, interlaced, chunk(b'PLTE', palette)), colours)
        picture = pictures.noise(9, 5, 3)
        self.reads_as(pictures.picture_png(picture), picture)
        self.reads_as(pictures.picture_png(picture, interlaced=True), picture)

    def test_pnm(self):
        for channels in (1, 3):
            picture = pictures.noise(5, 7, channels)
            self.reads_as(pictures.pnm(picture), picture)
            self.reads_as(pictures.plain_pnm(picture), picture)
            self.reads_as(pictures.plain_pnm(picture) + b'\n', picture)
            self.reads_as(pictures.pam(picture), picture)
            self.reads_as(pictures.pam(picture, b'GRAYSCALE' if channels == 1 else b'RGB'), picture)
        self.reads_as(b'P5\n#one\n 3 #two\n#three\n1\r\n#four\n255 abc', (3, 1, 1, b'abc'))
        self.reads_as(b'P5 4 1 3\n\0\1\2\3', (4, 1, 1, bytes((0, 85, 170, 255))))
        self.reads_as(b'P2 4 1 1\n0 1 1 0', (4, 1, 1, bytes((0, 255, 255, 0))))
        self.reads_as(b'P5 2 1 200\n\x64\xc8', (2, 1, 1, bytes((128, 255))))
        self.reads_as(pictures.pam((2, 1, 1, b'\0\1'), b'BLACKANDWHITE', 1), (2, 1, 1, b'\0\xff'))

    def test_bad_pnm(self):
        self.refused(b'P1 1 1 0', 'PBM')
        self.refused(b'P4 1 1 \0', 'PBM')
        self.refused(b'P5 2 2 255\nabc', 'truncated')
        self.refused(b'P5 2 2 255', 'truncated')
        self.refused(b'P5 2', 'truncated')
        self.refused(b'P2 2 1 9\n1', 'truncated')
        self.refused(b'P2 2 1 9\n1 10', 'above the maxval')
        self.refused(b'P5 1 1 9\n\x0a', 'above the maxval')
        self.refused(b'P2 2 1 9\n1 x', 'malformed')
        self.refused(b'P5 -2 1 9\n1', 'malformed')
        self.refused(b'P5 1 1 0\n\0', 'maxval')
        self.refused(b'P5 1 1 65536\n\0\0\0', 'maxval')
        self.refused(b'P5 0 1 255\n', 'no pixels')
        self.refused(b'P5 65536 1 255\n' + bytes(65536), '65536x1')
        self.refused(b'P5 99999999999999999999 99999999999999999999 255\n', 'sides above')
        self.refused(b'P5 65535 65535 255\n', 'truncated')
        self.refused(b'P5 1 1 255\naP5 1 1 255\nb', 'more than one picture')
        self.refused(pictures.pam((1, 1, 3, b'abc'), b'LAB'), 'LAB')
        self.refused(pictures.pam((1, 1, 5, b'abcde')), 'depth of 5')
        self.refused(b'P7\nWIDTH 1\nHEIGHT 1\nDEPTH 1\nMAXVAL 255\na', 'unknown header line')
        self.refused(b'P7\nWIDTH 1\n', 'truncated')
        self.refused(b'P7\nENDHDR\n', 'PAM')

    def test_bad_png(self):
        good = pictures.picture_png(pictures.noise(20, 20, 3))
        for size in (8, 20, 40, len(good) // 2, len(good) - 13, len(good) - 1):
            self.refused(good[:size], 'bad PNG')
        bad = bytearray(good)
        bad[60] ^= 1
        self.refused(bytes(bad), 'bad PNG')
        self.refused(good[:8] + chunk(b'IHDR', bytes(13)) + good[33:], 'bad PNG')
        absurd = struct.pack('>IIBBBBB', 2 ** 31 - 1, 2 ** 31 - 1, 8, 2, 0, 0, 0)
        self.refused(good[:8] + chunk(b'IHDR', absurd) + good[33:], '2147483647x2147483647')
        large = struct.pack('>IIBBBBB', 60000, 60000, 8, 2, 0, 0, 0)
        self.refused(good[:8] + chunk(b'IHDR', large) + good[33:], '60000x60000')
        # All is well but the pixels end early.
        short = struct.pack('>IIBBBBB', 20, 21, 8, 2, 0, 0, 0)
        self.refused(good[:8] + chunk(b'IHDR', short) + good[33:], 'bad PNG')
        self.refused(good[:8] + good[8:33] + chunk(b'IDAT', zlib.compress(b'')) + chunk(b'IEND', b''), 'bad PNG')

    def jpeg(self, channels=3, name='in.jpg'):
        """A JPEG of a picture that went through the codec, the only writer there is to be sure of."""
        self.put('p', pictures.pnm(pictures.smooth(50, 40, channels)))
        self.ok('encode', '-q', '90', 'p', 'p.mica')
        self.ok('decode', 'p.mica', name)
        return self.get(name)

    def test_jpeg(self):
        for channels in (1, 3):
            self.jpeg(channels)
            self.ok('encode', 'in.jpg', 'in.mica')
            self.assertEqual(self.json('info', '--json', 'in.mica')['channels'], channels)
            self.assertGreater(self.json('compare', '--json', 'p.mica', 'in.jpg')['psnr_rgb'], 35)
        self.ok('decode', '--jpeg-quality=20', 'p.mica', 'low.jpeg')
        self.assertLess(len(self.get('low.jpeg')), len(self.get('in.jpg')))

    def test_bad_jpeg(self):
        good = self.jpeg()
        for size in (3, 20, 200, len(good) * 2 // 3, len(good) - 20, len(good) - 2):
            self.refused(good[:size], 'bad JPEG')
        middle = good.rindex(b'\xff\xda') + 100
        self.refused(good[:middle] + b'\xff\xd4' + good[middle:], 'bad JPEG')
        self.refused(good[:-2] + b'\x11' * 9 + good[-2:], 'bad JPEG')


class RoundTrip(mica_case.MicaCase):
    def test_outputs_agree(self):
        for channels in (1, 3):
            picture = pictures.smooth(70, 45, channels)
            self.put('in.png', pictures.picture_png(picture))
            self.ok('encode', '-q', '80', 'in.png', 'a.mica')
            self.ok('decode', 'a.mica', 'a.pam')
            decoded = pictures.read_pnm(self.get('a.pam'))
            self.assertEqual(decoded[:3], (70, 45, channels))
            for name in ('a.png', 'a.PNG', 'a.pnm', 'a.ppm', *(['a.pgm'] if channels == 1 else [])):
                self.ok('decode', 'a.mica', name)
                self.same('a.pam', name)
            self.assertEqual(pictures.read_pnm(self.get('a.pnm')), decoded)
            self.assertEqual(pictures.read_pnm(self.get('a.ppm')), pictures.to_rgb(decoded))
            self.same('a.pam', 'a.mica')
            self.same('a.mica', 'a.pam')
            self.assertEqual(self.get('a.png')[:8], b'\x89PNG\r\n\x1a\n')
            md5 = hashlib.md5(decoded[3]).hexdigest().encode() + b'\n'
            self.assertEqual(self.ok('decode', '--md5', 'a.mica'), md5)
            self.assertEqual(self.ok('decode', '--output-format=md5', 'a.mica', '-'), md5)
            self.ok('decode', 'a.mica', 'a.md5')
            self.assertEqual(self.get('a.md5'), md5)
            for form in ('png', 'ppm', 'jpg', 'JPEG', 'pam'):
                self.ok('decode', '-f', form, 'a.mica', 'x.dat')
                self.assertEqual(self.get('x.dat')[:2], {'png': b'\x89P', 'ppm': b'P6', 'pam': b'P7'}.get(form, b'\xff\xd8'))
        self.fails('decode', 'a.mica', 'b.pgm', file='b.pgm', reason='PGM')

    def test_md5_lengths(self):
        # Around the block size of MD5.
        for width in (1, 54, 55, 56, 57, 63, 64, 65, 119, 120, 128):
            self.put('in', pictures.pnm(pictures.noise(width, 1, 1)))
            self.ok('encode', '-q', '0', 'in', 'a.mica')
            samples = pictures.read_pnm(self.ok('decode', 'a.mica', '-'))[3]
            self.assertEqual(self.ok('decode', '--md5', 'a.mica').decode().strip(), hashlib.md5(samples).hexdigest())

    def test_pipes(self):
        data = pictures.picture_png(pictures.smooth(60, 50, 3))
        self.put('in.png', data)
        self.ok('encode', 'in.png', 'a.mica')
        stream = self.ok('encode', '-', '-', stdin=data)
        self.assertEqual(stream, self.get('a.mica'))
        ppm = self.ok('decode', '-', '-', stdin=stream)
        self.ok('decode', 'a.mica', 'a.ppm')
        self.assertEqual(ppm, self.get('a.ppm'))
        self.assertEqual(self.ok('decode', '--output-format', 'pam', '-', '-', stdin=stream)[:3], b'P7\n')
        self.assertEqual(self.json('compare', '--json', 'a.mica', '-', stdin=ppm)['mse_rgb'], 0)
        self.assertEqual(self.json('compare', '--json', '-', 'a.ppm', stdin=stream)['mse_rgb'], 0)

    def test_large_pipe(self):
        # Larger than any pipe buffer, and of a size that is not known before.
        picture = pictures.noise(700, 300, 3)
        self.put('in.ppm', pictures.pnm(picture))
        self.ok('encode', '-q', '0', 'in.ppm', 'a.mica')
        self.assertEqual(self.ok('encode', '-q', '0', '-', '-', stdin=pictures.pnm(picture)), self.get('a.mica'))

    def test_content_not_name(self):
        self.put('wrong.jpg', pictures.picture_png(pictures.smooth(20, 20, 3)))
        self.ok('encode', 'wrong.jpg', 'a.mica')

    def test_quality_range(self):
        self.put('in', pictures.pnm(pictures.smooth(96, 80, 3)))
        sizes, psnrs = [], []
        for quality in ('0', '25', '50', '75', '100'):
            self.ok('encode', '-q', quality, 'in', 'a.mica')
            sizes.append(len(self.get('a.mica')))
            psnrs.append(self.json('compare', '--json', 'in', 'a.mica')['psnr_rgb'] or 99)
        self.assertEqual(sizes, sorted(sizes))
        self.assertGreater(psnrs[0], 18)
        self.assertGreater(psnrs[2], 25)
        self.assertGreater(psnrs[4], 32)
        self.assertGreater(psnrs[4], psnrs[2])
        self.assertGreater(psnrs[2], psnrs[0])

    def test_testimages(self):
        names = [n for n in sorted(os.listdir(mica_case.TESTIMAGES)) if n.endswith(('.png', '.pgm'))]
        self.assertTrue(names)
        for name in names:
            image = os.path.join(mica_case.TESTIMAGES, name)
            self.ok('encode', '-q', '60', image, 'a.mica')
            self.ok('decode', 'a.mica', 'a.png')
            result = self.json('compare', '--json', image, 'a.png')
            if name.startswith('photo'):
                self.assertGreater(result['psnr_rgb'], 24, name)
                self.assertGreater(result['ssim'], 0.8, name)

    def test_sizes(self):
        for width, height in ((1, 1), (1, 40), (40, 1), (2, 3), (15, 17), (16, 16), (64, 64), (65, 63), (130, 5)):
            for channels in (1, 3):
                picture = pictures.smooth(width, height, channels)
                self.put('in', pictures.pnm(picture))
                self.ok('encode', '-q', '70', 'in', 'a.mica')
                decoded = pictures.read_pnm(self.ok('decode', 'a.mica', '-'))
                self.assertEqual(decoded[:3], picture[:3])

    def test_same_bits(self):
        self.put('in', pictures.pnm(pictures.smooth(150, 133, 3)))
        self.ok('encode', 'in', 'a.mica')
        md5 = self.ok('decode', '--md5', 'a.mica')
        for options in (['--threads=1'], ['--threads=2'], ['--threads=4'], ['--cpu=c'], ['--cpu=c', '--threads=3']):
            self.ok('encode', *options, 'in', 'b.mica')
            self.assertEqual(self.get('b.mica'), self.get('a.mica'), options)
            self.assertEqual(self.ok('decode', *options, '--md5', 'a.mica'), md5, options)


if __name__ == '__main__':
    mica_case.main()
