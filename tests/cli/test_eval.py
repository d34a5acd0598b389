"""mica eval: the numbers against single runs of the programs, resuming, published curves, the report."""
import html.parser
import json
import os
import shutil
import signal
import subprocess
import time
import xml.etree.ElementTree

import mica_case
import pictures

KEYS = ['quality', 'bpp', 'mse_rgb', 'psnr_rgb', 'psnr_y', 'psnr_yuv', 'ssim', 'ms_ssim', 'psnr_hvs_m', 'ciede2000',
        'ssimulacra2', 'encode_ms', 'decode_ms', 'encode_cpu_ms', 'decode_cpu_ms', 'memory_kb']


class Page(html.parser.HTMLParser):
    """Elements that are open, and what they and their attributes were."""
    EMPTY = ('meta', 'br', 'img')

    def __init__(self, text):
        super().__init__()
        self.open, self.seen = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag


class Eval(mica_case.MicaCase):
    def setUp(self):
        super().setUp()
        for i, size in enumerate(((48, 40), (40, 56))):
            self.put('p%d.ppm' % i, pictures.pnm(pictures.smooth(*size, 3)))

    def run_eval(self, *arguments, **more):
        return self.json('eval', '--json', *arguments, **more)

    def single(self, name, quality):
        """bpp and metrics of one picture, by single commands."""
        size = self.ok('encode', '-q', str(quality), name, 'x.mica')
        self.ok('decode', 'x.mica', 'x.ppm')
        size = len(self.get('x.mica'))
        values = self.json('compare', '--json', name, 'x.ppm')
        values['bpp'] = 8 * size / (values['width'] * values['height'])
        return values

    def test_points(self):
        result = self.run_eval('--qualities', '20,80', 'p0.ppm', 'p1.ppm')
        self.assertEqual(list(result), ['pictures', 'bpp_from', 'bpp_to', 'codecs', 'bd_rate'])
        self.assertEqual(result['pictures'], ['p0.ppm', 'p1.ppm'])
        self.assertEqual(list(result['codecs']), ['mica'])
        points = result['codecs']['mica']['points']
        self.assertEqual([p['quality'] for p in points], [20, 80])
        for point in points:
            self.assertEqual(list(point), KEYS)
            singles = [self.single(name, point['quality']) for name in ('p0.ppm', 'p1.ppm')]
            for key in ('bpp', 'mse_rgb', 'psnr_rgb', 'ssim', 'psnr_hvs_m', 'ciede2000', 'ssimulacra2'):
                self.assertAlmostEqual(point[key], (singles[0][key] + singles[1][key]) / 2, places=9, msg=key)
            self.assertIsNone(point['ms_ssim'])  # the pictures are too small
            self.assertGreater(point['encode_ms'], 0)
            self.assertGreater(point['decode_ms'], 0)
            for key in ('encode', 'decode'):
                self.assertTrue(0 < point[key + '_cpu_ms'] < point[key + '_ms'] + 20)  # one thread; ticks of the clock
            self.assertGreater(point['memory_kb'], 100)
        self.assertLess(points[0]['bpp'], points[1]['bpp'])

    def test_peer(self):
        if not shutil.which('cjpeg') or not shutil.which('djpeg'):
            self.skipTest('cjpeg or djpeg is missing')
        result = self.run_eval('--peers', 'jpeg', '--qualities', '20,80', '--metrics', 'psnr_rgb', '--bpp-to', '50',
                               '--jobs', '3', 'p0.ppm')
        points = result['codecs']['jpeg']['points']
        self.assertEqual([list(p) for p in points], [['quality', 'bpp', 'psnr_rgb'] + KEYS[-5:]] * 2)
        self.assertGreater(points[1]['psnr_rgb'], 30)
        self.assertLess(points[0]['psnr_rgb'], points[1]['psnr_rgb'])
        rates = result['bd_rate']['psnr_rgb']
        there, back = rates['mica']['jpeg'], rates['jpeg']['mica']
        self.assertAlmostEqual((1 + there['percent'] / 100) * (1 + back['percent'] / 100), 1, places=9)
        self.assertEqual((there['from'], there['to']), (back['from'], back['to']))

    def test_missing_peer(self):
        result = self.mica('eval', '--json', '--peers', 'jpeg', '--qualities', '50', 'p0.ppm',
                           env={**os.environ, 'PATH': self.folder})
        self.assertEqual(result.returncode, 0)
        self.assertIn(b'cjpeg or djpeg not found', result.stderr)
        self.assertEqual(list(json.loads(result.stdout)['codecs']), ['mica'])

    def test_failing_peer(self):
        """The point is left out, the others stay, and the exit code says so."""
        os.mkdir(self.path('bin'))
        for name in ('cjpeg', 'djpeg'):
            self.put('bin/' + name, b'#!/bin/sh\necho such is life >&2\nexit 3\n')
            os.chmod(self.path('bin/' + name), 0o755)
        result = self.mica('eval', '--json', '--peers', 'jpeg', '--qualities', '50', 'p0.ppm',
                           env={**os.environ, 'PATH': self.path('bin') + ':' + os.environ['PATH']})
        self.assertEqual(result.returncode, 1)
        self.assertIn(b'mica: p0.ppm: jpeg at quality 50: cjpeg: exit code 3: such is life', result.stderr)
        codecs = json.loads(result.stdout)['codecs']
        self.assertEqual((len(codecs['mica']['points']), len(codecs['jpeg']['points'])), (1, 0))

    def test_resume(self):
        arguments = ('--qualities', '30,60', '-o', 'report', 'p0.ppm')
        first = self.run_eval(*arguments)
        kept = self.get('report/results.txt')
        self.assertEqual(kept.count(b'\n'), 2)
        self.assertEqual(self.run_eval(*arguments), first)  # times too: nothing ran again
        self.assertEqual(self.get('report/results.txt'), kept)
        lines = kept.splitlines(True)
        self.put('report/results.txt', lines[0] + lines[1][:-9])  # cut off in the middle of a line
        again = self.run_eval(*arguments)
        self.assertEqual(again['codecs']['mica']['points'][0], first['codecs']['mica']['points'][0])
        self.assertEqual(again['codecs']['mica']['points'][1]['bpp'], first['codecs']['mica']['points'][1]['bpp'])
        self.put('p0.ppm', pictures.pnm(pictures.smooth(64, 40, 3)))  # another picture under the same name
        self.assertNotEqual(self.run_eval(*arguments)['codecs']['mica']['points'][0]['bpp'],
                            first['codecs']['mica']['points'][0]['bpp'])

    def test_resume_by_content(self):
        """Neither a program nor a model that moved is measured again, another model is."""
        models = os.path.join(mica_case.ROOT, 'tests', 'vectors')
        shutil.copy(mica_case.MICA, self.path('moved'))
        for name in ('here', 'there'):
            shutil.copy(os.path.join(models, 'tiny.mmodel'), self.path(name + '.mmodel'))
        arguments = ('eval', '--json', '--qualities', '30', '--metrics', 'psnr_rgb', '-o', 'report', 'p0.ppm', '--model')
        first = self.json(*arguments, './here.mmodel')
        again = subprocess.run(['./moved', *arguments, './there.mmodel'], cwd=self.folder, stdout=subprocess.PIPE, check=True)
        self.assertEqual(json.loads(again.stdout), first)
        self.assertEqual(self.get('report/results.txt').count(b'\n'), 1)
        self.assertNotEqual(self.json(*arguments, 'S'), first)
        self.assertEqual(self.get('report/results.txt').count(b'\n'), 2)

    def test_models(self):
        """Each model of a list has a curve of its own, the same as when it runs alone."""
        shutil.copy(os.path.join(mica_case.ROOT, 'tests', 'vectors', 'tiny.mmodel'), self.path('tiny.mmodel'))
        arguments = ('--qualities', '20,80', '--metrics', 'psnr_rgb', '--bpp-from', '0.001', '--bpp-to', '99', 'p0.ppm')
        both = self.run_eval('--model', 'S,S-perceptual,./tiny.mmodel', *arguments)
        self.assertEqual(list(both['codecs']), ['mica:S', 'mica:S-perceptual', 'mica:tiny'])
        for name in ('S', 'S-perceptual', 'tiny.mmodel'):
            alone = self.run_eval('--model', name, *arguments)['codecs']
            self.assertEqual(list(alone), ['mica'])
            for a, b in zip(alone['mica']['points'], both['codecs']['mica:' + name.split('.')[0]]['points']):
                self.assertEqual([a[k] for k in ('quality', 'bpp', 'psnr_rgb')], [b[k] for k in ('quality', 'bpp', 'psnr_rgb')])
        self.assertIn('mica:S-perceptual', both['bd_rate']['psnr_rgb']['mica:S'])
        text = self.ok('eval', '--model', 'S,tiny.mmodel', *arguments).decode()
        self.assertRegex(text, r'(?m)^mica:tiny +80 ')
        self.assertRegex(text, r'(?m)^against +mica:S +mica:tiny$')
        self.fails('eval', '--model', 'S,S', 'p0.ppm', file='eval', reason="two models are called 'S'", code=2)
        self.fails('eval', '--model', 'S,nosuch.mmodel', 'p0.ppm', file='nosuch.mmodel')

    def test_realism(self):
        """It costs no bits, and is passed to the decoder."""
        plain, noisy = (self.run_eval('--qualities', '20', '--metrics', 'psnr_rgb', *more, 'p0.ppm')['codecs']['mica']['points'][0]
                        for more in ((), ('--realism', '80')))
        self.assertEqual(plain['bpp'], noisy['bpp'])
        self.ok('encode', '-q', '20', 'p0.ppm', 'x.mica')
        self.ok('decode', '--realism=80', 'x.mica', 'x.ppm')
        self.assertEqual(noisy['psnr_rgb'], self.json('compare', '--json', 'p0.ppm', 'x.ppm')['psnr_rgb'])
        self.assertGreater(plain['psnr_rgb'], noisy['psnr_rgb'])

    def test_anchors(self):
        os.mkdir(self.path('anchors'))
        measured = self.run_eval('--qualities', '10,50,90', 'p0.ppm')['codecs']['mica']['points']
        for name, key in (('half', 'psnr-rgb'), ('other', 'psnr')):
            self.put('anchors/%s.json' % name, json.dumps({'name': 'x', 'results': {
                key: [p['psnr_rgb'] for p in reversed(measured)],
                'bpp': [p['bpp'] / 2 for p in reversed(measured)]}}).encode())
        self.put('anchors/db.json', b'{"results": {"bpp": [0.1, 0.2], "ms-ssim-db-rgb": [10, 20]}}')
        result = self.run_eval('--qualities', '10,50,90', '--anchors', 'anchors', '--bpp-from', '0.001', '--bpp-to', '99',
                               'p0.ppm')
        self.assertEqual(list(result['codecs']), ['mica', 'pub:db', 'pub:half', 'pub:other'])
        self.assertEqual([p['ms_ssim'] for p in result['codecs']['pub:db']['points']], [0.9, 0.99])
        rates = result['bd_rate']['psnr_rgb']
        for name in ('pub:half', 'pub:other'):
            self.assertTrue(result['codecs'][name]['published'])
            self.assertAlmostEqual(rates['mica'][name]['percent'], 100, places=6)
            self.assertAlmostEqual(rates[name]['mica']['percent'], -50, places=6)
            self.assertNotIn('pub:half', rates['pub:other'])
        self.put('anchors/bad.json', b'{"results": {"bpp": [1, ')
        self.fails('eval', '--anchors', 'anchors', 'p0.ppm', file='anchors', reason='bad.json: not valid JSON')

    def test_report(self):
        os.mkdir(self.path('in & out'))
        os.rename(self.path('p0.ppm'), self.path('in & out/<p>.ppm'))
        self.put('in & out/notes.txt', b'no picture')
        result = self.run_eval('--qualities', '10,50,90', '-o', 'report', 'in & out')
        self.assertEqual(result['pictures'], ['in & out/<p>.ppm'])
        self.assertEqual(json.loads(self.get('report/report.json')), result)
        text = self.get('report/report.html').decode()
        page = Page(text)
        self.assertEqual(page.open, [])
        self.assertIn('<h3>&lt;p&gt;.ppm, at', text)
        charts = [xml.etree.ElementTree.fromstring(part.split('</svg>')[0] + '</svg>')
                  for part in text.split('<svg')[1:] for part in ('<svg' + part,)]
        self.assertEqual(len(charts), 10)  # eight metrics and two of speed
        circles = charts[0].findall('.//{http://www.w3.org/2000/svg}circle')
        inside = [p for p in result['codecs']['mica']['points'] if p['bpp'] <= 2]
        self.assertEqual(len(circles), len(inside))
        heights = [float(c.get('cy')) for c in circles]
        self.assertEqual(heights, sorted(heights, reverse=True))  # PSNR rises with the rate
        images = [a['src'] for tag, a in page.seen if tag == 'img']
        self.assertEqual(len(images), 2)
        self.assertTrue(all(i.startswith('data:image/png;base64,iVBOR') for i in images))
        self.assertFalse([a for tag, a in page.seen if tag in ('link', 'script') or a.get('href')])  # no other file

    def test_text(self):
        text = self.ok('eval', '--qualities', '50', '--metrics', 'psnr_rgb,ssim', 'p0.ppm').decode()
        self.assertRegex(text, r'^codec +quality +bpp +psnr_rgb +ssim +encode ms +decode ms\nmica +50 ')

    def test_usage(self):
        for arguments, reason in ((('--qualities', '5,x'), '5,x'), (('--qualities', '101'), '101'), (('--qualities', ''), ''),
                                  (('--qualities', '1,'), '1,'), (('--peers', 'bpg,jpeg'), 'bpg'),
                                  (('--metrics', 'vmaf'), 'vmaf'), (('--bpp-from', '2', '--bpp-to', '1'), 'bpp-from')):
            self.fails('eval', *arguments, 'p0.ppm', file='eval', reason=reason, code=2)
        self.fails('eval', file='eval', reason='missing', code=2)
        self.fails('eval', 'nosuch.png', file='eval', reason='nosuch.png')
        self.put('text.png', b'hello')
        self.fails('eval', 'text.png', file='eval', reason='text.png: unknown format')

    def test_nothing_left_behind(self):
        os.mkdir(self.path('tmp'))
        self.ok('eval', '--qualities', '50', 'p0.ppm', env={**os.environ, 'TMPDIR': self.path('tmp')})
        self.assertEqual(os.listdir(self.path('tmp')), [])

    def test_interrupted(self):
        """Ctrl-C while codecs run: everything ends at once, and no temporary files stay."""
        os.mkdir(self.path('tmp'))
        os.mkdir(self.path('bin'))
        self.put('bin/cjpeg', b'#!/bin/sh\n: > "$TMPDIR/running"\nexec sleep 60\n')
        self.put('bin/djpeg', b'#!/bin/sh\n')
        for name in ('cjpeg', 'djpeg'):
            os.chmod(self.path('bin/' + name), 0o755)
        process = subprocess.Popen(
            [mica_case.MICA, 'eval', '--peers', 'jpeg', '--qualities', '50', 'p0.ppm'], cwd=self.folder,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            env={**os.environ, 'TMPDIR': self.path('tmp'), 'PATH': self.path('bin') + ':' + os.environ['PATH']})
        try:
            self.wait_until(lambda: os.path.exists(self.path('tmp/running')))
            os.remove(self.path('tmp/running'))
            self.assertEqual(len(os.listdir(self.path('tmp'))), 1)
            os.killpg(process.pid, signal.SIGINT)
            self.assertEqual(process.wait(20), -signal.SIGINT)
            self.wait_until(lambda: os.listdir(self.path('tmp')) == [])
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def wait_until(self, happened):
        for _ in range(400):
            if happened():
                return
            time.sleep(0.05)
        self.fail('nothing happened for 20 s')


if __name__ == '__main__':
    mica_case.main()
