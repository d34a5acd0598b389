"""Training crops from a folder of pictures, held as one memory-mapped uint8 file so that a crop costs a small read."""
import hashlib
import os

import numpy as np
import torch
import torch.nn.functional as F

SUFFIXES = ('.jpg', '.jpeg', '.png', '.ppm', '.webp')


def pack(folder, out):
    """Decode every picture below folder into out/train.bin (RGB, row-major) and out/train_index.npz (N x 3 shapes)."""
    from PIL import Image
    paths = sorted(os.path.join(d, f) for d, _, files in os.walk(folder) for f in files
                   if f.lower().endswith(SUFFIXES))
    if not paths:
        raise SystemExit('%s: no pictures' % folder)
    os.makedirs(out, exist_ok=True)
    shapes, digest = [], hashlib.sha256()
    with open(os.path.join(out, 'train.bin'), 'wb') as f:
        for path in paths:
            a = np.asarray(Image.open(path).convert('RGB'))
            shapes.append(a.shape)
            digest.update(a.tobytes())
            f.write(a.tobytes())
    np.savez(os.path.join(out, 'train_index.npz'), shapes=np.array(shapes), sha256=digest.hexdigest())
    print('%d pictures, %.0f MP, sha256 %s' % (len(shapes), sum(h * w for h, w, _ in shapes) / 1e6, digest.hexdigest()))


class Crops:
    """Random square crops: pictures are drawn by the square root of their area, a third of the crops are halved in
    size first (that hides JPEG artefacts and adds detail per pixel), with mirror and transposition."""

    def __init__(self, packed, seed, halve=0.35):
        index = np.load(os.path.join(packed, 'train_index.npz'))
        self.shapes = index['shapes']
        size = self.shapes.prod(1)
        self.offset = np.r_[0, np.cumsum(size)]
        self.pixels = np.memmap(os.path.join(packed, 'train.bin'), dtype=np.uint8, mode='r')
        p = (self.shapes[:, 0] * self.shapes[:, 1]).astype(float) ** 0.5
        self.p = p / p.sum()
        self.rng = np.random.default_rng(seed)
        self.halve = halve

    def crop(self, size):
        rng = self.rng
        while True:
            i = rng.choice(len(self.shapes), p=self.p)
            h, w, _ = self.shapes[i]
            k = 2 if rng.random() < self.halve and min(h, w) >= 2 * size else 1
            if min(h, w) < size * k:
                continue
            s = size * k
            y, x = rng.integers(0, h - s + 1), rng.integers(0, w - s + 1)
            a = self.pixels[self.offset[i]:self.offset[i + 1]].reshape(h, w, 3)[y:y + s, x:x + s]
            t = torch.from_numpy(np.ascontiguousarray(a)).permute(2, 0, 1)[None].float()
            if k == 2:
                t = F.avg_pool2d(t, 2).round_()
            if rng.random() < .5:
                t = t.flip(3)
            if rng.random() < .2:
                t = t.transpose(2, 3)
            return t

    def batch(self, count, size):
        """(count, 3, size, size) float in [-1, 1], channels_last."""
        t = torch.cat([self.crop(size) for _ in range(count)])
        return t.mul_(2 / 255).sub_(1).contiguous(memory_format=torch.channels_last)


if __name__ == '__main__':
    import sys
    pack(sys.argv[1], sys.argv[2])
