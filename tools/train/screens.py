"""Pictures of screens that never were: screens.py COUNT FOLDER [--photos FOLDER] [--fonts FOLDER] [--seed N]

Windows on plain or shaded grounds, with text of random words in several sizes and colours, smooth or with hard edges, tables,
buttons, icons and diagrams, and now and then a photograph. They bring what photographs lack: strokes of one pixel, flat
areas, few colours. Each is drawn from --seed and its number alone. Pillow and numpy; without --fonts Pillow's own font.
"""
import argparse
import os

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from folders import files_below

WIDTH, HEIGHT = 1280, 896
LETTERS = 'eeeeeeeeeeeetttttttttaaaaaaaaooooooooiiiiiiinnnnnnnsssssshhhhhhrrrrrrdddd' \
          'lllluuucccmmmwwffggyyppbbvkjxqz'
SIGNS = '.,;:()[]{}<>=+-*/_#"\'!?&|$%@0123456789'


def colour(rng, dark):
    """Of a ground; or of what is to be seen on it."""
    v = rng.integers(0, 70) if dark else rng.integers(190, 256)
    tint = rng.integers(-30, 31, 3) if rng.random() < .4 else 0
    return tuple(int(c) for c in np.clip(v + np.broadcast_to(tint, 3), 0, 255))


def bright(rng):
    return tuple(int(c) for c in rng.integers(0, 256, 3))


def word(rng):
    letters = ''.join(rng.choice(list(LETTERS), rng.integers(1, 11)))
    kind = rng.random()
    if kind < .15:
        letters = letters.capitalize()
    elif kind < .2:
        letters = letters.upper()
    elif kind < .3:
        letters = ''.join(rng.choice(list(SIGNS), rng.integers(1, 5)))
    return letters + (rng.choice(list('.,;:')) if rng.random() < .1 else '')


