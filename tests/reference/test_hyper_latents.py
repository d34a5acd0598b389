"""hyper_latents against the numpy reference, and of predicted frames against the packets that an encoder writes:
python3 test_hyper_latents.py HYPER_LATENTS ENCODE_VIDEO MODEL PREDICTED"""
import os
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'tools', 'train'))
from hyper_payload import decode_hyper, read_varint
from integer import LATENT_BITS, Reference
from test_reference import padded_rgb, picture, write_pnm

LEVELS = (0, 333, 1008)
RGB24, WIDTH, HEIGHT, FRAMES, GOP, BFRAMES = 1, 130, 70, 9, 250, 0      # gop and bframes as an encoder has them by default
PREDICTED_FRAME = 10


def read_latents(data):
    """[(level, z)] of what hyper_latents wrote."""
    out, at = [], 0
    while at < len(data):
        rows, columns, channels, level = np.frombuffer(data, '<i4', 4, at).tolist()
        z = np.frombuffer(data, '<i2', rows * columns * channels, at + 16).reshape(rows, columns, channels)
        out.append((level, z))
        at += 16 + 2 * z.size
    return out


def painted(n):
    """Frame n of encode_video.c"""
    x, y, plane = np.arange(WIDTH)[:, None], np.arange(HEIGHT)[:, None, None], np.arange(3)
    square = x + 5 * n - 40
    u, v = 4 * x - 3 * n, 4 * y + n
    wave = np.abs(np.fmod(u * 3 + v, 256) - 128) + np.abs(np.fmod(v * 5 - u, 128)) // 2
    behind = wave + ((u >> 2) * (v >> 2) & 7) * 5 + plane * 20
    inside = (square >= 0) & (square < 14) & (y > 5) & (y < 19)
    return (np.where(inside, square * 11 + y * 7 + plane * 50, behind) & 255).astype(np.uint8)


def packets(path):
    with open(path, 'rb') as f:
        data = f.read()
    while data:
        size = int.from_bytes(data[:4], 'little')
        yield data[4:4 + size]
        data = data[4 + size:]


def hyper_of_packet(data):
    """Level and payload of the hyper latents of a predicted frame (docs/video.md, section 2)."""
    _, at = read_varint(data, 6)                # order
    if data[1] & 64:                            # size of the segments
        _, at = read_varint(data, at)
        _, at = read_varint(data, at)
    motion, at = read_varint(data, at)
    hyper, at = read_varint(data, at)
    return (data[2] >> 4 & 3) << 8 | data[3], data[at + motion:at + motion + hyper]


def pictures_differ(program, model, folder):
    reference = Reference(model)
    pictures = [picture(150, 70, 3, 1), picture(64, 200, 3, 2)]
    paths = [os.path.join(folder, '%d.ppm' % i) for i in range(len(pictures))]
    for path, a in zip(paths, pictures):
        write_pnm(path, a)
    got = read_latents(subprocess.run([program, model, ','.join('%d' % v for v in LEVELS), *paths], check=True, capture_output=True).stdout)
    bad = len(got) != len(pictures) * len(LEVELS)
    for i, a in enumerate(pictures):
        for level in LEVELS:
            z = reference.hyper_analyse(reference.analyse(padded_rgb(a), level)[0], level)
            found, values = got.pop(0)
            same = found == level and np.array_equal(values, z)
            print('picture %d, level %d: %s' % (i, level, 'equal' if same else 'differ'))
            bad += not same or not z.any()
    return bad


def frames_differ(program, encoder, model, predicted, folder):
    reference = Reference(predicted)
    paths = [os.path.join(folder, '%d.ppm' % i) for i in range(FRAMES)]
    for n, path in enumerate(paths):
        write_pnm(path, painted(n))
    bad = 0
    for level in LEVELS:
        coded, quality = os.path.join(folder, 'x.packets'), repr(level * 100 / 1008)
        subprocess.run([encoder, coded, model, predicted, *map(str, (RGB24, WIDTH, HEIGHT, FRAMES, GOP, BFRAMES)), quality], check=True)
        got = read_latents(subprocess.run([program, '-p', predicted, model, '%d' % level, *paths], check=True, capture_output=True).stdout)
        frames = [p for p in packets(coded) if p[0] == PREDICTED_FRAME]
        same, symbols = len(got) == len(frames) == FRAMES - 1, 0
        for (found, z), packet in zip(got, frames):
            told, hyper = hyper_of_packet(packet)
            decoded, symbol = decode_hyper(reference, hyper, z.shape[0], z.shape[1], told)
            same &= found == told and np.abs(decoded - z).max() <= 1 << LATENT_BITS - 1      # the nearest on the lattice of its mean
            symbols += np.count_nonzero(symbol)
        print('%d frames at level %d: %s, %d symbols not 0' % (len(frames), level, 'equal' if same else 'differ', symbols))
        bad += not same or not symbols
    return bad


def main():
    program, encoder, model, predicted = sys.argv[1:]
    with tempfile.TemporaryDirectory() as d:
        bad = pictures_differ(program, model, d) + frames_differ(program, encoder, model, predicted, d)
    sys.exit(1 if bad else 0)


if __name__ == '__main__':
    main()
