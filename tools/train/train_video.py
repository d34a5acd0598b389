"""Train the networks of predicted frames (net.Codec with a condition). See docs/training.md; --help lists the settings.

Clips run side by side. Each step codes the next frame of every clip, predicted by the encoder's motion search from what steps
before decoded: long chains of predicted frames cost no more than single ones. The order of frames, their references and the
steps of quality between them are the encoder's, with and without B frames (gop.py). A clip begins with a frame that the picture
codec codes.
"""
import os

import numpy as np
import torch
import torch.nn.functional as F

import checkpoint
import clips
import data
import gop
import motion
import training
from net import LEVELS, Codec, dct_init, start_from_picture_codec
from restoration_layer import Restoration
from yuv import yuv_errors


def arguments(words=None):
    p = training.parser(__doc__)
    p.add_argument('--intra', required=True, help='checkpoint of the picture codec that codes the first frames, and from whose weights '
                   'the networks start without --init')
    p.add_argument('--condition', type=int, default=2, help='blocks that look at the prediction')
    p.add_argument('--frames', type=int, nargs=2, default=(3, 16), help='least and most frames of a clip')
    p.add_argument('--synthetic', type=float, default=.4, help='share of clips made of pictures')
    p.add_argument('--reordered', type=float, default=.35, help='share of clips with B frames')
    p.set_defaults(batch=7, patch=192, lr=1e-3, ema=0.998, report_every=2)
    args = p.parse_args(words)
    if args.restoration or args.new_restoration:
        p.error('no restoration filter: predicted frames have no filter; key frames have that of --intra')
    return args


def to_float(pixels):
    return pixels.float().mul_(2 / 255).sub_(1).contiguous(memory_format=torch.channels_last)


def to_pixels(x):
    return ((x.detach().float().clamp(-1, 1) + 1) * 127.5).round_().to(torch.uint8)


class Chain:
    """A clip in coding order, with the decoded frames that the slots hold."""

    def __init__(self, frames, bframes, level, steps):
        """frames: uint8 (T, 3, H, W); level: of the key frame; steps: share of the encoder's steps of quality"""
        self.frames, self.level, self.steps = frames, level, steps
        self.plan, self.bframes, self.slots = list(gop.plan(len(frames), bframes)), bframes, {}

    def begin(self, intra):
        """Code the key frame."""
        first = to_pixels(intra(to_float(self.frames[:1]), self.level))[0]
        self.slots = {slot: first for slot in gop.key_slots(self.bframes)}

    def next(self):
        """The frame that is first in the plan, its references, its level."""
        self.planned = self.plan.pop(0)
        below = self.planned.below * (LEVELS - 1) / 100 * self.steps
        return self.frames[self.planned.index], [self.slots[s] for s in self.planned.references], self.level - below

    def decoded(self, pixels):
        for slot in self.planned.keep:
            self.slots[slot] = pixels


def predict(library, chains, lagrangian, jitter=0):
    """The next frames of some chains, levels, and predictions of the frames; both pictures in [-1, 1]."""
    frames, references, levels = zip(*[chain.next() for chain in chains])
    q = torch.tensor(levels) + torch.randn(len(chains)) * jitter
    q = q.clamp(0, LEVELS - 1)
    frames = torch.stack(frames)
    first, second = torch.stack([r[0] for r in references]), torch.stack([r[-1] for r in references])
    p = motion.predict(library, frames, first, second, [len(r) for r in references],
                       motion.search_lambda(lagrangian(q).numpy()))
    return to_float(frames), q, to_float(p)


