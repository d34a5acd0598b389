"""Training crops from a folder of pictures, held as one memory-mapped uint8 file so that a crop costs a small read."""
import hashlib
import os

import numpy as np
import torch
import torch.nn.functional as F

from folders import files_below


def pack(folder, out):
    """Decode every picture below folder into out/train.bin (RGB, row-major) and out/train_index.npz (N x 3 shapes)."""
    from PIL import Image
    paths = files_below(folder)
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
    """Random square crops, turned and mirrored in all eight ways: pictures are drawn by the square root of their area. A share
    `halve` of the crops are halved in size first, a share `reduce` of the others reduced to a random size between half and all of it.

    On a CPU the pixels stay in the memory-mapped file. For an accelerator all of them are moved to its memory once, as
    uint8, and a batch is one gather there: loading then costs the processor a few hundred random numbers a step."""

    def __init__(self, packed, seed, halve=0.0, device='cpu', reduce=0.0):
        index = np.load(os.path.join(packed, 'train_index.npz'))
        self.shapes = index['shapes']
        self.offset = np.r_[0, np.cumsum(self.shapes.prod(1))]
        self.pixels = torch.from_numpy(np.memmap(os.path.join(packed, 'train.bin'), dtype=np.uint8, mode='c'))
        self.device = torch.device(device)
        if self.device.type != 'cpu':
            self.pixels = self.pixels.to(self.device)
        p = (self.shapes[:, 0] * self.shapes[:, 1]).astype(float) ** 0.5
        self.p = p / p.sum()
        self.rng = np.random.default_rng(seed)
        self.halve, self.reduce = halve, reduce

    def place(self, side):
        """First byte and bytes a row of a random square of `side` pixels."""
        while True:
            i = self.rng.choice(len(self.shapes), p=self.p)
            h, w, _ = self.shapes[i]
            if min(h, w) >= side:
                y, x = self.rng.integers(0, h - side + 1), self.rng.integers(0, w - side + 1)
                return self.offset[i] + (y * w + x) * 3, w * 3

    def squares(self, count, side):
        """(count, 3, side, side) float, 0..255"""
        places = [self.place(side) for _ in range(count)]
        if self.device.type == 'cpu':
            rows = torch.stack([self.pixels.as_strided((side, 3 * side), (stride, 1), int(start)) for start, stride in places])
            return rows.view(count, side, side, 3).permute(0, 3, 1, 2).float()
        start, stride = torch.tensor(np.array(places), device=self.device).t()[:, :, None, None, None]
        along = torch.arange(side, device=self.device)
        at = start + along[:, None, None] * stride + along[:, None] * 3 + torch.arange(3, device=self.device)
        return self.pixels[at].permute(0, 3, 1, 2).float()

    def reduced(self, side):
        """(1, 3, side, side) float, 0..255"""
        larger = round(side * self.rng.uniform(1, 2))
        t = F.interpolate(self.squares(1, larger), (side, side), mode='bicubic', antialias=True, align_corners=False)
        return t.round_().clamp_(0, 255)

    def batch(self, count, size):
        """(count, 3, size, size) float in [-1, 1], channels_last."""
        room = self.shapes[:, :2].min(1).max() >= 2 * size
        halved = int(self.rng.binomial(count, self.halve)) if room else 0
        reduced = int(self.rng.binomial(count - halved, self.reduce)) if room else 0
        parts = [self.squares(count - halved - reduced, size)] if halved + reduced < count else []
        if halved:
            parts.append(F.avg_pool2d(self.squares(halved, 2 * size), 2).round_())
        t = torch.cat(parts + [self.reduced(size) for _ in range(reduced)])
        for turned in (lambda v: v.flip(3), lambda v: v.flip(2), lambda v: v.transpose(2, 3)):
            chosen = torch.from_numpy(self.rng.random(count) < .5).to(self.device)
            t = torch.where(chosen[:, None, None, None], turned(t), t)
        return t.mul_(2 / 255).sub_(1).contiguous(memory_format=torch.channels_last)

    def whole(self, i):
        """Picture i as it is, (H, W, 3) uint8 of numpy."""
        return self.pixels[self.offset[i]:self.offset[i + 1]].reshape(*self.shapes[i]).cpu().numpy()

    def picture(self, side):
        """One crop, (side, side, 3) uint8 of numpy."""
        return ((self.batch(1, side)[0] + 1) * 127.5).round().byte().permute(1, 2, 0).contiguous().cpu().numpy()


if __name__ == '__main__':
    import sys
    pack(sys.argv[1], sys.argv[2])
