#!/usr/bin/env python3
"""Write the generated pictures of this folder, and SHA256SUMS of all pictures in it.

The output is the same on every machine: a random generator of its own, and PNG data that is stored, not compressed.
"""
import glob
import hashlib
import os
import struct
import zlib

import numpy as np

FOLDER = os.path.dirname(os.path.abspath(__file__))


def path(name):
    return os.path.join(FOLDER, name)


def write_png(name, pixels):
    height, width, channels = pixels.shape
    rows = np.zeros((height, 1 + width * channels), np.uint8)  # the first byte of a row: no filter
    rows[:, 1:] = pixels.reshape(height, -1)

    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))

    header = struct.pack('>IIBBBBB', width, height, 8, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    with open(path(name), 'wb') as f:
        f.write(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', zlib.compress(rows.tobytes(), 0)) +
                chunk(b'IEND', b''))


def write_pgm(name, pixels):
    with open(path(name), 'wb') as f:
        f.write(b'P5\n%d %d\n255\n' % (pixels.shape[1], pixels.shape[0]) + pixels.tobytes())


def noise(shape, seed):
    """Uniform bytes from a 32-bit linear congruential generator."""
    values, state = [], seed
    for _ in range(int(np.prod(shape))):
        state = (state * 1664525 + 1013904223) & 0xffffffff
        values.append(state >> 24)
    return np.array(values, np.uint8).reshape(shape)


def ramp(height, width):
    """Red grows to the right, green downwards, blue along the diagonal."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // max(width - 1, 1), y * 255 // max(height - 1, 1),
                     (x + y) * 255 // max(width + height - 2, 1)], 2).astype(np.uint8)


def screen(height, width):
    """A window with a title bar, lines of glyph-like 5x7 patterns and one coloured word."""
    out = np.full((height, width, 3), (192, 200, 210), np.uint8)
    out[4:-4, 4:-4] = 255
    out[4:16, 4:-4] = (30, 60, 150)
    out[4:-4, 4] = out[4:-4, -5] = out[-5, 4:-4] = 0
    glyphs = noise((26, 7, 5), 5) > 140
    letters = noise((64, 64), 9)
    for line, y in enumerate(range(20, height - 12, 10)):
        for column, x in enumerate(range(9, width - 13, 6)):
            letter = int(letters[line, column])
            if letter > 215:  # a blank between words
                continue
            colour = (200, 0, 0) if line == 2 and column < 8 else (0, 0, 0)
            out[y:y + 7, x:x + 5][glyphs[letter % 26]] = colour
    return out


def cut_out(height, width):
    """A ramp that is opaque in a disc with a soft rim, half transparent in its corners, else transparent."""
    y, x = np.mgrid[0:height, 0:width]
    distance = (x - width // 2) ** 2 + (y - height // 2) ** 2
    alpha = np.clip((380 - distance) * 2, 0, 255)
    alpha[distance > 900] = 128
    return np.dstack([ramp(height, width), alpha.astype(np.uint8)])


def main():
    y, x = np.mgrid[0:64, 0:64]
    write_png('gen_1x1.png', np.array([[[200, 30, 90]]], np.uint8))
    write_png('gen_7x13.png', ramp(13, 7))
    write_png('gen_64x1.png', ramp(1, 64))
    write_png('gen_1x300.png', ramp(300, 1))
    write_pgm('gen_gray_33x17.pgm', ramp(17, 33)[:, :, 2])
    write_png('gen_flat_48x40.png', np.full((40, 48, 3), (18, 120, 200), np.uint8))
    write_png('gen_checker_64x64.png', np.repeat(((x + y) % 2 * 255).astype(np.uint8)[:, :, None], 3, 2))
    write_png('gen_noise_65x63.png', noise((63, 65, 3), 1))
    write_png('gen_screen_160x96.png', screen(96, 160))
    write_png('gen_alpha_57x41.png', cut_out(41, 57))

    names = sorted(os.path.basename(p) for ending in ('png', 'pgm', 'ppm', 'jpg') for p in
                   glob.glob(path('*.' + ending)))
    with open(path('SHA256SUMS'), 'w') as f:
        for name in names:
            with open(path(name), 'rb') as picture:
                f.write('%s  %s\n' % (hashlib.sha256(picture.read()).hexdigest(), name))


if __name__ == '__main__':
    main()
