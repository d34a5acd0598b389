"""Video: encode and decode through containers, pipes, seeking, damage, bit rate, sound and subtitles."""
import math
import os
import shutil
import subprocess
import unittest

from mica_case import MICA, MicaCase, main

W, H, N = 80, 48, 8
VECTORS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'vectors')
CONTAINERS = ('nut', 'mov', 'mkv', 'avi')
FRAME = W * H * 3 // 2


def frame(n):
    luma = bytes(int(128 + 70 * math.sin((x + 3 * n) * 0.11) * math.cos(y * 0.13)) for y in range(H) for x in range(W))
    chroma = [bytes(int(128 + 30 * math.sin(x * 0.2 + n + p)) for y in range(H // 2) for x in range(W // 2))
              for p in range(2)]
    return luma + chroma[0] + chroma[1]


FRAMES = [frame(n) for n in range(N)]


def y4m(frames, tag='C420mpeg2'):
    head = 'YUV4MPEG2 W%d H%d F10:1 Ip A1:1 %s XCOLORRANGE=LIMITED\n' % (W, H, tag)
    return head.encode() + b''.join(b'FRAME\n' + f for f in frames)


def frames_of(data):
    head, rest = data.split(b'\n', 1)
    size = FRAME + 6
    assert len(rest) % size == 0, len(rest)
    parts = [rest[i:i + size] for i in range(0, len(rest), size)]
    assert all(p.startswith(b'FRAME\n') for p in parts)
    return head, [p[6:] for p in parts]


def psnr(a, b):
    mse = sum((x - y) ** 2 for x, y in zip(a, b)) / len(a)
    return 10 * math.log10(255 ** 2 / mse) if mse else 99


def have_video():
    result = subprocess.run([MICA, 'decode', '/dev/null', '-f', 'y4m', '-'], stderr=subprocess.PIPE)
    return b'without FFmpeg' not in result.stderr


@unittest.skipUnless(have_video(), 'this mica was built without video')
class Video(MicaCase):
    def setUp(self):
        super().setUp()
        self.put('in.y4m', y4m(FRAMES))

    def test_containers(self):
        sums = set()
        for c in CONTAINERS:
            self.ok('encode', '-q', '70', 'in.y4m', 'v.' + c)
            self.ok('decode', 'v.' + c, 'back.y4m')
            head, frames = frames_of(self.get('back.y4m'))
            self.assertEqual(head, b'YUV4MPEG2 W80 H48 F10:1 Ip A1:1 C420mpeg2 XCOLORRANGE=LIMITED', c)
            self.assertEqual(len(frames), N)
            for a, b in zip(FRAMES, frames):
                self.assertGreater(psnr(a, b), 33, c)
            sums.add(self.ok('decode', '--md5', 'v.' + c))
        self.assertEqual(len(sums), 1)

    def test_threads_give_the_same(self):
        self.ok('encode', '--threads', '1', 'in.y4m', 'a.nut')
        self.ok('encode', '--threads', '3', 'in.y4m', 'b.nut')
        self.assertEqual(self.get('a.nut'), self.get('b.nut'))
        self.assertEqual(self.ok('decode', '--md5', '--threads', '1', 'a.nut'),
                         self.ok('decode', '--md5', '--threads', '3', 'a.nut'))

    def test_pipes(self):
        self.ok('encode', 'in.y4m', 'v.nut')
        coded = self.ok('encode', '-f', 'nut', '-', '-', stdin=self.get('in.y4m'))
        back = self.ok('decode', '-f', 'y4m', '-', '-', stdin=coded)
        self.assertEqual(back, self.ok('decode', 'v.nut', '-'))
        self.assertEqual(len(frames_of(back)[1]), N)

    def test_seek(self):
        for c in CONTAINERS:
            self.ok('encode', 'in.y4m', 'v.' + c)
            _, every = frames_of(self.ok('decode', 'v.' + c, '-'))
            _, some = frames_of(self.ok('decode', '--start', '0.5', '--frames', '2', 'v.' + c, '-'))
            self.assertEqual(some, every[5:7], c)
        self.fails('decode', '--start', '99', 'v.nut', 'out.y4m', file='v.nut', reason='no frame')

    def test_bframes(self):
        def times(name):
            out = subprocess.run(['ffprobe', '-v', 'quiet', '-show_entries', 'packet=pts_time', '-of', 'csv=p=0', name],
                                 cwd=self.folder, check=True, stdout=subprocess.PIPE).stdout
            return [float(t) for t in out.decode().replace(',', ' ').split()]
        self.put('long.y4m', y4m(FRAMES * 3))
        for bframes in ('0', '1', '3', '7'):
            options = ('--gop', '11', '--bframes', bframes, '--no-scenecut')
            decoded = set()
            for c in ('nut', 'mov'):
                name = 'v%s.%s' % (bframes, c)
                self.ok('encode', *options, 'long.y4m', name)
                _, every = frames_of(self.ok('decode', name, '-'))
                self.assertEqual(len(every), 3 * N)
                decoded.add(b''.join(every))
                for start in (0.4, 1.1, 1.5):  # between key frames, at one, after it
                    _, some = frames_of(self.ok('decode', '--start', str(start), '--frames', '2', name, '-'))
                    self.assertEqual(some, every[round(10 * start):][:2], (name, start))
                if shutil.which('ffprobe'):
                    stored = times(name)
                    if bframes != '0':
                        self.assertNotEqual(stored, sorted(stored))
                    for i, t in enumerate(sorted(stored)):
                        self.assertAlmostEqual(t - min(stored), i / 10, places=2)
                    self.ok('decode', name, 'back.nut')  # frames leave in order of time
                    self.assertEqual(times('back.nut'), sorted(times('back.nut')))
                    self.assertEqual(len(times('back.nut')), 3 * N)
            self.assertEqual(len(decoded), 1)
            # Frames are those that went in, in their order: each is nearest to its own.
            sent = FRAMES * 3
            for n in range(N):
                best = max(range(N), key=lambda i: psnr(sent[i], every[n]))
                self.assertEqual(best, n, bframes)
            for c in ('mkv', 'avi'):
                if bframes == '0':
                    self.ok('encode', *options, 'long.y4m', 'v.' + c)
                    self.assertEqual(frames_of(self.ok('decode', 'v.' + c, '-'))[1], every)
                else:
                    self.fails('encode', *options, 'long.y4m', 'no.' + c, file='no.' + c, reason='--bframes')

    def test_damage_of_predicted_frames(self):
        self.ok('encode', '--gop', '5', '--no-scenecut', 'in.y4m', 'v.avi')
        _, good = frames_of(self.ok('decode', 'v.avi', '-'))
        data = bytearray(self.get('v.avi'))
        at = data.index(b'00dc', data.index(b'00dc', data.index(b'movi')) + 4)  # the second packet
        data[at + 40] ^= 1
        self.put('bad.avi', bytes(data))
        self.fails('decode', 'bad.avi', 'out.y4m', file='bad.avi', reason='frame at 0.100 s')
        _, frames = frames_of(self.ok('decode', '--conceal', 'bad.avi', '-'))
        self.assertEqual(frames, [good[0]] * 5 + good[5:])

    def test_predicted_model(self):
        small = os.path.join(VECTORS, 'tiny-predicted.mmodel')
        self.ok('encode', '--predicted-model', small, 'in.y4m', 'v.nut')
        self.fails('decode', 'v.nut', 'out.y4m', file='v.nut', reason='model')
        self.fails('decode', '--predicted-model', 'V', 'v.nut', 'out.y4m', file='v.nut', reason='another model')
        back = self.ok('decode', '--predicted-model', small, 'v.nut', '-')
        self.assertEqual(len(frames_of(back)[1]), N)
        self.ok('encode', '--predicted-model', 'V', 'in.y4m', 'a.nut')
        self.ok('encode', 'in.y4m', 'b.nut')
        self.assertEqual(self.get('a.nut'), self.get('b.nut'))
        self.ok('encode', '--preset', 'main', 'in.y4m', 'b.nut')
        self.assertEqual(self.get('a.nut'), self.get('b.nut'))
        self.ok('encode', '--preset', 'fast', 'in.y4m', 'a.nut')
        self.ok('encode', '--predicted-model', 'V-fast', 'in.y4m', 'c.nut')
        self.assertEqual(self.get('a.nut'), self.get('c.nut'))
        self.assertNotEqual(self.get('a.nut'), self.get('b.nut'))
        self.assertEqual(len(frames_of(self.ok('decode', 'a.nut', '-'))[1]), N)
        self.assertEqual(self.mica('encode', '--preset', 'slow', 'in.y4m', 'd.nut').returncode, 2)
        self.assertEqual(self.mica('encode', '--preset', 'main', '--predicted-model', 'V', 'in.y4m', 'd.nut').returncode, 2)
        self.fails('encode', '--predicted-model', 'S', 'in.y4m', 'c.nut', file='in.y4m', reason='predicted frames')
        self.fails('encode', '--predicted-model', 'missing.mmodel', 'in.y4m', 'c.nut', file='in.y4m',
                   reason='no such file')

    def test_formats_are_kept(self):
        def plane(rows, columns, bits):
            values = [(x * 5 + y * 3) % 200 + 20 for y in range(rows) for x in range(columns)]
            return bytes(values) if bits == 8 else b''.join((4 * v).to_bytes(2, 'little') for v in values)
        for tag, w, h, bits in (('C422', W // 2, H, 8), ('C444', W, H, 8), ('C420p10', W // 2, H // 2, 10),
                                ('C420jpeg', W // 2, H // 2, 8), ('Cmono', 0, 0, 8)):
            data = plane(H, W, bits) + 2 * plane(h, w, bits)
            self.put('f.y4m', y4m([data, data], tag))
            self.ok('encode', 'f.y4m', 'f.mkv')
            head, rest = self.ok('decode', 'f.mkv', '-').split(b'\n', 1)
            self.assertIn(tag.encode(), head)
            self.assertEqual(len(rest), 2 * (6 + len(data)), tag)

    def test_damage(self):
        self.ok('encode', '--gop', '1', 'in.y4m', 'v.avi')
        _, good = frames_of(self.ok('decode', 'v.avi', '-'))
        data = bytearray(self.get('v.avi'))
        at = [i for i in range(len(data)) if data[i:i + 3] == b'\x09\x02\x00']  # the packets' first section
        self.assertEqual(len(at), N)
        data[at[3] + 40] ^= 1
        self.put('bad.avi', bytes(data))
        self.fails('decode', 'bad.avi', 'out.y4m', file='bad.avi', reason='frame at 0.300 s')
        _, frames = frames_of(self.ok('decode', '--conceal', 'bad.avi', '-'))
        self.assertEqual(frames, good[:3] + [good[2]] + good[4:])

    def test_bitrate(self):
        self.put('long.y4m', y4m(FRAMES * 4))
        sizes = {}
        for kbit in (8, 16):
            line = self.mica('encode', '-v', '--bitrate', str(kbit), 'long.y4m', 'v.nut').stderr.decode()
            sizes[kbit] = float(line.split(' kbit/s')[0].split()[-1])
            self.assertLess(abs(sizes[kbit] / kbit - 1), 0.15, line)

    def test_refusals(self):
        self.fails('encode', '--gop', '0', 'in.y4m', 'v.nut', code=2, file='encode', reason='gop')
        self.fails('encode', '--bframes', '2', 'in.y4m', 'v.nut', file='in.y4m', reason='bframes is 0, 1, 3 or 7')
        self.fails('encode', 'in.y4m', 'v.mp4', file='in.y4m')
        self.fails('encode', 'missing.mkv', 'v.nut', file='missing.mkv', reason='no such file')
        self.put('text.mkv', b'hello, this is no video\n' * 10)
        self.fails('encode', 'text.mkv', 'v.nut', file='text.mkv', reason='cannot be read')
        self.fails('decode', 'text.mkv', 'v.y4m', file='text.mkv', reason='cannot be read')
        self.put('cut.y4m', y4m(FRAMES)[:60])
        self.fails('encode', 'cut.y4m', 'v.nut', file='cut.y4m')
        self.ok('encode', 'in.y4m', 'v.nut')
        self.fails('decode', 'v.nut', 'v.png', code=2, file='decode', reason='y4m')
        for option in ('--realism=5', '--scale=1/2', '--region=8x8+0+0'):  # not silently without effect
            self.fails('decode', option, 'v.nut', 'v.y4m', code=2, file='decode', reason='pictures only')
        self.fails('decode', 'v.nut', 'v.nut', file='v.nut', reason='is the input file')
        self.fails('encode', '-f', 'y4m', 'in.y4m', 'out', code=2, file='encode')
        self.fails('encode', 'in.y4m', 'no/such/folder/v.nut', file='no/such/folder/v.nut')

    def test_frames(self):
        self.ok('encode', '--frames', '3', 'in.y4m', 'v.nut')
        self.assertEqual(len(frames_of(self.ok('decode', 'v.nut', '-'))[1]), 3)

    @unittest.skipUnless(shutil.which('ffmpeg') and shutil.which('ffprobe'), 'no ffmpeg command')
    def test_sound_and_subtitles(self):
        self.put('s.srt', b'1\n00:00:00,100 --> 00:00:00,500\nhello\n')
        subprocess.run(['ffmpeg', '-v', 'error', '-i', 'in.y4m', '-f', 'lavfi', '-i', 'sine=d=0.8', '-i', 's.srt',
                        '-map', '0', '-map', '1', '-map', '2', '-c:v', 'ffv1', '-c:a', 'pcm_s16le', 'in.mkv'],
                       cwd=self.folder, check=True)

        def sound(name):
            return subprocess.run(['ffmpeg', '-v', 'error', '-i', name, '-map', '0:a', '-f', 'md5', '-'],
                                  cwd=self.folder, check=True, stdout=subprocess.PIPE).stdout

        def kinds(name):
            out = subprocess.run(['ffprobe', '-v', 'quiet', '-show_entries', 'stream=codec_type', '-of', 'csv=p=0', name],
                                 cwd=self.folder, check=True, stdout=subprocess.PIPE).stdout
            return sorted(out.decode().split())
        self.ok('encode', 'in.mkv', 'v.mkv')
        self.assertEqual(kinds('v.mkv'), ['audio', 'subtitle', 'video'])
        self.assertEqual(sound('v.mkv'), sound('in.mkv'))
        self.fails('encode', 'in.mkv', 'v.avi', file='v.avi', reason='does not fit')
        self.ok('encode', '--video-only', 'in.mkv', 'v.avi')
        self.assertEqual(kinds('v.avi'), ['video'])
        self.ok('decode', 'v.mkv', 'back.mkv')
        self.assertEqual(kinds('back.mkv'), ['audio', 'subtitle', 'video'])
        self.assertEqual(sound('back.mkv'), sound('in.mkv'))
        decoded = subprocess.run(['ffmpeg', '-v', 'error', '-i', 'back.mkv', '-map', '0:v', '-f', 'rawvideo', '-'],
                                 cwd=self.folder, check=True, stdout=subprocess.PIPE).stdout
        self.assertEqual(decoded, b''.join(frames_of(self.ok('decode', 'v.mkv', '-'))[1]))

    @unittest.skipUnless(shutil.which('ffmpeg') and shutil.which('ffprobe'), 'no ffmpeg command')
    def test_rotation(self):
        def rotation(name):
            return subprocess.run(['ffprobe', '-v', 'quiet', '-show_entries', 'stream_side_data=rotation', '-of', 'csv=p=0',
                                   name], cwd=self.folder, check=True, stdout=subprocess.PIPE).stdout.strip()
        for step in (['-i', 'in.y4m', '-c:v', 'ffv1', 'in.mkv'],
                     ['-i', 'in.mkv', '-c', 'copy', '-strict', '-2', '-metadata:s:v', 'rotate=90', 'in.mov']):
            subprocess.run(['ffmpeg', '-v', 'error', '-y', *step], cwd=self.folder, check=True)
        turned = rotation('in.mov')
        if not turned:
            self.skipTest('this ffmpeg sets no rotation')
        self.ok('encode', 'in.mov', 'v.mov')
        self.ok('decode', 'v.mov', 'back.mov')
        self.assertEqual((rotation('v.mov'), rotation('back.mov')), (turned, turned))


if __name__ == '__main__':
    main()