class Chains:
    """Chains side by side, each replaced by a new one when it ends."""

    def __init__(self, args, seed, intra, library):
        crops = data.Crops(args.packed, seed)
        rng = crops.rng
        sources = [clips.RealClips(args.packed, rng), clips.MovingPictures(crops, rng)]
        self.clips = clips.Clips(sources, (1 - args.synthetic, args.synthetic), args.patch, args.frames, rng)
        self.intra, self.library, self.reordered, self.rng = intra, library, args.reordered, rng
        self.chains = [None] * args.batch

    def begin(self):
        frames, rng = self.clips.next(), self.rng
        bframes = int(rng.choice((1, 3, 7), p=(.15, .25, .6))) if rng.random() < self.reordered else 0
        # Frames below the key frame's quality need room at the lower end, where few would be without their steps.
        level = 6 + training.draw_levels(1).item() * (LEVELS - 7) / (LEVELS - 1)
        chain = Chain(frames, bframes, level, rng.uniform(.4, 1.1))
        chain.begin(self.intra)
        return chain

    @torch.no_grad()
    def next(self, lagrangian):
        """As predict."""
        self.chains = [chain if chain and chain.plan else self.begin() for chain in self.chains]
        return predict(self.library, self.chains, lagrangian, jitter=2)

    def decoded(self, x):
        for chain, frame in zip(self.chains, to_pixels(x)):
            chain.decoded(frame)

    @torch.no_grad()
    def batches(self, model, lagrangian, count):
        """Inputs of the model, as training sees them."""
        batches = []
        for _ in range(count):
            batches.append(self.next(lagrangian))
            self.decoded(model(*batches[-1], hard=True)[0])
        return batches


class Validation:
    """RD points of whole chains as the encoder codes them without B frames."""

    def __init__(self, paths, intra, library, frames=9):
        import av
        self.intra, self.library, self.clips = intra, library, []
        for path in paths:
            pictures = []
            for v in av.open(path).decode(video=0):
                pictures.append(torch.from_numpy(v.to_ndarray(format='rgb24')).permute(2, 0, 1))
                if len(pictures) == frames:
                    break
            x = torch.stack(pictures)
            h, w = x.shape[2:]
            self.clips.append((F.pad(x.float(), (0, -w % 64, 0, -h % 64), mode='replicate').to(torch.uint8), h, w))

    @torch.no_grad()
    def __call__(self, model, levels, lagrangian):
        """For each level of the key frames: bits per pixel of predicted frames and their mean PSNR YUV 6:1:1 (weights 6, 1, 1)."""
        points = []
        for level in levels:
            bpp, psnr = [], []
            for pixels, h, w in self.clips:
                chain = Chain(pixels, 0, float(level), 1)
                chain.begin(self.intra)
                while chain.plan:
                    x, q, p = predict(self.library, [chain], lagrangian)
                    y, y_bits, z_bits = model(x, q, p, hard=True)
                    decoded = to_pixels(y)
                    chain.decoded(decoded[0])
                    d = (decoded.float() / 127.5 - 1 - x)[:, :, :h & ~1, :w & ~1]
                    e = yuv_errors(d)[0]
                    psnr.append((torch.log10(255 ** 2 / e) * 10 * torch.tensor([6., 1, 1]) / 8).sum().item())
                    bpp.append((y_bits + z_bits).item() / (h * w))
            points.append((level, np.mean(bpp), np.mean(psnr)))
        return points


class KeyFrames:
    """The codec of key frames, from its checkpoint: networks in float, and the restoration filter behind them if there is one."""

    def __init__(self, path):
        state = checkpoint.load(path)
        self.net, self.weights = Codec(**state['config']), checkpoint.float_weights(state)
        self.net.load_state_dict(self.weights)
        self.net.to(memory_format=torch.channels_last)
        self.net.restoration = Restoration.of_checkpoint(state)

    @torch.no_grad()
    def __call__(self, x, level):
        """(N, 3, H, W) in [-1, 1] -> what a decoder has of it"""
        return self.net(x, torch.full((len(x),), level), hard=True)[0]


def main():
    args = arguments()
    processes = training.Processes(args, 'cpu')
    library = motion.build(os.path.dirname(os.path.abspath(args.out)))
    intra = KeyFrames(args.intra)
    chains = Chains(args, processes.seed, intra, library)
    validation = Validation(args.validate if processes.rank == 0 else [], intra, library)
    lagrangian = training.Lagrangian(args)

    def fresh():
        model = Codec(**dict(intra.net.config, condition=args.condition))
        dct_init(model)
        start_from_picture_codec(model, intra.weights)
        return model
    model = training.starting_model(args, Codec, fresh, processes.device, lambda model: chains.batches(model, lagrangian, 32))
    run = training.Run(args, processes, model, chains.rng)
    run.train(lambda fraction: chains.next(lagrangian), lambda model, levels: validation(model, levels, lagrangian), chains.decoded)


if __name__ == '__main__':
    main()
