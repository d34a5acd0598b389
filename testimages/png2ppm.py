#!/usr/bin/env python3
"""png2ppm.py IN.png OUT.ppm: for programs that do not read PNG. 8 bits, gray or RGB, not interlaced."""
import struct
import sys
import zlib


def unfilter(data, height, row_size, step):
    out, above = bytearray(), bytearray(row_size)
    for y in range(height):
        start = y * (row_size + 1)
        kind, row = data[start], bytearray(data[start + 1:start + 1 + row_size])
        for i in range(row_size):
            left = row[i - step] if i >= step else 0
            corner = above[i - step] if i >= step else 0
            if kind == 1:
                guess = left
            elif kind == 2:
                guess = above[i]
            elif kind == 3:
                guess = (left + above[i]) // 2
            elif kind == 4:
                p = left + above[i] - corner
                guess = min((abs(p - left), 0, left), (abs(p - above[i]), 1, above[i]), (abs(p - corner), 2, corner))[2]
            else:
                guess = 0
            row[i] = (row[i] + guess) & 255
        out += row
        above = row
    return bytes(out)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], 'rb') as f:
        data = f.read()
    position, packed, header = 8, b'', None
    while position < len(data):
        size, kind = struct.unpack('>I4s', data[position:position + 8])
        body = data[position + 8:position + 8 + size]
        if kind == b'IHDR':
            header = struct.unpack('>IIBBBBB', body)
        elif kind == b'IDAT':
            packed += body
        position += size + 12
    if data[:4] != b'\x89PNG' or not header or header[2] != 8 or header[3] not in (0, 2) or header[6]:
        sys.exit('%s: not a PNG of 8 bits, gray or RGB, not interlaced' % sys.argv[1])
    width, height = header[:2]
    channels = 3 if header[3] == 2 else 1
    pixels = unfilter(zlib.decompress(packed), height, width * channels, channels)
    with open(sys.argv[2], 'wb') as f:
        f.write(b'P%d\n%d %d\n255\n' % (6 if channels == 3 else 5, width, height) + pixels)


if __name__ == '__main__':
    main()
