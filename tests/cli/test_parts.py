"""Regions, smaller pictures, damaged and incomplete files, limits."""
import os
import random

import mica_case
import pictures

WIDTH, HEIGHT, SEGMENT = 150, 110, 64


class Parts(mica_case.MicaCase):
    def setUp(self):
        super().setUp()
        self.put('in.ppm', pictures.pnm(pictures.smooth(WIDTH, HEIGHT, 3)))
        self.ok('encode', '--segment', str(SEGMENT), 'in.ppm', 'good.mica')
        self.good = self.get('good.mica')

    def decode(self, *options, file='good.mica'):
        return pictures.read_pnm(self.ok('decode', *options, file, '-'))

    def test_region(self):
        width, height, channels, samples = self.decode()
        self.assertEqual((width, height, channels), (WIDTH, HEIGHT, 3))
        randomness = random.Random(3)
        for i in range(8):
            w, h = randomness.randint(1, width), randomness.randint(1, height)
            x, y = randomness.randint(0, width - w), randomness.randint(0, height - h)
            part = self.decode('--region', '%dx%d+%d+%d' % (w, h, x, y), '--threads', str(i % 3))
            rows = [samples[3 * (width * v + x):3 * (width * v + x + w)] for v in range(y, y + h)]
            self.assertEqual(part, (w, h, 3, b''.join(rows)))

    def test_scale(self):
        for scale in (2, 4, 8):
            width, height, _, samples = self.decode('--scale', '1/%d' % scale)
            self.assertEqual((width, height), (-(-WIDTH // scale), -(-HEIGHT // scale)))
            part = self.decode('--scale', '1/%d' % scale, '--region', '5x4+3+2')
            rows = [samples[3 * (width * v + 3):3 * (width * v + 8)] for v in range(2, 6)]
            self.assertEqual(part, (5, 4, 3, b''.join(rows)))
        self.assertEqual(self.decode('--scale=1'), self.decode())

    def test_realism(self):
        """More of it is further from the original, and rougher; none is the plain picture."""
        def roughness(name):
            width, height, channels, v = pictures.read_pnm(self.get(name))
            return sum(abs(a - b) for a, b in zip(v, v[channels:]))
        self.ok('encode', '-q', '20', 'in.ppm', 'low.mica')
        errors, rough = [], []
        for realism in ('0', '30', '100'):
            self.ok('decode', '--realism', realism, 'low.mica', 'r.ppm')
            errors.append(self.json('compare', '--json', '--metrics', 'psnr_rgb', 'in.ppm', 'r.ppm')['psnr_rgb'])
            rough.append(roughness('r.ppm'))
        self.assertEqual(errors, sorted(errors, reverse=True))
        self.assertEqual(rough, sorted(rough))
        self.assertLess(errors[0] - errors[1], 1)
        self.assertGreater(errors[0] - errors[2], 0.5)
        self.assertEqual(self.decode('--realism=0'), self.decode())
        self.assertEqual(self.decode('--realism=50', '--threads=3'), self.decode('--realism=50', '--threads=1', '--cpu=c'))
        for wrong in ('-1', '101', 'x', ''):
            self.fails('decode', '--realism=' + wrong, 'good.mica', 'out.ppm', file='decode', reason='--realism', code=2)

    def test_wrong_options(self):
        for region in ('', '1x1', '1x1+0', '1x1+0+0+0', '0x1+0+0', '1x1+-1+0', '1x1+0+0 ', 'x1+0+0', '1x99999999999+0+0',
                       ' 1x1+0+0', '1x1+0+0x'):
            self.fails('decode', '--region=' + region, 'good.mica', 'out.ppm', file='decode', reason='--region', code=2)
        for scale in ('', '0', '2', '1/3', '1/16', '1/2 ', '0.5'):
            self.fails('decode', '--scale=' + scale, 'good.mica', 'out.ppm', file='decode', reason='--scale', code=2)
        for region in ('151x1+0+0', '1x1+150+0', '1x1+0+110', '65535x65535+65535+65535'):
            self.fails('decode', '--region', region, 'good.mica', 'out.ppm', file='good.mica', reason='region')
        self.fails('decode', '--scale=1/2', '--region=76x1+0+0', 'good.mica', 'out.ppm', file='good.mica', reason='region')
        for segment in ('31', '65536', 'x'):
            self.fails('encode', '--segment', segment, 'in.ppm', 'out.mica', file='encode', reason='--segment', code=2)

    def damaged(self, data, reason, *options):
        """Refused, but decoded with --best-effort; returns the samples and the line on stderr."""
        self.put('bad.mica', data)
        self.fails('decode', *options, 'bad.mica', 'out.ppm', file='bad.mica', reason=reason)
        result = self.mica('decode', '--best-effort', *options, 'bad.mica', '-')
        text = result.stderr.decode()
        self.assertEqual(result.returncode, 3, text)
        self.assertEqual(text.count('\n'), 1)
        self.assertIn('mica: bad.mica: damaged', text)
        return pictures.read_pnm(result.stdout), text

    def test_damage(self):
        intact = self.decode()
        self.assertEqual(self.decode('--best-effort'), intact)
        late = [s for s in self.json('info', '--json', 'good.mica')['sections'] if s['type'] == 'LATE'][0]
        bad = bytearray(self.good)
        bad[late['offset'] + late['size'] - 1] ^= 16  # the last of 3 x 2 segments
        picture, text = self.damaged(bytes(bad), 'checksum')
        self.assertIn('1 of 6 segments', text)
        self.assertEqual(picture[:3], intact[:3])
        # Four 3x3 layers at 1/8 reach 32 pixels above the segment at 64, and blocks of 4x4 the filter's 3 more.
        top = 3 * WIDTH * 28
        self.assertEqual(picture[3][:top], intact[3][:top])
        self.assertNotEqual(picture[3], intact[3])
        # The directory: everything is lost but the hyper latents.
        bad = bytearray(self.good)
        bad[late['offset']] ^= 1
        self.assertIn('6 of 6 segments', self.damaged(bytes(bad), 'checksum')[1])
        self.mica('decode', '--best-effort', 'bad.mica', 'out.png')
        self.assertTrue(os.path.getsize(self.path('out.png')))

    def test_damaged_hyper_latents(self):
        hyper = self.json('info', '--json', 'good.mica')['sections'][1]
        self.assertEqual(hyper['type'], 'HYPR')
        bad = bytearray(self.good)
        bad[hyper['offset'] + hyper['size'] // 2] ^= 85  # one byte is repaired
        picture, text = self.damaged(bytes(bad), 'checksum')
        self.assertIn('0 of 6 segments', text)
        self.assertEqual(picture, self.decode())
        for place in range(0, hyper['size'], 3):  # nothing is left
            bad[hyper['offset'] + place] ^= 255
        picture, text = self.damaged(bytes(bad), 'checksum')
        self.assertIn('6 of 6 segments', text)
        for c in range(3):  # flat but for the borders, not garbage
            self.assertLess(max(picture[3][c::3]) - min(picture[3][c::3]), 16)

    def test_no_picture_without_header_or_hyper_latents(self):
        info = self.json('info', '--json', 'good.mica')
        bad = bytearray(self.good)
        bad[info['sections'][0]['offset']] ^= 1
        self.put('bad.mica', bytes(bad))
        self.fails('decode', '--best-effort', 'bad.mica', 'out.ppm', file='bad.mica', reason='PICT')
        for size in (1, 10, 14, 20, info['sections'][1]['offset'] + 3):
            self.put('bad.mica', self.good[:size])
            self.fails('decode', '--best-effort', 'bad.mica', 'out.ppm', file='bad.mica')

    def test_preview(self):
        for options in ([], ['--segment', str(SEGMENT)]):
            self.ok('encode', '-q', '70', '--progressive', *options, 'in.ppm', 'p.mica')
            data = self.get('p.mica')
            info = self.json('info', '--json', 'p.mica')
            first = info['sections'][1]['offset'] + info['sections'][1]['size'] + 4  # all hyper latents, checksum too
            errors = []
            for size in (first, first + (len(data) - first) // 2, len(data) - 1, len(data)):
                if size < len(data):
                    picture, _ = self.damaged(data[:size], 'truncated')
                    self.put('t.ppm', pictures.pnm(picture))
                else:
                    self.ok('decode', 'p.mica', 't.ppm')
                errors.append(self.json('compare', '--json', '--metrics', 'psnr_rgb', 'in.ppm', 't.ppm')['psnr_rgb'])
            self.assertEqual(errors, sorted(errors))
            self.assertGreater(errors[-1], errors[0] + 3)

    def test_limits(self):
        self.fails('decode', '--max-pixels', '0.0164', 'good.mica', 'out.ppm', file='good.mica', reason='limit')
        self.ok('decode', '--max-pixels', '0.0165', 'good.mica', 'out.ppm')
        os.unlink(self.path('out.ppm'))
        self.put('larger.ppm', pictures.pnm(pictures.smooth(500, 200, 3)))
        self.ok('encode', 'larger.ppm', 'larger.mica')
        self.fails('decode', '--max-memory', '1', 'larger.mica', 'out.ppm', file='larger.mica', reason='memory')
        self.ok('decode', '--max-memory', '100', 'larger.mica', 'out.ppm')
        os.unlink(self.path('out.ppm'))
        self.fails('decode', '--time-limit', '0.001', '--threads=1', '--cpu=c', 'good.mica', 'out.ppm', file='good.mica',
                   reason='within 0.001 s')
        self.ok('decode', '--time-limit', '1000', 'good.mica', 'out.ppm')


if __name__ == '__main__':
    mica_case.main()
