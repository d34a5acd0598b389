"""Train the networks of predicted frames (net.Codec with a condition). See docs/training.md; --help lists the settings.

Clips run side by side. Each step codes the next frame of every clip, predicted by the encoder's motion search from what steps
before decoded: long chains of predicted frames cost no more than single ones. The order of frames, their references and the
steps of quality between them are the encoder's, with and without B frames (gop.py). A clip begins with a frame that the picture
codec codes. Levels, Lagrangian and checkpoints are those of train.py.
"""
import argparse
import json
import math
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

import checkpoint
import clips
import data
import gop
import motion
import net
from net import Codec, LEVELS, dct_init, kmacs_per_pixel, start_from_picture_codec
from optimizer import make_optimizer
from quantize import FixedCodec
from train import draw_levels, rate_factor
from yuv import yuv_errors


def arguments(words=None):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--packed', required=True, help='folder written by data.py and clips.py')
    p.add_argument('--out', required=True, help='checkpoint file')
    p.add_argument('--intra', required=True, help='checkpoint of the picture codec that codes the first frames')
    p.add_argument('--init', help='start from the EMA weights of this checkpoint; otherwise from those of --intra')
    p.add_argument('--condition', type=int, default=2, help='blocks that look at the prediction')
    p.add_argument('--resume', action='store_true', help='go on from --out if it exists')
    p.add_argument('--validate', nargs='*', default=[], help='videos for the RD points that are printed')
    p.add_argument('--minutes', type=float, required=True)
    p.add_argument('--batch', type=int, default=7, help='clips side by side')
    p.add_argument('--patch', type=int, default=192)
    p.add_argument('--frames', type=int, nargs=2, default=(3, 16), help='least and most frames of a clip')
    p.add_argument('--synthetic', type=float, default=.4, help='share of clips made of pictures')
    p.add_argument('--reordered', type=float, default=.35, help='share of clips with B frames')
    p.add_argument('--optimizer', choices=('adam', 'muon'), default='muon')
    p.add_argument('--lr', type=float, default=1e-3)
    p.add_argument('--warmup', type=int, default=200)
    p.add_argument('--plateau', type=float, default=0.4)
    p.add_argument('--final', type=float, default=0.01)
    p.add_argument('--ema', type=float, default=0.998)
    p.add_argument('--clip', type=float, default=1.0)
    p.add_argument('--lambda-low', type=float, default=0.0005)
    p.add_argument('--lambda-high', type=float, default=0.3)
    p.add_argument('--bf16', action='store_true')
    p.add_argument('--compile', action='store_true')
    p.add_argument('--fixed', action='store_true', help="train in libmica's integers; --init names a float checkpoint")
    p.add_argument('--bits', default='{}', help='with --fixed: JSON, bits of the weights of layers, where they are not 8')
    p.add_argument('--threads', type=int, default=2)
    p.add_argument('--seed', type=int, default=7)
    p.add_argument('--save-every', type=float, default=300, help='seconds')
    p.add_argument('--report-every', type=int, default=2, help='RD points after so many checkpoints')
    return p.parse_args(words)


def to_float(pixels):
    return pixels.float().mul_(2 / 255).sub_(1).contiguous(memory_format=torch.channels_last)


def to_pixels(x):
    return ((x.detach().float().clamp(-1, 1) + 1) * 127.5).round_().to(torch.uint8)


class Objective(torch.nn.Module):
    def __init__(self, model, args):
        super().__init__()
        self.model = model
        self.low, self.ratio = args.lambda_low, args.lambda_high / args.lambda_low
        self.dtype = torch.bfloat16 if args.bf16 else None

    def lagrangian(self, q):
        return self.low * self.ratio ** (q / (LEVELS - 1))

    def forward(self, x, q, prediction):
        """loss, decoded frames, and the means of error, error of the prediction, bits per pixel, bits per pixel of z"""
        lam = self.lagrangian(q)
        y, y_bits, z_bits = self.model(x, q, prediction, dtype=self.dtype)
        pixels = x.shape[2] * x.shape[3]
        mse = lambda d: (d ** 2).mean((1, 2, 3)) * 127.5 ** 2
        error, bpp = mse(y - x), (y_bits + z_bits) / pixels
        loss = ((lam * error + bpp) * (0.01 / lam) ** .5).mean()
        return loss, y, torch.stack([loss, error.mean(), mse(prediction - x).mean(), bpp.mean(),
                                     (z_bits / pixels).mean()]).detach()


