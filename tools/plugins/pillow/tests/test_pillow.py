"""Round trips through Pillow; with MICA set to the mica command, also that both agree."""
import io
import os
import subprocess
import tempfile
import unittest

try:
    from PIL import Image, ImageChops
    import mica_pillow
except ImportError as reason:  # not installed: nothing to test
    raise unittest.SkipTest(str(reason))

MICA = os.environ.get('MICA')


def picture(mode='RGB', size=(70, 50)):
    bands = []
    for band in range(len(Image.new(mode, (1, 1)).getbands())):
        data = bytes((x * (3 + band) + y * 2) % 256 // 2 + 60 for y in range(size[1]) for x in range(size[0]))
        bands.append(Image.frombytes('L', size, data))
    return Image.merge(mode, bands) if len(bands) > 1 else bands[0].convert(mode)


def coded(image, **options):
    out = io.BytesIO()
    image.save(out, 'MICA', **options)
    return out.getvalue()


def difference(a, b):
    """Mean over all bands; one by one, because old versions of Pillow cannot subtract LA."""
    total = 0
    for x, y in zip(a.split(), b.split()):
        histogram = ImageChops.difference(x, y).histogram()
        total += sum(n * i for i, n in enumerate(histogram)) / sum(histogram)
    return total / len(a.getbands())


class Pillow(unittest.TestCase):
    def test_modes(self):
        for mode in ('L', 'RGB', 'LA', 'RGBA'):
            image = picture(mode)
            back = Image.open(io.BytesIO(coded(image, quality=95)))
            self.assertEqual((back.format, back.mode, back.size), ('MICA', mode, image.size))
            self.assertLess(difference(image, back), 6, mode)
            if 'A' in mode:
                self.assertEqual(back.getchannel('A').tobytes(), image.getchannel('A').tobytes())

    def test_16_bits(self):
        values = [min(65535, 300 * x + 200 * y) for y in range(50) for x in range(70)]
        image = Image.frombytes('I;16', (70, 50), b''.join(v.to_bytes(2, 'little') for v in values))
        back = Image.open(io.BytesIO(coded(image, quality=95)))
        self.assertEqual(back.mode, 'I;16')
        data = back.tobytes()
        got = [int.from_bytes(data[i:i + 2], 'little') for i in range(0, len(data), 2)]
        self.assertLess(sum(abs(a - b) for a, b in zip(values, got)) / len(got), 1500)

    def test_converted_and_refused_modes(self):
        self.assertEqual(Image.open(io.BytesIO(coded(picture().quantize(16)))).mode, 'RGB')
        self.assertEqual(Image.open(io.BytesIO(coded(picture('L').convert('1')))).mode, 'L')
        for mode in ('CMYK', 'F', 'I'):
            with self.assertRaisesRegex(OSError, 'cannot write mode'):
                coded(picture('L').convert(mode) if mode != 'CMYK' else picture().convert(mode))

    def test_files_and_quality(self):
        with tempfile.TemporaryDirectory() as folder:
            sizes = []
            for quality in (10, 50, 90):
                name = os.path.join(folder, '%d.mica' % quality)
                picture().save(name, quality=quality, effort=1, threads=1)
                with Image.open(name) as image:
                    self.assertAlmostEqual(image.info['quality'], quality, delta=0.1)
                    image.load()
                sizes.append(os.path.getsize(name))
            self.assertEqual(sizes, sorted(sizes))

    def test_metadata(self):
        icc = b'profile ' * 40
        exif = Image.Exif()
        exif[0x010e] = 'a description'
        data = coded(picture(), icc_profile=icc, exif=exif, xmp=b'<x/>')
        back = Image.open(io.BytesIO(data))
        self.assertEqual(back.info['icc_profile'], icc)
        self.assertEqual(back.info['xmp'], b'<x/>')
        self.assertEqual(back.getexif()[0x010e], 'a description')
        again = Image.open(io.BytesIO(coded(back)))
        self.assertEqual(again.info['icc_profile'], icc)

    def test_damage(self):
        data = coded(picture())
        with self.assertRaises(OSError):
            Image.open(io.BytesIO(data[:20]))
        with self.assertRaises(OSError):
            Image.open(io.BytesIO(data[:-5])).load()
        broken = bytearray(data)
        broken[-30] ^= 255
        with self.assertRaises(OSError):
            Image.open(io.BytesIO(bytes(broken))).load()
        with self.assertRaises(OSError):
            coded(picture(), quality=101)
        with self.assertRaises(OSError):
            coded(picture(), effort=0)

    def test_usual_operations(self):
        image = Image.open(io.BytesIO(coded(picture())))
        self.assertEqual(image.copy().size, (70, 50))
        self.assertEqual(image.resize((7, 5)).size, (7, 5))
        image = Image.open(io.BytesIO(coded(picture())))
        image.thumbnail((20, 20))
        self.assertLessEqual(max(image.size), 20)
        image.save(io.BytesIO(), 'PNG')

    @unittest.skipUnless(MICA, 'MICA does not name the command')
    def test_same_as_the_command(self):
        with tempfile.TemporaryDirectory() as folder:
            png, ours, theirs = (os.path.join(folder, n) for n in ('a.png', 'a.mica', 'b.mica'))
            picture().save(png)
            Image.open(png).save(ours, quality=60)
            subprocess.run([MICA, 'encode', '-q', '60', png, theirs], check=True)
            back = os.path.join(folder, 'b.png')
            subprocess.run([MICA, 'decode', theirs, back], check=True)
            self.assertEqual(Image.open(ours).tobytes(), Image.open(theirs).tobytes())
            self.assertEqual(Image.open(back).tobytes(), Image.open(ours).tobytes())


if __name__ == '__main__':
    unittest.main()
