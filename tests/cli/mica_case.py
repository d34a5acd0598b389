"""Runs the command under test: $MICA, or build/tools/mica."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))
MICA = os.path.abspath(os.environ.get('MICA') or os.path.join(ROOT, 'build', 'tools', 'mica'))
TESTIMAGES = os.path.join(ROOT, 'testimages')


class MicaCase(unittest.TestCase):
    """Every test has an empty folder, in which the command runs."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='mica-cli-')
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def put(self, name, data):
        with open(self.path(name), 'wb') as f:
            f.write(data)
        return name

    def get(self, name):
        with open(self.path(name), 'rb') as f:
            return f.read()

    def listing(self):
        """Names and content of everything in the folder."""
        out = {}
        for name in os.listdir(self.folder):
            out[name] = self.get(name) if os.path.isfile(self.path(name)) else None
        return out

    def mica(self, *arguments, stdin=b'', **more):
        if 'stdout' not in more:
            more['stdout'] = subprocess.PIPE
        if hasattr(stdin, 'fileno') or isinstance(stdin, int):
            more['stdin'] = stdin
        else:
            more['input'] = stdin
        return subprocess.run([MICA, *arguments], cwd=self.folder, stderr=subprocess.PIPE, timeout=300, **more)

    def ok(self, *arguments, **more):
        """Run, expect success and silence; returns what went to stdout."""
        result = self.mica(*arguments, **more)
        self.assertEqual((result.returncode, result.stderr), (0, b''), arguments)
        return result.stdout

    def json(self, *arguments, **more):
        return json.loads(self.ok(*arguments, **more))

    def fails(self, *arguments, file, reason='', code=1, **more):
        """Run, expect one line on stderr that names `file` and holds `reason`, and a folder as it was before."""
        before = self.listing()
        result = self.mica(*arguments, **more)
        text = result.stderr.decode('utf-8', 'replace')
        self.assertEqual(result.returncode, code, (arguments, text))
        self.assertEqual(text.count('\n'), 1, (arguments, text))
        self.assertTrue(text.startswith('mica: %s' % (file + ': ' if file else '')), (arguments, text))
        self.assertIn(reason.lower(), text.lower(), arguments)
        if code != 0:
            self.assertFalse(result.stdout, arguments)
        self.assertEqual(self.listing(), before, arguments)
        return text

    def same(self, a, b):
        """Two files show the same picture."""
        result = self.json('compare', '--json', '--metrics', 'mse_rgb', a, b)
        self.assertEqual(result['mse_rgb'], 0, (a, b))
        self.assertIsNone(result.get('psnr_alpha'), (a, b))  # infinite, or there is no alpha


def main():
    if not os.access(MICA, os.X_OK):
        sys.exit('%s is missing: build it, or set MICA' % MICA)
    unittest.main()