class Chain:
    """A clip in coding order, with the decoded frames that the slots hold."""

    def __init__(self, frames, bframes, level, steps):
        """frames: uint8 (T, 3, H, W); level: of the key frame; steps: share of the encoder's steps of quality"""
        self.frames, self.level, self.steps = frames, level, steps
        self.plan, self.bframes, self.slots = list(gop.plan(len(frames), bframes)), bframes, {}

    def begin(self, intra):
        """Code the key frame."""
        first = to_pixels(intra(to_float(self.frames[:1]), torch.full((1,), self.level), hard=True)[0])[0]
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
    """The next frames of some chains, their predictions, both in [-1, 1], and levels."""
    frames, references, levels = zip(*[chain.next() for chain in chains])
    q = torch.tensor(levels) + torch.randn(len(chains)) * jitter
    q = q.clamp(0, LEVELS - 1)
    frames = torch.stack(frames)
    first, second = torch.stack([r[0] for r in references]), torch.stack([r[-1] for r in references])
    p = motion.predict(library, frames, first, second, [len(r) for r in references],
                       motion.search_lambda(lagrangian(q).numpy()))
    return to_float(frames), to_float(p), q


class Chains:
    """Chains side by side, each replaced by a new one when it ends."""

    def __init__(self, args, intra, library):
        crops = data.Crops(args.packed, args.seed)
        rng = np.random.default_rng(args.seed + 1)
        sources = [clips.RealClips(args.packed, rng), clips.MovingPictures(crops, rng)]
        self.clips = clips.Clips(sources, (1 - args.synthetic, args.synthetic), args.patch, args.frames, args.seed + 2)
        self.intra, self.library, self.reordered, self.rng = intra, library, args.reordered, rng
        self.chains = [None] * args.batch

    def begin(self):
        frames, rng = self.clips.next(), self.rng
        bframes = int(rng.choice((1, 3, 7), p=(.15, .25, .6))) if rng.random() < self.reordered else 0
        # Frames below the key frame's quality need room at the lower end, where few would be without their steps.
        level = 6 + draw_levels(1).item() * (LEVELS - 7) / (LEVELS - 1)
        chain = Chain(frames, bframes, level, rng.uniform(.4, 1.1))
        chain.begin(self.intra)
        return chain

    @torch.no_grad()
    def next(self, lagrangian):
        """Frames, their predictions (both in [-1, 1]) and levels."""
        self.chains = [chain if chain and chain.plan else self.begin() for chain in self.chains]
        return predict(self.library, self.chains, lagrangian, jitter=2)

    def decoded(self, pixels):
        for chain, frame in zip(self.chains, pixels):
            chain.decoded(frame)

    @torch.no_grad()
    def batches(self, model, lagrangian, count):
        """Inputs of the model (frames, levels, predictions), as training sees them."""
        batches = []
        for _ in range(count):
            x, p, q = self.next(lagrangian)
            self.decoded(to_pixels(model(x, q, p, hard=True)[0]))
            batches.append((x, q, p))
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
                    x, p, q = predict(self.library, [chain], lagrangian)
                    y, y_bits, z_bits = model(x, q, p, hard=True)
                    decoded = to_pixels(y)
                    chain.decoded(decoded[0])
                    d = (decoded.float() / 127.5 - 1 - x)[:, :, :h & ~1, :w & ~1]
                    e = yuv_errors(d)[0]
                    psnr.append((torch.log10(255 ** 2 / e) * 10 * torch.tensor([6., 1, 1]) / 8).sum().item())
                    bpp.append((y_bits + z_bits).item() / (h * w))
            points.append((level, np.mean(bpp), np.mean(psnr)))
        return points


def picture_codec(path):
    """The codec of key frames, from its checkpoint."""
    state = checkpoint.load(path)
    codec = Codec(**state['config'])
    codec.load_state_dict(checkpoint.float_weights(state))
    return codec.to(memory_format=torch.channels_last)


