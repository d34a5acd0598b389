"""Draw comparison.png: python3 comparison.py MICA PICTURE QUALITY OUT.png [X Y SIZE] (needs Pillow)

The original, JPEG (libjpeg, optimised) at the largest quality that is not bigger than mica's file, and mica; a crop of
each, enlarged twice, with bytes and PSNR over the whole picture.
"""
import io
import os
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image, ImageDraw


def psnr(a, b):
    d = np.asarray(a, float) - np.asarray(b, float)
    return 10 * np.log10(255 ** 2 / (d ** 2).mean())


def main():
    mica, path, quality, out = sys.argv[1:5]
    original = Image.open(path).convert('RGB')
    x, y, size = (int(v) for v in sys.argv[5:8]) if len(sys.argv) > 7 else (0, 0, min(original.size))
    with tempfile.TemporaryDirectory() as d:
        coded, decoded = os.path.join(d, 'x.mica'), os.path.join(d, 'x.png')
        subprocess.run([mica, 'encode', '-q', quality, path, coded], check=True)
        subprocess.run([mica, 'decode', coded, decoded], check=True)
        ours, ours_bytes = Image.open(decoded).convert('RGB'), os.path.getsize(coded)
    best = None
    for q in range(1, 96):
        f = io.BytesIO()
        original.save(f, 'JPEG', quality=q, optimize=True, progressive=True)
        if best is None or len(f.getvalue()) <= ours_bytes:
            best = f.getvalue()
    jpeg = Image.open(io.BytesIO(best)).convert('RGB')
    panels = [(original, 'original'), (jpeg, 'JPEG, %d bytes, %.2f dB' % (len(best), psnr(original, jpeg))),
              (ours, 'mica, %d bytes, %.2f dB' % (ours_bytes, psnr(original, ours)))]
    edge, text = size * 2, 24
    sheet = Image.new('RGB', (3 * edge + 2 * 8, edge + text), 'white')
    for i, (picture, label) in enumerate(panels):
        crop = picture.crop((x, y, x + size, y + size)).resize((edge, edge), Image.NEAREST)
        sheet.paste(crop, (i * (edge + 8), text))
        ImageDraw.Draw(sheet).text((i * (edge + 8) + 2, 6), label, fill='black')
    sheet.save(out, optimize=True)


if __name__ == '__main__':
    main()