class Screen:
    def __init__(self, seed, fonts, photos):
        self.rng = np.random.default_rng(seed)
        self.fonts, self.photos = fonts, photos
        self.image = Image.new('RGB', (WIDTH, HEIGHT))
        self.draw = ImageDraw.Draw(self.image)

    def font(self, low=8, high=26):
        size = int(low * (high / low) ** self.rng.random())
        if not self.fonts:
            return ImageFont.load_default(size), size
        return ImageFont.truetype(self.fonts[self.rng.integers(len(self.fonts))], size), size

    def box(self, x0, y0, x1, y1, least=40):
        """A random part of a rectangle."""
        w = int(self.rng.integers(min(least, x1 - x0), x1 - x0 + 1))
        h = int(self.rng.integers(min(least, y1 - y0), y1 - y0 + 1))
        x, y = int(self.rng.integers(x0, x1 - w + 1)), int(self.rng.integers(y0, y1 - h + 1))
        return x, y, x + w, y + h

    def ground(self, box, dark):
        self.draw.rectangle(box, colour(self.rng, dark))
        if self.rng.random() < .25:                # shaded from top to bottom
            a, b = np.array(colour(self.rng, dark)), np.array(colour(self.rng, dark))
            for y in range(box[1], box[3]):
                share = (y - box[1]) / max(1, box[3] - box[1] - 1)
                self.draw.line((box[0], y, box[2] - 1, y), tuple(int(v) for v in np.round(a + share * (b - a))))

    def text(self, box, dark):
        font, size = self.font()
        self.draw.fontmode = '1' if self.rng.random() < .2 else 'L'
        ink = colour(self.rng, not dark)
        pitch = int(size * self.rng.uniform(1.15, 1.7))
        code = self.rng.random() < .4              # indented lines, words of many colours
        inks = [ink] + [bright(self.rng) for _ in range(4)]
        for y in range(box[1] + 2, box[3] - size, pitch):
            x = box[0] + 4 + (size * 2 * int(self.rng.integers(0, 4)) if code else 0)
            end = box[2] if not code and self.rng.random() < .85 else x + int(self.rng.integers(0, box[2] - box[0] + 1))
            while True:
                w = word(self.rng)
                wide = int(font.getlength(w))
                if x + wide > min(end, box[2]):
                    break
                self.draw.text((x, y), w, inks[self.rng.integers(5)] if code else ink, font)
                x += wide + max(2, size // 3)

    def table(self, box, dark):
        font, size = self.font(8, 16)
        ink, line = colour(self.rng, not dark), bright(self.rng)
        wide, high = int(self.rng.integers(40, 140)), int(size * self.rng.uniform(1.3, 2.2))
        for y in range(box[1], box[3], high):
            self.draw.line((box[0], y, box[2] - 1, y), line)
            for x in range(box[0], box[2] - wide, wide):
                if y + high < box[3]:
                    digits = '%.*f' % (int(self.rng.integers(0, 4)), 10.0 ** self.rng.uniform(-1, 5))
                    self.draw.text((x + 3, y + 2), digits if self.rng.random() < .6 else word(self.rng)[:wide // size], ink, font)
        for x in range(box[0], box[2], wide):
            self.draw.line((x, box[1], x, box[3] - 1), line)

    def icons(self, box, dark):
        side = int(self.rng.integers(12, 49))
        for y in range(box[1] + 4, box[3] - side, side + int(self.rng.integers(4, 20))):
            for x in range(box[0] + 4, box[2] - side, side + 8):
                shape = self.rng.integers(4)
                at, fill = (x, y, x + side, y + side), bright(self.rng)
                line = colour(self.rng, not dark) if self.rng.random() < .5 else None
                if shape == 0:
                    self.draw.rectangle(at, fill, line)
                elif shape == 1:
                    self.draw.ellipse(at, fill, line)
                elif shape == 2:
                    self.draw.rounded_rectangle(at, side // 4, fill, line)
                else:
                    points = self.rng.integers(0, side + 1, (int(self.rng.integers(3, 7)), 2))
                    self.draw.polygon([(x + int(a), y + int(b)) for a, b in points], fill, line)

    def diagram(self, box, dark):
        left, top, right, bottom = box
        ink = colour(self.rng, not dark)
        for y in np.linspace(top, bottom - 1, int(self.rng.integers(3, 10))):
            self.draw.line((left, int(y), right, int(y)), tuple((np.array(ink) + 128) // 2))
        self.draw.line((left, top, left, bottom), ink)
        self.draw.line((left, bottom, right, bottom), ink)
        if self.rng.random() < .4:                 # bars
            wide = int(self.rng.integers(4, 30))
            fill = bright(self.rng)
            for x in range(left + 4, right - wide, wide + int(self.rng.integers(1, 12))):
                self.draw.rectangle((x, int(self.rng.integers(top, bottom)), x + wide, bottom), fill)
        else:
            for _ in range(self.rng.integers(1, 5)):
                x = np.arange(left, right, int(self.rng.integers(1, 12)))
                y = np.cumsum(self.rng.normal(0, 1, len(x)))
                y = top + (y - y.min()) / max(np.ptp(y), 1e-9) * (bottom - top)
                self.draw.line([(int(a), int(b)) for a, b in zip(x, y)], bright(self.rng), int(self.rng.integers(1, 4)))

    def photograph(self, box, dark):
        if not self.photos:
            return self.icons(box, dark)
        photo = Image.open(self.photos[self.rng.integers(len(self.photos))]).convert('RGB')
        self.image.paste(photo.resize((box[2] - box[0], box[3] - box[1]), Image.LANCZOS), box[:2])

    def window(self, box):
        dark = self.rng.random() < .4
        self.ground(box, dark)
        if self.rng.random() < .8:
            self.draw.rectangle((box[0], box[1], box[2] - 1, box[3] - 1), None, bright(self.rng))
        if self.rng.random() < .7:                 # a bar with a title
            font, size = self.font(10, 18)
            self.draw.rectangle((box[0] + 1, box[1] + 1, box[2] - 2, box[1] + size + 8), bright(self.rng))
            self.draw.text((box[0] + 6, box[1] + 3), ' '.join(word(self.rng) for _ in range(3)), colour(self.rng, self.rng.random() < .5), font)
            box = (box[0], box[1] + size + 9, box[2], box[3])
        kinds = (self.text, self.table, self.icons, self.diagram, self.photograph)
        for _ in range(self.rng.integers(1, 4)):
            part = self.box(box[0] + 2, box[1] + 2, box[2] - 2, box[3] - 2, 80) if self.rng.random() < .5 else box
            kinds[self.rng.choice(5, p=(.55, .15, .12, .12, .06))](part, dark)

    def paint(self):
        self.window((0, 0, WIDTH, HEIGHT))
        for _ in range(self.rng.integers(0, 6)):
            self.window(self.box(0, 0, WIDTH, HEIGHT, 160))
        return self.image


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('count', type=int)
    p.add_argument('folder')
    p.add_argument('--photos', help='folder of photographs to show')
    p.add_argument('--fonts', help='folder of TrueType fonts')
    p.add_argument('--seed', type=int, default=1)
    args = p.parse_args()
    fonts, photos = files_below(args.fonts or '', ('.ttf', '.otf')), files_below(args.photos or '')
    os.makedirs(args.folder, exist_ok=True)
    for i in range(args.count):
        Screen((args.seed, i), fonts, photos).paint().save(os.path.join(args.folder, 'screen%04d.png' % i))


if __name__ == '__main__':
    main()
