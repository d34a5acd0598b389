"""Bad input: exit code 1, one line with file and reason, nothing left behind; never a crash."""
import os
import random

import mica_case
import pictures


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def read_varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 128:
            return value, at


HEADER = 14  # magic, two version numbers, model id: docs/bitstream.md
VERSION = 4
MODEL_ID = 6


def sections(stream):
    out, at = [], HEADER
    while at < len(stream):
        kind = stream[at]
        size, at = read_varint(stream, at + 1)
        out.append((kind, stream[at:at + size]))
        at += size + 4
    return out


def build(head, parts):
    out = head
    for kind, payload in parts:
        out += bytes([kind]) + varint(len(payload)) + payload + crc32c(bytes([kind]) + payload).to_bytes(4, 'little')
    return out


class Errors(mica_case.MicaCase):
    def setUp(self):
        super().setUp()
        self.put('in.ppm', pictures.pnm(pictures.smooth(24, 20, 3)))
        self.ok('encode', '-q', '40', 'in.ppm', 'good.mica')
        self.good = self.get('good.mica')
        os.unlink(self.path('in.ppm'))

    def refused(self, data, reason):
        """Every command that reads mica files refuses this one."""
        self.put('bad.mica', data)
        for output in ('out.png', 'out.jpg', 'out.ppm', 'out.md5', '-'):
            self.fails('decode', 'bad.mica', output, file='bad.mica', reason=reason)
        self.fails('decode', '-', 'out.png', stdin=data, file='standard input', reason=reason)

    def test_helpers(self):
        self.assertEqual(build(self.good[:HEADER], sections(self.good)), self.good)

    def test_missing_and_folders(self):
        os.mkdir(self.path('folder'))
        for command in (['encode', 'NAME', 'out.mica'], ['decode', 'NAME', 'out.png'], ['info', 'NAME'],
                        ['compare', 'NAME', 'good.mica'], ['compare', 'good.mica', 'NAME'], ['model', 'info', 'NAME'],
                        ['model', 'verify', 'NAME'], ['bench', 'NAME'], ['decode', '--model', 'NAME', 'good.mica', 'o.png']):
            for name, reason in (('missing', 'No such file'), ('folder', 'directory'), ('', 'No such file')):
                self.fails(*[name if word == 'NAME' else word for word in command], file=name, reason=reason)

    def test_empty(self):
        self.put('empty', b'')
        for command in (['encode', 'empty', 'out.mica'], ['decode', 'empty', 'out.png'], ['info', 'empty'],
                        ['compare', 'good.mica', 'empty'], ['model', 'verify', 'empty'], ['encode', '/dev/null', 'o.mica']):
            file = 'empty' if 'empty' in command else '/dev/null'
            self.fails(*command, file=file, reason='empty')
        self.fails('encode', '-', 'out.mica', stdin=b'', file='standard input', reason='empty')

    def test_unknown_format(self):
        for data in (b'x', b'P', b'P6', b'P8 1 1 255 a', b'GIF89a' + bytes(50), bytes(1000), b'\xff\xd8', b'\x89PNG',
                     random.Random(1).randbytes(1000)):
            self.put('bad', data)
            self.fails('encode', 'bad', 'out.mica', file='bad', reason='unknown format')
            self.fails('compare', 'good.mica', 'bad', file='bad', reason='unknown format')
        self.fails('encode', 'good.mica', 'out.mica', file='good.mica', reason='mica file already')

    def test_one_line_for_odd_names(self):
        self.fails('info', 'two\nlines', file='two?lines', reason='No such file')
        self.fails('info', 'x' * 5000, file='x' * 5000, reason='too long')

    def test_wrong_magic(self):
        self.refused(b'\x89PNG\r\n\x1a\n' + bytes(100), 'not a mica file')
        for i in range(4):
            bad = bytearray(self.good)
            bad[i] ^= 0x20
            self.refused(bytes(bad), 'not a mica file')

    def test_newer_version(self):
        for at, value in ((VERSION, 1), (VERSION, 255), (VERSION + 1, self.good[VERSION + 1] + 1)):
            bad = bytearray(self.good)
            bad[at] = value
            self.refused(bytes(bad), 'version')
            self.fails('info', 'bad.mica', file='bad.mica', reason='version')

    def test_wrong_model(self):
        bad = bytearray(self.good)
        bad[MODEL_ID] ^= 255
        self.refused(bytes(bad), 'model')
        # It is still a sound file, of which info can tell that much.
        info = self.json('info', '--json', 'bad.mica')
        self.assertIsNone(info['model_name'])
        self.assertEqual(info['model_id'], bytes(bad[MODEL_ID:HEADER]).hex())
        self.assertIn('--model', self.ok('info', 'bad.mica').decode())
        self.fails('decode', '--model', 'S', 'bad.mica', 'out.png', file='bad.mica', reason='model')

    def test_bad_model_file(self):
        for data in (b'x', bytes(1000), self.good):
            self.put('bad.model', data)
            self.fails('model', 'verify', 'bad.model', file='bad.model')
            self.fails('decode', '--model', 'bad.model', 'good.mica', 'out.png', file='bad.model')
            self.fails('encode', '--model=bad.model', 'good.mica', 'out.mica', file='bad.model')
        weights = os.path.join(mica_case.ROOT, 'models', 'weights', 's.mmodel')
        if os.path.exists(weights):
            with open(weights, 'rb') as f:
                model = bytearray(f.read())
            for size in (8, 100, len(model) // 2, len(model) - 1):
                self.put('bad.model', bytes(model[:size]))
                self.fails('model', 'verify', 'bad.model', file='bad.model')
            model[len(model) // 2] ^= 1
            self.put('bad.model', bytes(model))
            self.fails('model', 'verify', 'bad.model', file='bad.model')
            self.fails('model', 'info', 'bad.model', file='bad.model')

    def test_absurd_dimensions(self):
        kind, payload = sections(self.good)[0]
        self.assertEqual(payload[:2], bytes((24, 20)))
        for width, height in ((0, 20), (24, 0), (65536, 1), (1, 65536), (2 ** 32 - 1, 2 ** 32 - 1), (65535, 65535),
                              (20000, 20000)):
            bad = build(self.good[:HEADER], [(kind, varint(width) + varint(height) + payload[2:]), *sections(self.good)[1:]])
            self.put('bad.mica', bad)
            text = self.fails('decode', 'bad.mica', 'out.png', file='bad.mica')
            self.assertRegex(text, 'dimension|pixels|range|large|limit', (width, height))
        # Within the limits, but the sections hold less than such a picture needs.
        bad = build(self.good[:HEADER], [(kind, varint(3000) + varint(3000) + payload[2:]), *sections(self.good)[1:]])
        self.put('bad.mica', bad)
        self.fails('decode', 'bad.mica', 'out.png', file='bad.mica')

    def test_sections(self):
        parts = sections(self.good)
        head = self.good[:HEADER]
        for i in range(len(parts)):
            self.put('bad.mica', build(head, parts[:i] + parts[i + 1:]))
            self.fails('decode', 'bad.mica', 'out.png', file='bad.mica')
            self.put('bad.mica', build(head, parts + [parts[i]]))
            self.fails('decode', 'bad.mica', 'out.png', file='bad.mica')
            for payload in (b'', parts[i][1][:-1], parts[i][1] + b'\0' if i else b'\1'):
                self.put('bad.mica', build(head, parts[:i] + [(parts[i][0], payload)] + parts[i + 1:]))
                self.fails('decode', 'bad.mica', 'out.png', file='bad.mica')
        self.put('bad.mica', build(head, parts + [(0x7f, b'new')]))
        self.fails('decode', 'bad.mica', 'out.png', file='bad.mica')
        self.put('more.mica', build(head, parts + [(0xf0, b'optional')]))
        self.assertEqual(self.ok('decode', '--md5', 'more.mica'), self.ok('decode', '--md5', 'good.mica'))

    def test_every_truncation(self):
        for size in range(1, len(self.good)):
            self.put('bad.mica', self.good[:size])
            self.fails('decode', 'bad.mica', 'out.png', file='bad.mica')
        self.put('bad.mica', self.good + b'\0')
        self.fails('decode', 'bad.mica', 'out.png', file='bad.mica')

    def test_every_byte_changed(self):
        for at in range(len(self.good)):
            bad = bytearray(self.good)
            bad[at] ^= 1 << at % 8
            self.put('bad.mica', bytes(bad))
            self.fails('decode', 'bad.mica', 'out.png', file='bad.mica')

    def test_damage_under_a_good_checksum(self):
        """The decoder notices by itself, or decodes to something; it does not crash."""
        randomness = random.Random(7)
        for _ in range(60):
            parts = sections(self.good)
            i = randomness.randrange(len(parts))
            payload = bytearray(parts[i][1])
            payload[randomness.randrange(len(payload))] ^= 1 << randomness.randrange(8)
            parts[i] = parts[i][0], bytes(payload)
            self.put('bad.mica', build(self.good[:HEADER], parts))
            before = sorted(os.listdir(self.folder))
            result = self.mica('decode', 'bad.mica', 'out.ppm')
            self.assertIn(result.returncode, (0, 1), result.stderr)
            self.assertEqual(result.stderr.count(b'\n'), result.returncode)
            if result.returncode == 0:
                os.unlink(self.path('out.ppm'))
            self.assertEqual(sorted(os.listdir(self.folder)), before)

    def test_compare(self):
        self.put('other.pgm', b'P5 2 1 255\nab')
        self.fails('compare', 'good.mica', 'other.pgm', file='other.pgm', reason='2x1 differs from the 24x20')


if __name__ == '__main__':
    mica_case.main()
