"""Pictures for the tests, made and read with nothing but the standard library.

A picture is (width, height, channels, samples): 8-bit samples, interleaved, as bytes.
"""
import random
import struct
import zlib


def noise(width, height, channels, seed=1):
    return width, height, channels, random.Random(seed).randbytes(width * height * channels)


def smooth(width, height, channels):
    """Something a lossy codec can do well."""
    out = bytearray()
    for y in range(height):
        for x in range(width):
            for c in range(channels):
                disc = (x - width / 2) ** 2 + (y - height / 2) ** 2 < (min(width, height) / 3) ** 2
                out.append(min(255, int(40 + 120 * x / width + 60 * y / height * (c + 1) / 3 + 30 * disc)))
    return width, height, channels, bytes(out)


def to_rgb(picture):
    width, height, channels, samples = picture
    if channels == 3:
        return picture
    return width, height, 3, bytes(v for v in samples for _ in range(3))


def pnm(picture):
    width, height, channels, samples = picture
    return b'P%d\n%d %d\n255\n' % (5 if channels == 1 else 6, width, height) + samples


def plain_pnm(picture, maxval=255):
    width, height, channels, samples = picture
    lines = [b'P%d' % (2 if channels == 1 else 3), b'# a comment', b'%d %d' % (width, height), b'%d' % maxval]
    lines += [b'%d' % v for v in samples]
    return b'\n'.join(lines)


def pam(picture, tuple_type=None, maxval=255):
    """Here `channels` may also be 2 or 4, for alpha."""
    width, height, channels, samples = picture
    head = b'P7\n# a comment\nWIDTH %d\nHEIGHT %d\nDEPTH %d\nMAXVAL %d\n' % (width, height, channels, maxval)
    if tuple_type:
        head += b'TUPLTYPE %s\n' % tuple_type
    return head + b'ENDHDR\n' + samples


def read_pnm(data):
    """P5, P6 and P7 as mica writes them."""
    if data[:2] == b'P7':
        head, samples = data.split(b'ENDHDR\n', 1)
        fields = dict(line.split(b' ', 1) for line in head.splitlines()[1:])
        assert fields[b'MAXVAL'] == b'255'
        return int(fields[b'WIDTH']), int(fields[b'HEIGHT']), int(fields[b'DEPTH']), samples
    magic, size, maxval, samples = data.split(b'\n', 3)
    assert maxval == b'255'
    width, height = map(int, size.split())
    return width, height, {b'P5': 1, b'P6': 3}[magic], samples


def chunk(name, data):
    return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))


GRAY, RGB, PALETTE, GRAY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
CHANNELS = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGB_ALPHA: 4}

# Adam7: first column and row, steps.
PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def png(width, height, kind, depth, values, interlaced=False, before_data=b''):
    """values: integers of `depth` bits, interleaved. before_data: chunks such as PLTE and tRNS."""
    channels = CHANNELS[kind]

    def rows(x0, y0, dx, dy):
        out = b''
        for y in range(y0, height, dy):
            row = []
            for x in range(x0, width, dx):
                row += values[(y * width + x) * channels:(y * width + x + 1) * channels]
            if not row:
                continue
            if depth == 16:
                packed = struct.pack('>%dH' % len(row), *row)
            else:
                bits = ''.join(format(v, '0%db' % depth) for v in row)
                bits += '0' * (-len(bits) % 8)
                packed = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))
            out += b'\0' + packed
        return out
    raw = b''.join(rows(*p) for p in PASSES) if interlaced else rows(0, 0, 1, 1)
    header = struct.pack('>IIBBBBB', width, height, depth, kind, 0, 0, int(interlaced))
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + before_data + chunk(b'IDAT', zlib.compress(raw)) +
            chunk(b'IEND', b''))


def picture_png(picture, **more):
    width, height, channels, samples = picture
    return png(width, height, GRAY if channels == 1 else RGB, 8, list(samples), **more)
