#!/usr/bin/env python3
"""Many files at once: encode and decode with --output."""
import json
import os
import shutil
import signal
import subprocess
import time

import mica_case
import pictures
from mica_case import MICA, MicaCase


class Batch(MicaCase):
    def picture(self, name, width=9, height=7, seed=1):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        return self.put(name, pictures.pnm(pictures.noise(width, height, 3, seed)))

    def corpus(self):
        for i, name in enumerate(('in/b.ppm', 'in/a.ppm', 'in/sub/deep/c.ppm', 'in/sub/a.PPM')):
            self.picture(name, seed=i)
        self.put('in/notes.txt', b'not a picture')
        self.put('in/.hidden.ppm', b'x')

    def tree(self, folder):
        """Paths of all files below a folder."""
        out = []
        for base, _, files in os.walk(self.path(folder)):
            out += [os.path.relpath(os.path.join(base, name), self.path(folder)) for name in files]
        return sorted(out)

    def log(self, name='log'):
        with open(self.path(name), encoding='utf-8') as f:
            return [json.loads(line) for line in f]

    def test_structure_and_equal_bytes(self):
        self.corpus()
        self.ok('encode', '-q', '30', 'in', '-o', 'out', '-j', '3')
        self.assertEqual(self.tree('out'), ['a.mica', 'b.mica', 'sub/a.mica', 'sub/deep/c.mica'])
        self.ok('encode', '-q', '30', 'in/sub/deep/c.ppm', 'single.mica')
        self.assertEqual(self.get('out/sub/deep/c.mica'), self.get('single.mica'))

        self.ok('decode', 'out', '-o', 'back', '--jobs=2')
        self.assertEqual(self.tree('back'), ['a.png', 'b.png', 'sub/a.png', 'sub/deep/c.png'])
        self.ok('decode', '-f', 'ppm', 'out', '-o', 'ppm')
        self.assertEqual(self.tree('ppm'), ['a.ppm', 'b.ppm', 'sub/a.ppm', 'sub/deep/c.ppm'])
        self.ok('decode', 'single.mica', 'single.ppm')
        self.assertEqual(self.get('ppm/sub/deep/c.ppm'), self.get('single.ppm'))
        self.same('back/sub/a.png', 'ppm/sub/a.ppm')
        self.ok('decode', '--md5', 'out', '-o', 'sums')
        self.assertEqual(self.get('sums/b.md5'), self.ok('decode', '--md5', 'out/b.mica'))

    def test_files_and_several_folders(self):
        self.corpus()
        self.picture('more/in/a.ppm', seed=9)
        self.picture('odd name.xyz')
        # A file that is named is taken whatever its ending; several folders keep their names.
        self.ok('encode', 'in/sub', 'more/in', 'odd name.xyz', '-o', 'out')
        self.assertEqual(self.tree('out'), ['in/a.mica', 'odd name.mica', 'sub/a.mica', 'sub/deep/c.mica'])
        self.fails('encode', 'in', 'more/in', '-o', 'out2', file='', reason='from two inputs')
        self.assertFalse(os.path.exists(self.path('out2')))

    def test_name_clash(self):
        self.picture('in/a.ppm', seed=1)
        self.picture('in/a.pnm', seed=2)
        self.picture('in/b.ppm', seed=3)
        self.ok('encode', 'in', '-o', 'out')
        self.assertEqual(self.tree('out'), ['a.pnm.mica', 'a.ppm.mica', 'b.mica'])
        # The same names whichever shard writes them.
        for i in (1, 2, 3):
            self.ok('encode', 'in', '-o', 'shards', '--shard', '%d/3' % i)
        self.assertEqual(self.tree('shards'), self.tree('out'))
        for name in self.tree('out'):
            self.assertEqual(self.get('out/' + name), self.get('shards/' + name))

    def test_failures_do_not_stop(self):
        self.corpus()
        self.put('in/broken.png', b'\x89PNG\r\n\x1a\nnothing')
        self.put('in/empty.jpg', b'')
        result = self.mica('encode', 'in', '-o', 'out', '--log', 'log')
        self.assertEqual(result.returncode, 1)
        lines = sorted(result.stderr.decode().splitlines())
        self.assertEqual(len(lines), 2, lines)
        self.assertTrue(lines[0].startswith('mica: in/broken.png: bad PNG'))
        self.assertEqual(lines[1], 'mica: in/empty.jpg: the file is empty')
        self.assertEqual(self.tree('out'), ['a.mica', 'b.mica', 'sub/a.mica', 'sub/deep/c.mica'])
        log = {entry['file']: entry for entry in self.log()}
        self.assertEqual(len(log), 6)
        self.assertEqual(log['in/empty.jpg']['status'], 'failed')
        self.assertEqual(log['in/empty.jpg']['error'], 'the file is empty')
        self.assertIsNone(log['in/empty.jpg']['bytes'])
        good = log['in/sub/a.PPM']
        size = os.path.getsize(self.path('out/sub/a.mica'))
        self.assertEqual((good['status'], good['bytes'], good['width'], good['height'], good['error'], good['output']),
                         ('done', size, 9, 7, None, 'out/sub/a.mica'))
        self.assertAlmostEqual(good['bpp'], 8 * size / 63, 6)
        self.assertGreater(good['ms'], 0)

        self.put('out/sub/bad.mica', self.get('out/a.mica')[:-3])
        result = self.mica('decode', 'out', '-o', 'back', '--log', 'log2')
        self.assertEqual((result.returncode, result.stderr.count(b'\n')), (1, 1))
        self.assertEqual(self.tree('back'), ['a.png', 'b.png', 'sub/a.png', 'sub/deep/c.png'])
        log = {entry['file']: entry for entry in self.log('log2')}
        self.assertEqual(log['out/sub/bad.mica']['status'], 'failed')
        self.assertAlmostEqual(log['out/sub/a.mica']['bpp'], 8 * size / 63, 6)

    def test_resume(self):
        self.corpus()
        self.ok('encode', 'in', '-o', 'out')
        times = {name: os.stat(self.path('out/' + name)).st_mtime_ns for name in self.tree('out')}
        whole = self.get('out/b.mica')
        self.put('out/b.mica', whole[:-1])  # as no run of mica leaves it, but a full disk elsewhere may
        os.remove(self.path('out/sub/a.mica'))
        future = time.time() + 100
        os.utime(self.path('in/a.ppm'), (future, future))  # changed since
        self.ok('encode', 'in', '-o', 'out', '--resume', '--log', 'log')
        status = {entry['file']: entry['status'] for entry in self.log()}
        self.assertEqual(status, {'in/a.ppm': 'done', 'in/b.ppm': 'done', 'in/sub/a.PPM': 'done',
                                  'in/sub/deep/c.ppm': 'skipped'})
        self.assertEqual(self.get('out/b.mica'), whole)
        self.assertEqual(os.stat(self.path('out/sub/deep/c.mica')).st_mtime_ns, times['sub/deep/c.mica'])
        # Without it everything is done again.
        self.ok('encode', 'in', '-o', 'out', '--log', 'log2')
        self.assertEqual([entry['status'] for entry in self.log('log2')], ['done'] * 4)

    def test_shards_are_a_partition(self):
        for i in range(11):
            self.picture('in/%02d.ppm' % i, 3, 2, i)
        seen = []
        for i in range(1, 5):
            self.ok('encode', 'in', '-o', 'out', '--shard=%d/4' % i, '--log', 'log%d' % i)
            seen += [entry['file'] for entry in self.log('log%d' % i)]
            self.assertIn(len(self.log('log%d' % i)), (2, 3))
        self.assertEqual(sorted(seen), ['in/%02d.ppm' % i for i in range(11)])
        self.assertEqual(len(self.tree('out')), 11)
        # More shards than pictures: nothing to do is no failure.
        self.ok('encode', 'in', '-o', 'none', '--shard', '12/12')

    def test_usage(self):
        self.corpus()
        for shard in ('0/3', '4/3', '1', 'x/2', '1/', '/1', '1/2/3', '-1/2', '+1/2', '1/99999999999'):
            self.fails('encode', 'in', '-o', 'out', '--shard=' + shard, file='encode', reason='--shard', code=2)
        self.fails('encode', 'in/a.ppm', 'x.mica', '--resume', file='encode', reason='--output', code=2)
        self.fails('encode', 'in/a.ppm', 'x.mica', 'y', file='encode', reason="too many arguments: 'y'", code=2)
        self.fails('encode', 'in/a.ppm', file='encode', reason='an argument is missing', code=2)
        self.fails('decode', '-o', 'out', file='decode', reason='arguments are missing', code=2)
        self.fails('encode', '-', '-o', 'out', file='encode', reason='standard input', code=2)
        self.fails('encode', 'in', '-o', 'in/a.ppm', file='in/a.ppm', reason='not a directory')
        self.fails('encode', 'missing', '-o', 'out', file='', reason='missing: no such file')
        os.mkdir(self.path('void'))
        self.fails('decode', 'void', '-o', 'out', file='', reason='no files to decode')
        self.fails('encode', 'in', '-o', 'out', '--log', 'no/folder', file='no/folder', reason='no such file')

    def test_link_circles_end(self):
        self.corpus()
        os.symlink('..', self.path('in/sub/up'))
        os.symlink('../a.ppm', self.path('in/sub/link.ppm'))
        self.ok('encode', 'in', '-o', 'out')
        self.assertEqual(self.tree('out'), ['a.mica', 'b.mica', 'sub/a.mica', 'sub/deep/c.mica', 'sub/link.mica'])

    def test_signals_leave_nothing_partial(self):
        for i in range(40):
            self.picture('in/%02d.ppm' % i, 500, 400, i)
        for number in (signal.SIGINT, signal.SIGTERM):
            shutil.rmtree(self.path('out'), ignore_errors=True)
            process = subprocess.Popen([MICA, 'encode', 'in', '-o', 'out', '-j', '2', '-e', '1'], cwd=self.folder,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
            deadline = time.time() + 60
            while time.time() < deadline and not [n for n in self.tree('out') if n.endswith('.mica')]:
                time.sleep(0.01)
            # Ctrl-C reaches all processes, kill only the first.
            if number == signal.SIGINT:
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)
            out, err = process.communicate(timeout=60)
            self.assertEqual((process.returncode, err), (-number, b''))
            left = self.tree('out')
            self.assertGreater(len(left), 0)
            self.assertLess(len(left), 40)
            for name in left:
                self.assertRegex(name, r'^\d\d\.mica$')
                self.ok('info', 'out/' + name)
            # The children are gone as well.
            with self.assertRaises(ProcessLookupError):
                os.killpg(process.pid, 0)
        self.ok('encode', 'in', '-o', 'out', '-e', '1', '--resume', '--log', 'log')
        status = [entry['status'] for entry in self.log()]
        self.assertEqual((status.count('skipped'), status.count('done')), (len(left), 40 - len(left)))
        self.assertEqual(len(self.tree('out')), 40)

    def test_a_killed_worker_is_a_failure_of_its_picture(self):
        self.picture('in/a.ppm', 900, 900)
        self.picture('in/b.ppm', 5, 5)
        process = subprocess.Popen([MICA, 'encode', 'in', '-o', 'out', '-j', '1', '-e', '1', '--log', 'log'],
                                   cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        deadline = time.time() + 60
        child = None
        while not child and time.time() < deadline:
            with open('/proc/%d/task/%d/children' % (process.pid, process.pid)) as f:
                child = f.read().split()
        os.kill(int(child[0]), signal.SIGKILL)
        out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, err), (1, b'mica: in/a.ppm: the process ended by signal 9\n'))
        self.assertEqual(self.tree('out'), ['b.mica'])  # not even a temporary file
        self.assertEqual([entry['status'] for entry in self.log()], ['failed', 'done'])


if __name__ == '__main__':
    mica_case.main()
