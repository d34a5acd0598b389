"""Output files appear whole or not at all: failures, full disks, broken pipes, signals, links and permissions."""
import os
import pty
import resource
import signal
import stat
import subprocess
import time
import unittest

import mica_case
import pictures

TEMPORARY = '.mica-'


class Output(mica_case.MicaCase):
    def setUp(self):
        super().setUp()
        self.put('in.ppm', pictures.pnm(pictures.smooth(64, 48, 3)))
        self.ok('encode', 'in.ppm', 'a.mica')

    def test_permissions(self):
        old = os.umask(0o027)
        try:
            self.ok('encode', 'in.ppm', 'new.mica')
        finally:
            os.umask(old)
        self.assertEqual(stat.S_IMODE(os.stat(self.path('new.mica')).st_mode), 0o640)
        os.chmod(self.path('new.mica'), 0o604)
        self.ok('encode', '-q', '9', 'in.ppm', 'new.mica')
        self.assertEqual(stat.S_IMODE(os.stat(self.path('new.mica')).st_mode), 0o604)

    def test_old_file_survives_failure(self):
        self.put('out.png', b'precious')
        damaged = bytearray(self.get('a.mica'))
        damaged[-8] ^= 1
        self.put('bad.mica', bytes(damaged))
        self.fails('decode', 'bad.mica', 'out.png', file='bad.mica')
        self.put('bad.png', b'\x89PNG\r\n\x1a\nnonsense')
        self.fails('encode', 'bad.png', 'out.png', file='bad.png')
        self.ok('decode', 'a.mica', 'out.png')
        self.assertNotEqual(self.get('out.png'), b'precious')

    def test_output_is_input(self):
        same = 'is the input file as well'
        self.fails('encode', 'in.ppm', 'in.ppm', file='in.ppm', reason=same)
        self.fails('encode', './in.ppm', self.path('in.ppm'), file=self.path('in.ppm'), reason=same)
        os.symlink('in.ppm', self.path('link'))
        os.link(self.path('in.ppm'), self.path('hard'))
        self.fails('encode', 'link', 'in.ppm', file='in.ppm', reason=same)
        self.fails('encode', 'in.ppm', 'link', file='link', reason=same)
        self.fails('encode', 'in.ppm', 'hard', file='hard', reason=same)
        self.fails('decode', '-f', 'png', 'a.mica', 'a.mica', file='a.mica', reason=same)
        with open(self.path('in.ppm'), 'rb') as f:
            self.fails('encode', '-', 'in.ppm', stdin=f, file='in.ppm', reason=same)
        with open(self.path('in.ppm'), 'ab') as f:
            before = self.listing()
            result = self.mica('encode', 'in.ppm', '-', stdout=f)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(self.listing(), before)

    def test_links(self):
        os.mkdir(self.path('sub'))
        self.put('sub/real.mica', b'old')
        os.symlink('sub/real.mica', self.path('link.mica'))
        self.ok('encode', 'in.ppm', 'link.mica')
        self.assertTrue(os.path.islink(self.path('link.mica')))
        self.assertEqual(self.get('sub/real.mica'), self.get('a.mica'))
        self.assertEqual(os.listdir(self.path('sub')), ['real.mica'])
        os.symlink('nowhere', self.path('dangling'))
        before = sorted(os.listdir(self.folder))
        self.assertEqual(self.mica('encode', 'in.ppm', 'dangling').returncode, 1)
        self.assertEqual(sorted(os.listdir(self.folder)), before)

    def test_unwritable(self):
        self.fails('encode', 'in.ppm', 'nowhere/out.mica', file='nowhere/out.mica', reason='No such file')
        self.fails('encode', 'in.ppm', 'in.ppm/out.mica', file='in.ppm/out.mica', reason='Not a directory')
        self.fails('encode', 'in.ppm', '', file='', reason='No such file')
        os.mkdir(self.path('folder'))
        self.fails('encode', 'in.ppm', 'folder', file='folder', reason='directory')
        self.fails('decode', '-f', 'png', 'a.mica', 'folder/', file='folder/', reason='directory')
        self.fails('encode', 'in.ppm', 'x' * 300, file='x' * 300, reason='too long')

    def test_no_permission(self):
        more = {}
        if os.geteuid() == 0:
            # Root may write everywhere, so somebody else has to try.
            more = {'user': 65534, 'group': 65534, 'extra_groups': []}
            os.chmod(self.folder, 0o777)
            try:
                self.mica('--version', **more)
            except PermissionError:
                self.skipTest('the command is out of reach for another user')
        self.put('protected.mica', b'old')
        os.chmod(self.path('protected.mica'), 0o444)
        os.mkdir(self.path('closed'), 0o555)
        for name in ('protected.mica', 'closed/out.mica'):
            self.fails('encode', 'in.ppm', name, file=name, reason='Permission denied', **more)
        self.put('secret', self.get('in.ppm'))
        os.chmod(self.path('secret'), 0)
        result = self.mica('encode', 'secret', 'out.mica', **more)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr, b'mica: secret: Permission denied\n')

    @unittest.skipUnless(os.path.exists('/dev/full'), 'needs /dev/full')
    def test_full_device(self):
        full = 'No space left'
        self.fails('encode', 'in.ppm', '/dev/full', file='/dev/full', reason=full)
        for form in ('png', 'jpg', 'ppm', 'pam', 'md5'):
            self.fails('decode', '-f', form, 'a.mica', '/dev/full', file='/dev/full', reason=full)
        for command in (['encode', 'in.ppm', '-'], ['decode', 'a.mica', '-'], ['decode', '--md5', 'a.mica'],
                        ['decode', '-f', 'png', 'a.mica', '-'], ['info', 'a.mica'], ['info', '--json', 'a.mica'],
                        ['compare', 'in.ppm', 'a.mica'], ['model', 'list'], ['--help'], ['encode', '--help'],
                        ['--version']):
            with open('/dev/full', 'wb') as f:
                self.fails(*command, stdout=f, file='standard output', reason=full)
        self.assertTrue(stat.S_ISCHR(os.stat('/dev/full').st_mode))

    def test_full_disk(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        self.put('old.png', b'old')
        self.fails('encode', 'in.ppm', 'out.mica', file='out.mica', reason='File too large', preexec_fn=limit)
        for form in ('png', 'jpg', 'ppm', 'pam'):
            self.fails('decode', '-f', form, 'a.mica', 'old.png', file='old.png', reason='File too large',
                       preexec_fn=limit)

    def test_closed_pipe(self):
        for command in (['encode', 'in.ppm', '-'], ['decode', 'a.mica', '-'], ['decode', '-f', 'png', 'a.mica', '-'],
                        ['info', 'a.mica']):
            reader, writer = os.pipe()
            os.close(reader)
            self.fails(*command, stdout=writer, file='standard output', reason='Broken pipe')
            os.close(writer)

    def test_closed_streams(self):
        def close_stdout():
            os.close(1)

        def close_all():
            for fd in range(3):
                os.close(fd)
        self.fails('decode', '--md5', 'a.mica', preexec_fn=close_stdout, file='standard output')
        self.ok('encode', 'in.ppm', 'b.mica', preexec_fn=close_stdout)
        # Messages must not end up in a file that took the place of stderr.
        self.mica('encode', '-v', 'in.ppm', 'b.mica', preexec_fn=close_all)
        self.assertEqual(self.get('b.mica'), self.get('a.mica'))

    def test_terminal(self):
        main, side = pty.openpty()
        try:
            self.fails('encode', 'in.ppm', '-', stdout=side, file='standard output', reason='terminal')
            self.fails('decode', 'a.mica', '-', stdout=side, file='standard output', reason='terminal')
            self.assertEqual(self.mica('decode', '--md5', 'a.mica', stdout=side).returncode, 0)
            self.assertRegex(os.read(main, 100), rb'^[0-9a-f]{32}\r?\n')
        finally:
            os.close(main)
            os.close(side)

    def test_devices_stay(self):
        self.ok('encode', 'in.ppm', '/dev/null')
        self.assertTrue(stat.S_ISCHR(os.stat('/dev/null').st_mode))
        os.mkfifo(self.path('pipe'))
        reader = subprocess.Popen(['cat', 'pipe'], cwd=self.folder, stdout=subprocess.PIPE)
        self.ok('encode', 'in.ppm', 'pipe')
        self.assertEqual(reader.communicate(timeout=60)[0], self.get('a.mica'))
        self.assertTrue(stat.S_ISFIFO(os.stat(self.path('pipe')).st_mode))


class Signals(mica_case.MicaCase):
    def interrupt(self, arguments, number, **more):
        """Send a signal as soon as the temporary file is there; the state after that, and the exit code."""
        process = subprocess.Popen([mica_case.MICA, *arguments], cwd=self.folder, stderr=subprocess.PIPE, **more)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if any(name.startswith(TEMPORARY) for name in os.listdir(self.folder)):
                process.send_signal(number)
                break
            time.sleep(0.001)
        process.communicate(timeout=60)
        return process.returncode

    def test_nothing_left(self):
        # Large enough to be at work for a while after the output was opened.
        self.put('in.ppm', pictures.pnm((1600, 1000, 3, bytes(range(256)) * (1600 * 1000 * 3 // 256))))
        self.put('old.mica', b'old')
        self.ok('encode', '-q', '5', 'in.ppm', 'a.mica')
        before = self.listing()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            for arguments in (['encode', 'in.ppm', 'new.mica'], ['encode', '--threads=2', 'in.ppm', 'old.mica'],
                              ['decode', 'a.mica', 'new.png']):
                self.assertEqual(self.interrupt(arguments, number), -number, arguments)
                self.assertEqual(self.listing(), before, arguments)

    def test_ignored_stays_ignored(self):
        self.put('in.ppm', pictures.pnm((800, 500, 3, bytes(800 * 500 * 3))))

        def ignore():
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self.assertEqual(self.interrupt(['encode', 'in.ppm', 'a.mica'], signal.SIGHUP, preexec_fn=ignore), 0)
        self.ok('info', 'a.mica')


if __name__ == '__main__':
    mica_case.main()
