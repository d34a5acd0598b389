#!/usr/bin/env python3
"""Lack of memory anywhere in the command, the picture libraries and the C library included: one line and exit code 1
(or success, where it can do without), never a crash, never a partial file. $MICA_FAILING_MALLOC is tests/fault's library;
MICA_EVERY=1 fails every allocation, otherwise a sample."""
import os
import subprocess
import sys

import mica_case
import pictures
from mica_case import MICA, MicaCase

SHIM = os.environ.get('MICA_FAILING_MALLOC')
TINY = os.path.join(mica_case.ROOT, 'tests', 'vectors', 'tiny.mmodel')
MOST = 10 ** 9 if os.environ.get('MICA_EVERY') else 25


class Memory(MicaCase):
    def run_failing(self, arguments, **environment):
        environment = {key: str(value) for key, value in environment.items()}
        return subprocess.run([MICA, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=300,
                              env=dict(os.environ, LD_PRELOAD=SHIM, **environment))

    def every_allocation(self, *arguments, output=None):
        result = self.run_failing(arguments, MICA_FAIL_COUNT='count')
        self.assertEqual((result.returncode, result.stderr), (0, b''), arguments)
        total = int(self.get('count'))
        os.remove(self.path('count'))
        self.assertGreater(total, 2)
        good = self.get(output) if output else result.stdout
        tried = sorted(set(range(1, total + 1, max(1, -(-total // MOST)))) | {total})
        refused = 0
        for n in tried:
            if output:
                os.remove(self.path(output))
            before = set(self.listing())
            # In turn one failure and no memory from there on.
            more = {'MICA_FAIL_ON': 1} if n % 2 else {}
            result = self.run_failing(arguments, MICA_FAIL_AT=n, **more)
            context = (arguments, n, result)
            if result.returncode == 0:
                self.assertEqual(self.get(output) if output else result.stdout, good, context)
            else:
                refused += 1
                self.assertEqual(result.returncode, 1, context)
                self.assertEqual(result.stderr.count(b'\n'), 1, context)
                self.assertTrue(result.stderr.startswith(b'mica: '), context)
                self.assertEqual(set(self.listing()), before, context)
                if output:
                    self.put(output, b'')  # removed again above
        self.assertGreater(refused, 0)

    def test_encode(self):
        noise = pictures.noise(40, 24, 3)
        self.put('a.ppm', pictures.pnm(noise))
        self.put('a.png', pictures.picture_png(noise))
        self.put('a.pam', pictures.pam(pictures.noise(20, 9, 1), b'GRAYSCALE'))
        self.ok('encode', '--model', TINY, 'a.ppm', 'x.mica')
        self.ok('decode', '--model', TINY, 'x.mica', 'a.jpg')
        for name in ('a.ppm', 'a.png', 'a.jpg', 'a.pam'):
            self.every_allocation('encode', '--threads=1', '--model', TINY, name, 'out.mica', output='out.mica')

    def test_decode(self):
        self.put('a.ppm', pictures.pnm(pictures.noise(40, 24, 3)))
        self.ok('encode', '--model', TINY, 'a.ppm', 'a.mica')
        for ending in ('png', 'jpg', 'ppm', 'pam', 'md5'):
            name = 'out.' + ending
            self.every_allocation('decode', '--threads=1', '--model', TINY, 'a.mica', name, output=name)

    def test_others(self):
        self.put('a.ppm', pictures.pnm(pictures.noise(40, 24, 3)))
        self.put('b.ppm', pictures.pnm(pictures.noise(40, 24, 3, 2)))
        self.ok('encode', '--model', TINY, 'a.ppm', 'a.mica')
        self.every_allocation('info', '--json', 'a.mica')
        self.every_allocation('model', 'verify', TINY)
        self.every_allocation('compare', '--json', 'a.ppm', 'b.ppm')
        # Children have the same allocations each.
        self.every_allocation('encode', '--model', TINY, '-j', '1', '-o', 'out', 'a.ppm', output='out/a.mica')


if __name__ == '__main__':
    if not SHIM:
        print('MICA_FAILING_MALLOC is not set')
        sys.exit(77)
    mica_case.main()