def build(args, chains, objective_of):
    intra = checkpoint.load(args.intra)
    start = checkpoint.load(args.init) if args.init else None
    config = start['config'] if start else dict(intra['config'], condition=args.condition)
    model = Codec(**config)
    dct_init(model)
    if start:
        model.load_state_dict(checkpoint.float_weights(start))
    else:
        start_from_picture_codec(model, checkpoint.float_weights(intra))
    model = model.to(memory_format=torch.channels_last)
    if args.fixed:
        bits = json.loads(args.bits) or (start or {}).get('bits')
        fixed = FixedCodec(model, bits)
        if start and checkpoint.is_fixed(start):
            fixed.load_state_dict(start['ema'])
        elif not (args.resume and os.path.exists(args.out)):
            fixed.calibrate(chains.batches(model, objective_of(model).lagrangian, 32))
        model = fixed
    return model


def main():
    args = arguments()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    library = motion.build(os.path.dirname(os.path.abspath(args.out)))
    intra = picture_codec(args.intra)
    chains = Chains(args, intra, library)
    model = build(args, chains, lambda m: Objective(m, args))
    optimizer = make_optimizer(args.optimizer, model, args.lr, torch.device('cpu'))
    ema = {k: v.detach().clone() for k, v in model.state_dict().items()}
    step, spent = 0, 0.0
    if args.resume and os.path.exists(args.out):
        c = checkpoint.load(args.out)
        model.load_state_dict(c['model'])
        optimizer.load_state_dict(c['optimizer'])
        ema, step, spent = c['ema'], c['step'], c['spent']
        torch.manual_seed(args.seed + step)
    objective = Objective(model, args)
    lagrangian = objective.lagrangian
    if args.compile:
        objective = torch.compile(objective)
    validation = Validation(args.validate, intra, library)
    kmacs, parameters = kmacs_per_pixel(model), list(model.parameters())
    print('decoder %.2f kMAC/px, encoder %.2f, %.2f M parameters' % (
        kmacs[1], kmacs[0], sum(v.numel() for v in parameters) / 1e6), flush=True)

    def save():
        checkpoint.save(args.out, dict(model=model.state_dict(), ema=ema, optimizer=optimizer.state_dict(), step=step,
                                       spent=spent, config=model.config, bits=getattr(model, 'bits', {}), args=vars(args)))

    def report(levels):
        if not validation.clips:
            return
        live = {k: v.clone() for k, v in model.state_dict().items()}
        model.load_state_dict(ema)
        print('RD step %d ' % step + ' '.join('%g:%.4f/%.2f' % v for v in validation(model, levels, lagrangian)), flush=True)
        model.load_state_dict(live)

    report((16, 32, 48))
    started = time.time() - spent
    saved, average, saves = time.time(), None, 0
    keys = list(ema)
    while True:
        spent = time.time() - started
        fraction = spent / (60 * args.minutes)
        if fraction >= 1:
            break
        x, p, q = chains.next(lagrangian)
        loss, decoded, figures = objective(x, q, p)
        chains.decoded(to_pixels(decoded))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, args.clip)
        for g in optimizer.param_groups:
            g['lr'] = args.lr * rate_factor(args, fraction, step)
        if torch.isfinite(norm):
            optimizer.step()
        with torch.no_grad():
            decay = min(args.ema, step / (step + 50))
            now = model.state_dict()
            torch._foreach_lerp_([ema[k] for k in keys], [now[k] for k in keys], 1 - decay)
        average = figures.clone() if average is None else average.lerp(figures, .01)
        step += 1
        if step % 100 == 0:
            print('step %d %.0fs loss %.4f error %.1f (prediction %.1f) bpp %.4f (z %.4f) norm %.2f' % (
                step, time.time() - started, *average.tolist(), norm), flush=True)
        if time.time() - saved > args.save_every:
            save()
            saves += 1
            if saves % args.report_every == 0:
                report((16, 32, 48))
            saved = time.time()
    save()
    report((8, 16, 24, 32, 40, 48, 56, 63))


if __name__ == '__main__':
    main()
