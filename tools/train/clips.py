"""Training clips: crops of real sequences, and pictures set in motion, because real sequences are few.

`python3 clips.py FOLDER OUT` decodes the videos of a folder once (PyAV) into OUT/clips.bin and OUT/clips_index.npz.
"""
import math
import os

import numpy as np
import torch
import torch.nn.functional as F

from folders import files_below

SUFFIXES = ('.mkv', '.mp4', '.mov', '.nut', '.y4m', '.avi')


def pack(folder, out):
    import av
    shapes = []
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, 'clips.bin'), 'wb') as f:
        for path in files_below(folder, SUFFIXES):
            frames = [v.to_ndarray(format='rgb24') for v in av.open(path).decode(video=0)]
            shapes.append((len(frames),) + frames[0].shape)
            for frame in frames:
                f.write(frame.tobytes())
    np.savez(os.path.join(out, 'clips_index.npz'), shapes=np.array(shapes))
    print('%d clips, %d frames' % (len(shapes), sum(s[0] for s in shapes)))


class RealClips:
    """Sequences of crops (3, size, size), uint8: mirrored, reversed, halved in size, every second frame, at random."""

    def __init__(self, packed, rng):
        self.shapes = np.load(os.path.join(packed, 'clips_index.npz'))['shapes']
        offset = np.r_[0, np.cumsum(self.shapes.prod(1))]
        pixels = np.memmap(os.path.join(packed, 'clips.bin'), dtype=np.uint8, mode='r')
        self.clips = [pixels[a:b].reshape(s) for a, b, s in zip(offset, offset[1:], self.shapes)]
        self.rng = rng

    def start(self, size, count):
        rng, clip = self.rng, self.clips[self.rng.integers(len(self.clips))]
        frames, height, width, _ = clip.shape
        step = 2 if rng.random() < .15 and frames >= 2 * count else 1
        count = min(count, frames // step)
        halve = rng.random() < .5 and min(height, width) >= 2 * size
        side = size * 2 if halve else size
        y, x = rng.integers(0, height - side + 1), rng.integers(0, width - side + 1)
        first = rng.integers(0, frames - (count - 1) * step)
        order = first + step * np.arange(count)
        flips = [d for d in (1, 2) if rng.random() < (.1, .5)[d - 1]]
        for i in order[::-1] if rng.random() < .5 else order:
            t = torch.from_numpy(clip[i, y:y + side, x:x + side].copy()).permute(2, 0, 1)
            if halve:
                t = F.avg_pool2d(t[None].float(), 2)[0].round_().to(torch.uint8)
            yield t.flip(flips) if flips else t


class Trajectory:
    """Similarity transform that changes smoothly: pixel of the frame -> pixel of a texture."""

    def __init__(self, rng, extent, still):
        self.centre = np.array([extent / 2, extent / 2]) + rng.uniform(-.1, .1, 2) * extent
        self.angle, self.scale = rng.uniform(-.3, .3), math.exp(rng.uniform(-.25, .35))
        direction = rng.uniform(0, 2 * math.pi)
        speed = 0 if still else math.exp(rng.uniform(math.log(.05), math.log(9)))
        self.velocity = speed * np.array([math.cos(direction), math.sin(direction)])
        turning = not still and rng.random() < .35
        self.turn = rng.normal(0, .008) if turning else 0
        self.zoom = rng.normal(0, .008) if turning else 0
        self.rng, self.shake = rng, rng.exponential(.25) if rng.random() < .3 and not still else 0

    def advance(self):
        self.velocity = self.velocity * self.rng.uniform(.93, 1.06)
        self.centre = self.centre + self.velocity + self.rng.normal(0, 1, 2) * self.shake
        self.angle += self.turn
        self.scale *= math.exp(self.zoom)

    def sample(self, texture, size):
        """texture (1, C, T, T) -> (C, size, size)"""
        extent = texture.shape[2]
        c, s = math.cos(self.angle) * self.scale, math.sin(self.angle) * self.scale
        x, y = self.centre / (extent / 2) - 1
        r = size / extent
        theta = torch.tensor([[[c * r, -s * r, x], [s * r, c * r, y]]], dtype=torch.float32)
        grid = F.affine_grid(theta, (1, 1, size, size), align_corners=False)
        return F.grid_sample(texture, grid, 'bicubic', 'reflection', align_corners=False)[0]


class MovingPictures:
    """A picture behind up to two cut-outs of others, each on its own way; grain, fades and cuts at random."""

    def __init__(self, crops, rng):
        self.crops, self.rng = crops, rng

    def texture(self, side):
        if self.rng.random() < .5:
            try:
                return F.avg_pool2d(self.squares(2 * side), 2)
            except ValueError:
                pass
        return self.squares(side)

    def squares(self, side):
        if self.crops.shapes[:, :2].min(1).max() < side:
            raise ValueError('no picture is large enough')
        return self.crops.squares(1, side)

    def mask(self, side):
        """A blob: an ellipse with a wavy border, soft by about a pixel."""
        rng = self.rng
        a = torch.linspace(-1, 1, side)
        y, x = torch.meshgrid(a, a, indexing='ij')
        angle = torch.atan2(y, x)
        radius = rng.uniform(.15, .5) + sum(rng.uniform(0, .08) * torch.cos(k * angle + rng.uniform(0, 6.3)) for k in range(1, 6))
        stretch = math.exp(rng.uniform(-.5, .5))
        distance = (x * x * stretch + y * y / stretch) ** .5
        return ((radius - distance) * side / 4).clamp(0, 1)[None, None]

    def layers(self, size):
        rng, side = self.rng, 2 * size
        layers = [(self.texture(side), None, Trajectory(rng, side, rng.random() < .3))]
        for _ in range(rng.choice(3, p=(.4, .4, .2))):
            layers.append((self.texture(size), self.mask(size), Trajectory(rng, size, rng.random() < .1)))
        return layers

    def start(self, size, count):
        rng, layers = self.rng, self.layers(size)
        grain = rng.uniform(.5, 4) if rng.random() < .35 else 0
        fade = rng.normal(0, .02) if rng.random() < .1 else 0
        cut = rng.integers(2, count) if count > 2 and rng.random() < .06 else count
        for i in range(count):
            if i == cut:
                layers = self.layers(size)
            frame = None
            for texture, mask, way in layers:
                if mask is None:
                    frame = way.sample(texture, size)
                else:
                    # zeros around the cut-out: its texture and mask have the size of the frame, reflection must not show
                    both = way.sample(F.pad(torch.cat([texture, mask], 1), (size // 2,) * 4), size)
                    alpha = both[3:].clamp(0, 1)
                    frame = frame + alpha * (both[:3] - frame)
                way.advance()
            frame = frame * math.exp(fade * i)
            if grain:
                frame = frame + torch.randn_like(frame) * grain
            yield frame.round_().clamp_(0, 255).to(torch.uint8)


class Clips:
    """Clips from several sources, each of which has start(size, frames), a generator of frames."""

    def __init__(self, sources, shares, size, frames, rng):
        """shares: of the clips, for each source; frames: (least, most) of a clip."""
        self.sources, self.shares, self.size, self.frames, self.rng = sources, shares, size, frames, rng

    def next(self):
        """uint8 (frames, 3, size, size)"""
        source = self.sources[self.rng.choice(len(self.sources), p=self.shares)]
        return torch.stack(list(source.start(self.size, int(self.rng.integers(self.frames[0], self.frames[1] + 1)))))


if __name__ == '__main__':
    import sys
    pack(sys.argv[1], sys.argv[2])
