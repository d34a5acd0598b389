"""The option parser, help, and what info, model and bench print."""
import os

import mica_case
import pictures


class Options(mica_case.MicaCase):
    def setUp(self):
        super().setUp()
        self.put('a.ppm', pictures.pnm(pictures.smooth(40, 30, 3)))

    def test_help_and_version(self):
        text = self.ok('--help').decode()
        for command in ('encode', 'decode', 'info', 'compare', 'model', 'bench'):
            self.assertIn(command, text)
            for flag in ('--help', '-h'):
                self.assertIn('usage: mica ' + command, self.ok(command, flag).decode())
        self.assertRegex(self.ok('--version').decode(), r'^mica \d+\.\d+\.\d+\n')

    def test_forms(self):
        self.ok('encode', '-q', '20', 'a.ppm', 'expected.mica')
        forms = (['-q20', 'a.ppm', 'b.mica'], ['a.ppm', 'b.mica', '-q', '20'], ['a.ppm', '--quality', '20', 'b.mica'],
                 ['--quality=20', '--threads=1', 'a.ppm', 'b.mica'], ['-q', '20', '--', 'a.ppm', 'b.mica'],
                 ['-q', '99', '-q', '20.0', 'a.ppm', 'b.mica'])
        for form in forms:
            self.ok('encode', *form)
            self.assertEqual(self.get('b.mica'), self.get('expected.mica'), form)
            os.unlink(self.path('b.mica'))
        self.put('-x.ppm', self.get('a.ppm'))
        self.ok('encode', '-q', '20', '--', '-x.ppm', '--y.mica')
        self.assertEqual(self.get('--y.mica'), self.get('expected.mica'))

    def test_usage_errors(self):
        def usage(*arguments, file, reason):
            self.fails(*arguments, file=file, reason=reason, code=2)
        usage(file='', reason='a command is missing')
        usage('encod', file='', reason="did you mean 'encode'?")
        usage('--vresion', file='', reason='unknown option')
        usage('encode', file='encode', reason='arguments are missing')
        usage('encode', 'a.ppm', file='encode', reason='an argument is missing')
        usage('encode', 'a.ppm', 'b.mica', 'c', file='encode', reason="too many arguments: 'c'")
        usage('encode', '--qualty', '3', 'a.ppm', 'b.mica', file='encode', reason="did you mean '--quality'?")
        usage('encode', '--qualit', '3', 'a.ppm', 'b.mica', file='encode', reason='unknown option')
        usage('encode', '-z', 'a.ppm', 'b.mica', file='encode', reason="unknown option '-z'")
        usage('encode', 'a.ppm', 'b.mica', '-q', file='encode', reason='--quality needs a value')
        for value in ('101', '-1', 'nan', 'inf', '', '5x', '0x10', '1e999'):
            usage('encode', '-q', value, 'a.ppm', 'b.mica', file='encode', reason='--quality')
        for value in ('-1', '1.5', '99999999999999999999', '', 'two'):
            usage('encode', '--threads=' + value, 'a.ppm', 'b.mica', file='encode', reason='--threads')
        usage('encode', '--cpu', 'abacus', 'a.ppm', 'b.mica', file='encode', reason='abacus')
        usage('encode', '--verbose=1', 'a.ppm', 'b.mica', file='encode', reason='takes no value')
        usage('decode', 'b.mica', file='decode', reason='an argument is missing')
        usage('decode', 'b.mica', 'b.xyz', file='decode', reason="b.xyz")
        usage('decode', 'b.mica', 'png', file='decode', reason='--output-format')
        usage('decode', '--output-format', 'gif', 'b.mica', 'b.png', file='decode', reason='gif')
        usage('compare', 'a.ppm', file='compare', reason='missing')
        usage('compare', '-', '-', file='compare', reason='only one')
        usage('model', 'frobnicate', file='model', reason='frobnicate')
        usage('model', 'info', file='model', reason='missing')
        usage('bench', '--runs', '0', file='bench', reason='--runs')

    def test_targets(self):
        photo = os.path.join(mica_case.TESTIMAGES, 'photo_dandelion.png')
        for effort in ('1', '3'):
            self.ok('encode', '-e', effort, '--target-size', '9000', photo, 'b.mica')
            self.assertIn(len(self.get('b.mica')), range(8910, 9001))
            self.ok('encode', '-e', effort, '--target-psnr', '37', photo, 'b.mica')
            self.assertAlmostEqual(self.json('compare', '--json', photo, 'b.mica')['psnr_rgb'], 37, delta=0.051)
        self.ok('encode', '--target-bpp', '0.5', photo, 'b.mica')
        info = self.json('info', '--json', 'b.mica')
        self.assertTrue(0.495 <= info['bpp'] <= 0.5, info['bpp'])
        os.unlink(self.path('b.mica'))
        self.fails('encode', '--target-size', '20', 'a.ppm', 'c.mica', file='a.ppm', reason='20 bytes cannot be reached')
        self.fails('encode', '--target-psnr', '99', 'a.ppm', 'c.mica', file='a.ppm', reason='99 dB cannot be reached')
        self.fails('encode', '--target-psnr', '30', '--target-bpp', '1', 'a.ppm', 'c.mica', file='encode',
                   reason='only one', code=2)
        for value in ('0', '-3', 'nan', 'x'):
            self.fails('encode', '--target-bpp', value, 'a.ppm', 'c.mica', file='encode', reason='--target-bpp', code=2)

    def test_tune(self):
        names = [m['name'] for m in self.json('model', '--json')]
        self.assertEqual(names, ['S', 'S-perceptual', 'V', 'V-fast'])
        for tune, name in (('psnr', 'S'), ('perceptual', 'S-perceptual')):
            self.ok('encode', '--tune', tune, 'a.ppm', 'a.mica')
            self.assertEqual(self.json('info', '--json', 'a.mica')['model_name'], name)
            self.ok('encode', '--model', name.lower(), 'a.ppm', 'b.mica')
            self.assertEqual(self.get('a.mica'), self.get('b.mica'))
            self.ok('decode', 'a.mica', 'b.ppm')
        self.fails('encode', '--tune', 'sharp', 'a.ppm', 'c.mica', file='encode', reason='sharp', code=2)
        self.fails('encode', '--tune', 'psnr', '--model', 'S', 'a.ppm', 'c.mica', file='encode', reason='--model', code=2)

    def test_info(self):
        self.ok('encode', '-q', '37.5', 'a.ppm', 'a.mica')
        size = len(self.get('a.mica'))
        info = self.json('info', '--json', 'a.mica')
        self.assertEqual(list(info), ['file', 'bytes', 'version', 'model_id', 'model_name', 'width', 'height', 'channels',
                                      'depth', 'alpha', 'premultiplied', 'colour', 'icc_bytes', 'exif_bytes', 'xmp_bytes',
                                      'orientation', 'quality', 'bpp', 'sections'])
        self.assertEqual((info['file'], info['bytes'], info['width'], info['height'], info['channels']),
                         ('a.mica', size, 40, 30, 3))
        self.assertAlmostEqual(info['quality'], 37.5, delta=0.06)
        self.assertEqual(info['bpp'], size * 8 / 1200)
        self.assertRegex(info['version'], r'^\d+\.\d+$')
        self.assertRegex(info['model_id'], r'^([0-9a-f]{2})+$')
        end = 0
        for section in info['sections']:
            self.assertEqual(len(section['type']), 4)
            self.assertGreater(section['offset'], end)
            end = section['offset'] + section['size']
        self.assertLessEqual(end, size)
        text = self.ok('info', 'a.mica').decode()
        self.assertIn('40x30', text)
        self.assertIn(info['model_id'], text)
        with open(self.path('a.mica'), 'rb') as f:
            self.assertEqual(self.json('info', '--json', '-', stdin=f)['bytes'], size)

    def test_json_of_odd_names(self):
        self.ok('encode', 'a.ppm', 'a.mica')
        for name in ('quote".mica', 'back\\slash.mica', 'line\nbreak.mica', 'gr\u00fc\u00df.mica'):
            self.put(name, self.get('a.mica'))
            self.assertEqual(self.json('info', '--json', name)['file'], name)
        raw = b'latin\xe9.mica'
        with open(os.path.join(os.fsencode(self.folder), raw), 'wb') as f:
            f.write(self.get('a.mica'))
        self.assertEqual(self.json('info', '--json', os.fsdecode(raw))['file'], 'latin\ufffd.mica')

    def test_model(self):
        models = self.json('model', 'list', '--json')
        self.assertTrue(models)
        for model in models:
            self.assertEqual(list(model), ['name', 'id', 'format_version', 'bytes', 'parameters', 'decoder_kmac_per_pixel',
                                           'encoder_kmac_per_pixel', 'condition'])
            self.assertEqual(self.json('model', 'info', '--json', model['name']), model)
            self.assertIn(model['id'], self.ok('model', 'verify', model['name'].lower()).decode())
        self.ok('encode', 'a.ppm', 'a.mica')
        self.assertEqual(self.json('info', '--json', 'a.mica')['model_id'], models[0]['id'])
        self.assertIn(models[0]['id'], self.ok('model').decode())

    def test_bench(self):
        result = self.json('bench', '--json', '--runs', '2', 'a.ppm')
        self.assertEqual((result['file'], result['width'], result['height'], result['runs']), ('a.ppm', 40, 30, 2))
        self.assertEqual(result['codec'][0]['threads'], 1)
        for entry in result['codec']:
            self.assertEqual(list(entry['encode']), ['analysis', 'hyper', 'search', 'context', 'entropy', 'total'])
            self.assertEqual(list(entry['decode']), ['hyper', 'context', 'entropy', 'synthesis', 'total'])
            for stage in (*entry['encode'].values(), *entry['decode'].values()):
                self.assertEqual(list(stage)[:3], ['min_ms', 'median_ms', 'mp_per_s'])
                self.assertLessEqual(stage['min_ms'], stage['median_ms'])
        self.assertGreater(result['codec'][0]['decode']['synthesis']['mac_per_cycle'], 0)
        self.assertNotIn('mac_per_cycle', result['codec'][0]['decode']['entropy'])
        kernels = result['kernels']
        self.assertGreater(kernels['cycles_per_ns'], 0.1)
        for kind in ('pointwise_s16', 'pointwise_s8', 'pointwise_s4', 'depthwise_s8'):
            rates = [shape['mac_per_cycle'] for shape in kernels[kind]['shapes']]
            self.assertTrue(min(rates) <= kernels[kind]['mac_per_cycle'] <= max(rates))
            self.assertEqual('times_sgemm' in kernels[kind], kernels['sgemm'] is not None and kind != 'depthwise_s8')
        self.assertIn('synthesis', self.ok('bench', '--runs=1', '--threads=1', 'a.ppm').decode())

    def test_verbose(self):
        result = self.mica('encode', '--verbose', 'a.ppm', 'a.mica')
        self.assertEqual((result.returncode, result.stdout), (0, b''))
        self.assertRegex(result.stderr, rb'\Amica: a.mica: 40x30 RGB, \d+ bytes, [0-9.]+ bpp, [^\n]+\n\Z')
        result = self.mica('decode', '-v', 'a.mica', 'a.png')
        self.assertRegex(result.stderr, rb'\Amica: a.png: 40x30 RGB, [^\n]+\n\Z')


if __name__ == '__main__':
    mica_case.main()
