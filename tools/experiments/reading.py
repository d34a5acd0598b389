"""Can a machine still read it? Accuracy of text detection and recognition on decoded pictures, against bits per pixel.

python3 reading.py -q 10,30,50,70 -o out                  generated pages, whose text is known
python3 reading.py -q 10,30,50,70 -o out PICTURES...      pictures with text: against what is read from the original

The networks are those of PP-OCR (detection, direction, recognition) as they lie in the wheel rapidocr-onnxruntime; nothing
is downloaded when they run. Accuracy is 1 - edit distance / length over the characters of a page in reading order, without
spaces and case. Pages are made of random words in the font that Pillow carries, 11 to 26 pixels high, in colours of
different contrast on a textured ground.
"""
import argparse
import json
import os

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import coders
import plot

WORDS = ('river stone market window yellow garden silver train morning paper bridge cotton forest thunder candle mirror '
         'harbor pocket winter engine orange ladder copper island button valley hammer rocket basket pepper').split()


def page(seed, width=512, height=384):
    """(picture, lines of text)"""
    rng = np.random.default_rng(seed)
    small = rng.uniform(120, 255, (6, 8, 3)).astype(np.uint8)
    ground = np.asarray(Image.fromarray(small).resize((width, height), Image.BICUBIC)).astype(float)
    ground = (ground + rng.normal(0, 4, ground.shape)).clip(0, 255).astype(np.uint8)
    picture, lines, y = Image.fromarray(ground), [], 12
    draw = ImageDraw.Draw(picture)
    while y < height - 40:
        size = int(rng.integers(11, 27))
        font = ImageFont.load_default(size)
        text = ''
        while True:
            longer = (text + ' ' + str(rng.choice(WORDS))).strip()
            if draw.textlength(longer, font) > width - 40:
                break
            text = longer
        draw.text((16, y), text, tuple(int(v) for v in rng.integers(0, 90, 3)), font)
        lines.append(text)
        y += int(size * 1.5) + 8
    return np.asarray(picture), lines


def edit_distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        last, row[0] = row[0], i + 1
        for j, y in enumerate(b):
            last, row[j + 1] = row[j + 1], min(last + (x != y), row[j] + 1, row[j + 1] + 1)
    return row[-1]


def plain(lines):
    return ''.join(''.join(lines).lower().split())


class Reader:
    def __init__(self):
        from rapidocr_onnxruntime import RapidOCR
        self.engine = RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1)

    def read(self, picture):
        """Lines from top to bottom; boxes whose middles are at the same height count as one line."""
        found, _ = self.engine(np.ascontiguousarray(picture[..., ::-1]))
        boxes = sorted((np.mean([p[1] for p in box]), np.mean([p[0] for p in box]), np.ptp([p[1] for p in box]), text)
                       for box, text, _ in found or [])
        lines = []
        for y, x, height, text in boxes:
            if lines and abs(lines[-1][0][0] - y) < height / 2:
                lines[-1].append((y, x, text))
            else:
                lines.append([(y, x, text)])
        return [' '.join(t for _, _, t in sorted(line, key=lambda v: v[1])) for line in lines]


def accuracy(truth, read):
    return max(0.0, 1 - edit_distance(plain(truth), plain(read)) / max(1, len(plain(truth))))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    coders.add_options(p)
    p.add_argument('-q', '--qualities', default='10,30,50,70')
    p.add_argument('--pages', type=int, default=4, help='generated pages, where no pictures are given')
    p.add_argument('-o', '--output', required=True, help='folder')
    p.add_argument('pictures', nargs='*')
    args = p.parse_args()
    os.makedirs(args.output, exist_ok=True)
    reader = Reader()
    if args.pictures:
        pictures = [coders.read_picture(f) for f in coders.find_pictures(args.pictures)]
        pairs = [(picture, reader.read(picture)) for picture in pictures]
        pairs = [(picture, lines) for picture, lines in pairs if plain(lines)]
        if not pairs:
            raise SystemExit('no text was found in the originals')
        print('%d pictures with %d characters' % (len(pairs), sum(len(plain(lines)) for _, lines in pairs)))
    else:
        pairs = [page(seed) for seed in range(args.pages)]
        print('originals      accuracy %.4f' % np.mean([accuracy(lines, reader.read(picture)) for picture, lines in pairs]))
    pixels = sum(picture.shape[0] * picture.shape[1] for picture, _ in pairs)
    results = {}
    for name, codec in coders.chosen(args).items():
        for quality in map(float, args.qualities.split(',')):
            coded = [codec.encode(picture, quality) for picture, _ in pairs]
            right = [accuracy(lines, reader.read(codec.decode(c))) for c, (_, lines) in zip(coded, pairs)]
            results.setdefault(name, []).append(
                dict(quality=quality, bpp=8 * sum(map(len, coded)) / pixels, accuracy=float(np.mean(right))))
            print('%-6s q %5.1f  %.4f bpp  accuracy %.4f' % (name, quality, results[name][-1]['bpp'], np.mean(right)), flush=True)
    with open(os.path.join(args.output, 'reading.json'), 'w') as f:
        json.dump(results, f, indent=1)
    plot.line_chart(os.path.join(args.output, 'reading.svg'), 'Characters read from decoded pictures', 'bits per pixel', 'accuracy',
                    {n: [(r['bpp'], r['accuracy']) for r in rows] for n, rows in results.items()})


if __name__ == '__main__':
    main()
