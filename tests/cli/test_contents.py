"""What a picture holds beside 8-bit colours: alpha, 16 bits, profiles, Exif, XMP, orientation, odd files."""
import hashlib
import struct
import zlib

import mica_case
import pictures
from pictures import GRAY, GRAY_ALPHA, PALETTE, RGB, RGB_ALPHA, chunk, png

TIFF = b'MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0%c\0\0\0\0\0\0'
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">\xc3\xa9</x:xmpmeta>'


def pam16(width, height, channels, values):
    head = b'P7\nWIDTH %d\nHEIGHT %d\nDEPTH %d\nMAXVAL 65535\nENDHDR\n' % (width, height, channels)
    return head + struct.pack('>%dH' % len(values), *values)


def read_pam(data):
    """width, height, channels, values."""
    head, samples = data.split(b'ENDHDR\n', 1)
    fields = dict(line.split(b' ', 1) for line in head.splitlines()[1:])
    deep = fields[b'MAXVAL'] == b'65535'
    values = list(struct.unpack('>%dH' % (len(samples) // 2), samples)) if deep else list(samples)
    return int(fields[b'WIDTH']), int(fields[b'HEIGHT']), int(fields[b'DEPTH']), values


def chunks(data):
    out, at = {}, 8
    while at < len(data):
        size, name = struct.unpack('>I4s', data[at:at + 8])
        out[name] = data[at + 8:at + 8 + size]
        at += size + 12
    return out


def segments(data):
    """Marker segments of a JPEG before its first scan."""
    out, at = [], 2
    while data[at + 1] != 0xda:
        size = struct.unpack('>H', data[at + 2:at + 4])[0]
        out.append((data[at + 1], data[at + 4:at + 2 + size]))
        at += 2 + size
    return out


def segment(marker, data):
    return bytes((0xff, marker)) + struct.pack('>H', len(data) + 2) + data


def profile(gamma=1.0, size=0):
    """A matrix profile with sRGB's primaries (adapted to D50) and a plain gamma, padded with a private tag."""
    def fixed(v):
        return struct.pack('>i', round(v * 65536))

    def xyz(*v):
        return b'XYZ \0\0\0\0' + b''.join(fixed(i) for i in v)
    curve = b'curv\0\0\0\0' + struct.pack('>IH', 1, round(gamma * 256)) + b'\0\0'
    blobs = {b'wtpt': xyz(0.9642, 1, 0.8249), b'rXYZ': xyz(0.4361, 0.2225, 0.0139), b'gXYZ': xyz(0.3851, 0.7169, 0.0971),
             b'bXYZ': xyz(0.1431, 0.0606, 0.7139), b'rTRC': curve, b'gTRC': curve, b'bTRC': curve}
    if size:
        blobs[b'mica'] = b'data\0\0\0\0' + bytes(i * i % 251 for i in range(size // 4 * 4))
    table, body = struct.pack('>I', len(blobs)), b''
    for name, blob in blobs.items():
        table += name + struct.pack('>II', 128 + 4 + 12 * len(blobs) + len(body), len(blob))
        body += blob
    head = bytearray(128)
    struct.pack_into('>I4sI4s4s4s', head, 0, 128 + len(table) + len(body), b'test', 0x02100000, b'mntr', b'RGB ', b'XYZ ')
    head[36:40] = b'acsp'
    head[68:80] = fixed(0.9642) + fixed(1) + fixed(0.8249)
    return bytes(head) + table + body


def iccp(icc):
    return chunk(b'iCCP', b'ICC profile\0\0' + zlib.compress(icc))


def jpeg_flat(values, adobe=None, progressive=False):
    """8x8 pixels of one colour with a component for each value; DC coefficients only."""
    n = len(values)
    out = b'\xff\xd8'
    if adobe is not None:
        out += segment(0xee, b'Adobe\0\x64\0\0\0\0' + bytes((adobe,)))
    out += segment(0xdb, b'\0' + b'\x08' * 64)
    out += segment(0xc2 if progressive else 0xc0,
                   struct.pack('>BHHB', 8, 8, 8, n) + b''.join(bytes((i + 1, 0x11, 0)) for i in range(n)))
    out += segment(0xc4, b'\0' + bytes((0, 0, 0, 12)) + bytes(12) + bytes(range(12)))  # 12 codes of 4 bits
    out += segment(0xc4, b'\x10' + bytes((1,)) + bytes(15) + b'\0')  # one code of 1 bit: end of block
    bits = ''
    for v in values:
        dc = v - 128
        size = abs(dc).bit_length()
        bits += format(size, '04b')
        if size:
            bits += format(dc if dc > 0 else dc + (1 << size) - 1, '0%db' % size)
        bits += '' if progressive else '0'
    bits += '1' * (-len(bits) % 8)
    data = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8)).replace(b'\xff', b'\xff\0')
    end = 0 if progressive else 63
    return (out + segment(0xda, bytes((n,)) + b''.join(bytes((i + 1, 0)) for i in range(n)) + bytes((0, end, 0))) +
            data + b'\xff\xd9')


class Case(mica_case.MicaCase):
    def refused(self, data, reason, *options):
        self.put('in', data)
        self.fails('encode', *options, 'in', 'out.mica', file='in', reason=reason)

    def equal(self, data, expected):
        self.put('in', data)
        self.put('expected', expected)
        self.same('expected', 'in')

    def encode(self, data, *options):
        self.put('in', data)
        self.ok('encode', '-q', '80', *options, 'in', 'a.mica')
        return self.json('info', '--json', 'a.mica')

    def has_lcms2(self):
        self.put('l.png', png(1, 1, RGB, 8, [1, 2, 3], before_data=iccp(profile())))
        return self.mica('encode', '--srgb', 'l.png', 'l.mica').returncode == 0


class Alpha(Case):
    def test_kinds(self):
        """Alpha comes back exactly, colours nearly; every depth and both kinds of rows."""
        for kind, channels in ((GRAY_ALPHA, 2), (RGB_ALPHA, 4)):
            for depth in (8, 16):
                top = 2 ** depth - 1
                values = [(x * 5 + y * 3 + 20 * c) % 256 * top // 255 if c < channels - 1 else
                          (0, top, (x * y * 19) % (top + 1))[(x // 9 + y // 7) % 3]
                          for y in range(25) for x in range(37) for c in range(channels)]
                data = png(37, 25, kind, depth, values, interlaced=depth == 8)
                wide = values if depth == 16 else [v * 257 for v in values]
                pam = pam16(37, 25, channels, wide)
                self.equal(data, pam)
                info = self.encode(data)
                self.assertEqual((info['channels'], info['depth'], info['alpha']), (channels, depth, True))
                self.ok('decode', 'a.mica', 'a.pam')
                width, height, n, decoded = read_pam(self.get('a.pam'))
                self.assertEqual((width, height, n), (37, 25, channels))
                self.assertEqual(decoded[channels - 1::channels], values[channels - 1::channels])
                self.ok('decode', 'a.mica', 'a.png')
                self.same('a.pam', 'a.png')
                self.same('a.pam', 'a.mica')
                self.ok('decode', 'a.mica', 'a.pnm')
                self.assertEqual(self.get('a.pnm'), self.get('a.pam'))
                result = self.json('compare', '--json', 'in', 'a.mica')
                self.assertIsNone(result['psnr_alpha'])
                self.fails('decode', 'a.mica', 'b.ppm', file='b.ppm', reason='alpha')
                self.fails('decode', 'a.mica', 'b.jpg', file='b.jpg', reason='alpha')
                self.fails('decode', 'a.mica', 'b.pgm', file='b.pgm', reason='PGM')

    def test_opaque(self):
        values = [v for i in range(64) for v in (i, 2 * i, 3 * i, 255)]
        self.encode(png(8, 8, RGB_ALPHA, 8, values))
        sections = {s['type']: s['size'] for s in self.json('info', '--json', 'a.mica')['sections']}
        self.assertLess(sections['ALPH'], 6)
        self.ok('decode', 'a.mica', 'a.jpg')  # nothing is lost
        self.assertEqual(read_pam(self.ok('decode', '-f', 'pam', 'a.mica', '-'))[2], 4)

    def test_transparent_colours(self):
        palette = chunk(b'PLTE', bytes(range(48)))
        indices = [(x + y) % 16 for y in range(6) for x in range(9)]
        data = png(9, 6, PALETTE, 4, indices, before_data=palette + chunk(b'tRNS', b'\0\x80\x10'))
        alphas = {0: 0, 1: 0x80, 2: 0x10}
        rgba = bytes(v for i in indices for v in (3 * i, 3 * i + 1, 3 * i + 2, alphas.get(i, 255)))
        self.equal(data, pictures.pam((9, 6, 4, rgba)))
        self.assertEqual(self.encode(data)['channels'], 4)
        for depth in (1, 2, 4, 8, 16):
            top = 2 ** depth - 1
            gray = [(x * 3 + y) % (top + 1) for y in range(6) for x in range(9)]
            data = png(9, 6, GRAY, depth, gray, depth == 2, chunk(b'tRNS', struct.pack('>H', gray[7])))
            wide = [w for v in gray for w in (v * 65535 // top, 0 if v == gray[7] else 65535)]
            self.equal(data, pam16(9, 6, 2, wide))
        for depth in (8, 16):
            rgb = [(i * 37) % (2 ** depth) for i in range(9 * 6 * 3)]
            data = png(9, 6, RGB, depth, rgb, False, chunk(b'tRNS', struct.pack('>HHH', *rgb[3:6])))
            scale = 1 if depth == 16 else 257
            wide = []
            for i in range(0, len(rgb), 3):
                wide += [v * scale for v in rgb[i:i + 3]] + [0 if rgb[i:i + 3] == rgb[3:6] else 65535]
            self.equal(data, pam16(9, 6, 4, wide))

    def test_quality(self):
        values = [v for y in range(40) for x in range(64) for v in (9, x * 4)]
        data = png(64, 40, GRAY_ALPHA, 8, values)
        last = 0
        for quality, psnr in ((0, 8), (30, 30), (60, 40), (90, 45)):
            self.encode(data, '--alpha-quality', str(quality))
            result = self.json('compare', '--json', 'in', 'a.mica')['psnr_alpha']
            self.assertGreater(result, max(psnr, last))
            last = result

    def test_premultiplied(self):
        values = [v for i in range(64) for v in (100, 50, 25, 128)]
        info = self.encode(png(8, 8, RGB_ALPHA, 8, values), '--premultiplied')
        self.assertTrue(info['premultiplied'])
        decoded = read_pam(self.ok('decode', '-f', 'pam', 'a.mica', '-'))[3]
        for value, wanted in zip(decoded[:4], (199, 100, 50, 128)):
            self.assertAlmostEqual(value, wanted, delta=8)

    def test_refusals_elsewhere(self):
        self.put('a.png', png(2, 1, GRAY_ALPHA, 8, [1, 2, 3, 4]))
        self.fails('bench', 'a.png', file='a.png', reason='alpha')


class Depth(Case):
    def test_round_trip(self):
        values = [x * 700 + y * 300 + c * 5000 + 1 for y in range(30) for x in range(40) for c in range(3)]
        for data in (png(40, 30, RGB, 16, values), b'P6 40 30 65535\n' + struct.pack('>3600H', *values),
                     pam16(40, 30, 3, values)):
            self.equal(data, pam16(40, 30, 3, values))
            info = self.encode(data)
            self.assertEqual((info['depth'], info['channels']), (16, 3))
        for name in ('a.png', 'a.ppm', 'a.pam'):
            self.ok('decode', 'a.mica', name)
            self.same('a.mica', name)
        self.assertEqual(chunks(self.get('a.png'))[b'IHDR'][8], 16)
        self.assertTrue(self.get('a.ppm').startswith(b'P6\n40 30\n65535\n'))
        self.assertGreater(self.json('compare', '--json', 'in', 'a.ppm')['psnr_rgb'], 25)
        self.ok('decode', '--depth', '8', 'a.mica', 'b.ppm')
        self.assertTrue(self.get('b.ppm').startswith(b'P6\n40 30\n255\n'))
        self.assertGreater(self.json('compare', '--json', 'a.ppm', 'b.ppm')['psnr_rgb'], 55)
        self.ok('decode', 'a.mica', 'a.jpg')
        self.fails('decode', '--depth', '12', 'a.mica', 'c.png', file='decode', reason='--depth', code=2)
        # And 16 bits from a picture of 8: more than 256 levels.
        self.put('p', pictures.pnm(pictures.smooth(64, 64, 1)))
        self.ok('encode', 'p', 'p.mica')
        self.ok('decode', '--depth=16', '-f', 'pam', 'p.mica', 'p.pam')
        levels = read_pam(self.get('p.pam'))[3]
        self.assertTrue(any(v % 257 for v in levels))

    def test_psnr(self):
        one = [1000 * i for i in range(60)]
        two = [v + 257 for v in one]
        self.put('a', pam16(10, 6, 1, one))
        self.put('b', pam16(10, 6, 1, two))
        result = self.json('compare', '--json', '--metrics', 'mse_rgb,psnr_y', 'a', 'b')
        self.assertAlmostEqual(result['mse_rgb'], 1, delta=1e-9)
        self.assertAlmostEqual(result['psnr_y'], 48.1308, delta=1e-3)

    def test_depth8(self):
        values = [(i * 2039) % 65536 for i in range(7 * 5 * 3)]
        self.put('in', pam16(7, 5, 3, values))
        self.put('expected', pictures.pnm((7, 5, 3, bytes((v * 255 + 32767) // 65535 for v in values))))
        self.assertEqual(self.json('compare', '--json', '--depth8', 'in', 'expected')['mse_rgb'], 0)
        self.assertEqual(self.encode(self.get('in'), '--depth8')['depth'], 8)

    def test_maxval(self):
        self.equal(b'P5 3 1 1023\n' + struct.pack('>3H', 0, 512, 1023), pam16(3, 1, 1, [0, 32800, 65535]))
        self.equal(b'P2 3 1 300 0 150 300', pam16(3, 1, 1, [0, 32768, 65535]))

    def test_md5(self):
        self.encode(pam16(5, 4, 1, [3000 * i for i in range(20)]))
        md5 = self.ok('decode', '--md5', 'a.mica')
        self.ok('decode', 'a.mica', 'a.pgm')
        samples = self.get('a.pgm').split(b'65535\n', 1)[1]
        self.assertEqual(hashlib.md5(samples).hexdigest(), md5.decode().strip())


class Metadata(Case):
    def png_with(self, *more):
        return pictures.picture_png(pictures.smooth(16, 12, 3), before_data=b''.join(more))

    def itxt(self, text=XMP):
        return chunk(b'iTXt', b'XML:com.adobe.xmp\0\0\0\0\0' + text)

    def test_png_to_everything(self):
        for size in (0, 200000):
            icc = profile(2.0, size)
            tiff = TIFF % 1
            info = self.encode(self.png_with(iccp(icc), chunk(b'eXIf', tiff), self.itxt()))
            self.assertEqual((info['icc_bytes'], info['exif_bytes'], info['xmp_bytes']), (len(icc), len(tiff), len(XMP)))
            self.ok('decode', 'a.mica', 'a.png')
            got = chunks(self.get('a.png'))
            self.assertEqual(zlib.decompress(got[b'iCCP'].split(b'\0', 1)[1][1:]), icc)
            self.assertEqual(got[b'eXIf'], tiff)
            self.assertEqual(got[b'iTXt'], b'XML:com.adobe.xmp\0\0\0\0\0' + XMP)
            self.ok('decode', 'a.mica', 'a.jpg')
            found = segments(self.get('a.jpg'))
            self.assertIn((0xe1, b'Exif\0\0' + tiff), found)
            self.assertIn((0xe1, b'http://ns.adobe.com/xap/1.0/\0' + XMP), found)
            parts = [d for m, d in found if m == 0xe2]
            self.assertEqual([d[12:14] for d in parts], [bytes((i + 1, len(parts))) for i in range(len(parts))])
            self.assertEqual(b''.join(d[14:] for d in parts), icc)
            # And back from the JPEG.
            again = self.encode(self.get('a.jpg'))
            self.assertEqual([again[k] for k in ('icc_bytes', 'exif_bytes', 'xmp_bytes')],
                             [info[k] for k in ('icc_bytes', 'exif_bytes', 'xmp_bytes')])
            self.ok('decode', '--strip', 'a.mica', 'b.png')
            got = chunks(self.get('b.png'))
            self.assertIn(b'iCCP', got)
            self.assertNotIn(b'eXIf', got)
            self.assertNotIn(b'iTXt', got)
            stripped = self.encode(self.get('a.png'), '--strip')
            self.assertEqual((stripped['icc_bytes'], stripped['exif_bytes'], stripped['xmp_bytes']), (len(icc), 0, 0))

    def test_text_after_the_pixels(self):
        data = self.png_with()
        self.assertEqual(self.encode(data[:-12] + self.itxt() + data[-12:])['xmp_bytes'], len(XMP))

    def test_too_large_for_jpeg(self):
        self.encode(self.png_with(self.itxt(b'x' * 70000)))
        self.fails('decode', 'a.mica', 'a.jpg', file='a.jpg', reason='XMP')
        self.ok('decode', '--strip', 'a.mica', 'a.jpg')

    def test_colour(self):
        for before, colour in ((chunk(b'cICP', b'\x0c\x0d\0\1'), (12, 13, True)), (chunk(b'sRGB', b'\0'), (1, 13, True)),
                               (chunk(b'gAMA', struct.pack('>I', 100000)), (1, 8, True)),
                               (chunk(b'gAMA', struct.pack('>I', 45455)), (1, 4, True))):
            info = self.encode(self.png_with(before))
            self.assertEqual(tuple(info['colour'].values()), colour)
            self.ok('decode', 'a.mica', 'a.png')
            got = chunks(self.get('a.png'))
            self.assertEqual(got[b'cICP'], bytes((colour[0], colour[1], 0, 1)))
            if colour != (12, 13, True):
                self.assertTrue(b'sRGB' in got or b'gAMA' in got)
            self.assertEqual(self.encode(self.get('a.png'))['colour'], info['colour'])
        self.assertIsNone(self.encode(self.png_with())['colour'])
        self.refused(self.png_with(chunk(b'cICP', b'\x0c\x0d\1\1')), 'cICP')
        self.refused(self.png_with(chunk(b'cICP', b'\x0c\x0d\1')), 'cICP')

    def shown(self, name):
        """The first pixel of a picture as sRGB."""
        self.ok('encode', '-q', '100', '--srgb', name, 'shown.mica')
        _, _, channels, values = read_pam(self.ok('decode', '-f', 'pam', 'shown.mica', '-'))
        return values[:channels]

    def test_description_in_jpeg(self):
        """JPEG has no place for code points: they become a profile, with which the colours stay what they were."""
        for kind, pixel, code in ((RGB, [200, 60, 60], b'\x0c\x0d\0\1'), (RGB, [60, 200, 60], b'\x09\x01\0\1'),
                                  (GRAY, [90], b'\1\x08\0\1')):
            self.encode(png(16, 16, kind, 8, pixel * 256, before_data=chunk(b'cICP', code)))
            result = self.mica('decode', 'a.mica', 'a.jpg')
            self.assertEqual(result.returncode, 0)
            if not self.has_lcms2():
                self.assertRegex(result.stderr, rb'^mica: a.jpg: the colour description .* is lost.*lcms2\n$')
                continue
            self.assertEqual(result.stderr, b'')
            self.ok('decode', 'a.mica', 'a.png')
            kept, plain = self.shown('a.jpg'), read_pam(self.ok('decode', '-f', 'pam', 'a.mica', '-'))[3]
            for got, wanted in zip(kept, self.shown('a.png')):
                self.assertAlmostEqual(got, wanted, delta=4)
            self.assertGreater(max(abs(a - b) for a, b in zip(kept, plain)), 12)  # what viewers would show without it
        self.encode(self.png_with(chunk(b'sRGB', b'\0')))
        self.ok('decode', 'a.mica', 'a.jpg')
        self.assertNotIn(0xe2, [m for m, _ in segments(self.get('a.jpg'))])  # a JPEG is sRGB already
        self.encode(self.png_with(chunk(b'cICP', b'\x09\x10\0\1')))
        result = self.mica('decode', 'a.mica', 'a.jpg')
        self.assertEqual((result.returncode, result.stderr.count(b'\n')), (0, 1))
        self.assertIn(b'mica: a.jpg: the colour description (primaries 9, transfer 16, full range) is lost', result.stderr)

    def test_odd_gamma(self):
        xy = struct.pack('>8I', 31270, 32900, 70000, 30000, 20000, 70000, 15000, 5000)
        for before in (chunk(b'gAMA', struct.pack('>I', 60000)), chunk(b'cHRM', xy)):
            data = self.png_with(before)
            if self.has_lcms2():
                self.assertGreater(self.encode(data)['icc_bytes'], 300)
            else:
                self.refused(data, 'lcms2')
            self.assertEqual(self.encode(data, '--strip')['icc_bytes'], 0)

    def test_srgb(self):
        flat = png(16, 16, RGB_ALPHA, 8, [128, 128, 128, 77] * 256, before_data=iccp(profile(1.0)))
        if not self.has_lcms2():
            self.refused(flat, 'lcms2', '--srgb')
            return
        info = self.encode(flat, '--srgb')
        self.assertEqual((info['icc_bytes'], info['colour']['transfer']), (0, 13))
        decoded = read_pam(self.ok('decode', '-f', 'pam', 'a.mica', '-'))[3]
        self.assertAlmostEqual(decoded[0], 188, delta=3)  # linear 0.5
        self.assertEqual(decoded[3], 77)
        cicp = chunk(b'cICP', b'\1\x08\0\1')
        for depth, top in ((8, 255), (16, 65535)):
            for kind, n in ((GRAY, 1), (RGB, 3)):
                self.encode(png(16, 16, kind, depth, [top // 2] * (256 * n), before_data=cicp), '--srgb')
                decoded = read_pam(self.ok('decode', '-f', 'pam', 'a.mica', '-'))[3]
                self.assertAlmostEqual(decoded[0] * 255 / top, 188, delta=3)
        self.refused(png(2, 1, GRAY, 8, [1, 2], before_data=chunk(b'cICP', b'\x09\x10\0\1')), 'sRGB', '--srgb')

    def test_orientation(self):
        # Alpha is exact, so it shows where each pixel went.
        width, height = 5, 3
        values = [v for i in range(15) for v in (50, 16 * i)]
        turned = {1: lambda x, y: (x, y), 2: lambda x, y: (4 - x, y), 3: lambda x, y: (4 - x, 2 - y),
                  4: lambda x, y: (x, 2 - y), 5: lambda x, y: (y, x), 6: lambda x, y: (y, 2 - x),
                  7: lambda x, y: (4 - y, 2 - x), 8: lambda x, y: (4 - y, x)}
        for orientation, place in turned.items():
            data = png(width, height, GRAY_ALPHA, 8, values, before_data=chunk(b'eXIf', TIFF % orientation))
            info = self.encode(data)
            self.assertEqual((info['orientation'], info['width']), (orientation, 5))
            self.ok('decode', '--auto-orient', 'a.mica', 'b.png')
            for options in (['--auto-orient'], ['--strip']):
                info = self.encode(data, *options)
                self.assertEqual(info['orientation'], 1)
                self.assertEqual(info['exif_bytes'], 0 if '--strip' in options else 26)
                w, h, _, got = read_pam(self.ok('decode', '-f', 'pam', 'a.mica', '-'))
                self.assertEqual((w, h), (5, 3) if orientation < 5 else (3, 5))
                for y in range(h):
                    for x in range(w):
                        sx, sy = place(x, y)
                        self.assertEqual(got[(y * w + x) * 2 + 1], 16 * (sy * 5 + sx), orientation)
            self.assertEqual(self.encode(self.get('b.png'))['orientation'], 1)

    def test_lies(self):
        tiff = TIFF % 6
        for size in range(1, len(tiff), 3):
            self.put('e.png', self.png_with(chunk(b'eXIf', tiff[:size])))
            self.assertEqual(self.mica('encode', '--auto-orient', 'e.png', 'x.mica').returncode, 0)
        jpeg = jpeg_flat([100, 128, 128])
        part = b'ICC_PROFILE\0'
        for parts, reason in (((b'\1\2a',), 'missing'), ((b'\1\1a', b'\1\1b'), 'together'), ((b'\0\1a',), 'together'),
                              ((b'\1\2a', b'\2\3b'), 'together')):
            self.refused(jpeg[:2] + b''.join(segment(0xe2, part + p) for p in parts) + jpeg[2:], reason)

    def test_damaged_chunks(self):
        good = self.png_with(chunk(b'eXIf', TIFF % 1), self.itxt())
        for name in (b'eXIf', b'iTXt', b'IHDR', b'IDAT'):
            at = good.index(name) + 6
            bad = good[:at] + bytes((good[at] ^ 1,)) + good[at + 1:]
            self.refused(bad, 'bad PNG')
        cut = good.index(b'iTXt')
        self.refused(good[:cut + 20], 'bad PNG')


class Jpeg(Case):
    def test_colours(self):
        gray = bytes([100] * 64)
        self.equal(jpeg_flat([100]), pictures.pnm((8, 8, 1, gray)))
        self.equal(jpeg_flat([100], progressive=True), pictures.pnm((8, 8, 1, gray)))
        colour = bytes([100, 100, 100] * 64)
        self.equal(jpeg_flat([100, 128, 128], progressive=True), pictures.pnm((8, 8, 3, colour)))

    def test_cmyk(self):
        # Adobe writes 255 for no ink.
        for data in (jpeg_flat([200, 100, 50, 128], adobe=0), jpeg_flat([55, 155, 205, 127])):
            self.equal(data, pictures.pnm((8, 8, 3, bytes([100, 50, 25] * 64))))
            self.assertEqual(self.encode(data)['channels'], 3)
        # YCCK: Y, Cb, Cr are of the inverse of CMY.
        self.equal(jpeg_flat([55, 128, 128, 255], adobe=2), pictures.pnm((8, 8, 3, bytes([200, 200, 200] * 64))))
        data = jpeg_flat([200, 100, 50, 128], adobe=0, progressive=True)
        self.equal(data, pictures.pnm((8, 8, 3, bytes([100, 50, 25] * 64))))
        self.put('in', data)
        notes = self.mica('encode', '-v', 'in', 'x.mica').stderr.decode()
        self.assertIn('CMYK is converted to RGB without a profile', notes)
        if self.has_lcms2():
            bad = data[:2] + segment(0xe2, b'ICC_PROFILE\0\1\1' + profile()) + data[2:]
            self.refused(bad, 'not one for CMYK')


if __name__ == '__main__':
    mica_case.main()
