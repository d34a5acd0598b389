"""Fit the context of the hyper latents of a checkpoint of the integer phase: hyper_context.py CHECKPOINT OUT LATENTS...

LATENTS are written by hyper_latents.c with the model file of the checkpoint, at all levels, of whole pictures: a crop
holds so few positions that most have no neighbours. Only the context, and the shapes and scales of z that go with it, are
learned: first in float, then in integers. Nothing that is not z changes. A context that is there already is learned anew.
"""
import argparse
import time

import numpy as np
import torch
import torch.nn.functional as F

import checkpoint
import ggm
from net import EARLIER, Codec, lower_bound_scale
from quantize import LATENT_UNIT, QUALITY_STEPS, SCALE_UNIT, FixedCodec, Gains, floor_ste, integer_layer, interpolate, key, whole_steps

HEADER = 8                   # int16 values: rows, columns, channels, level as int32
INTEGER_SHARE = 0.3          # of the steps
RATE_OF_SCALES = 0.1         # learning rate of hidden scales, beside that of weights
LEFT, ABOVE = max(-dx for dx, _ in EARLIER), max(-dy for _, dy in EARLIER)


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('checkpoint')
    p.add_argument('out')
    p.add_argument('latents', nargs='+')
    p.add_argument('--hidden', type=int, default=192, help='channels of the two hidden layers, a multiple of 32')
    p.add_argument('--steps', type=int, default=7000)
    p.add_argument('--batch', type=int, default=2048, help='positions')
    p.add_argument('--lr', type=float, default=2e-3)
    p.add_argument('--warmup', type=int, default=100)
    p.add_argument('--validate', nargs='*', default=[], help='latents of other pictures')
    p.add_argument('--threads', type=int, default=2)
    p.add_argument('--seed', type=int, default=7)
    return p.parse_args()


class Positions:
    """All positions of files of latents: planes in one array of (positions, channels) with zeros around each."""

    def __init__(self, paths):
        planes, at, stride, levels = [], [], [], []
        size = 0
        for path in paths:
            data = np.memmap(path, np.int16, 'r')
            while len(data):
                rows, columns, channels, level = np.array(data[:HEADER]).view(np.int32).tolist()
                count = rows * columns * channels
                padded = np.zeros((rows + ABOVE, columns + 2 * LEFT, channels), np.int16)
                padded[ABOVE:, LEFT:-LEFT] = data[HEADER:HEADER + count].reshape(rows, columns, channels)
                y, x = np.mgrid[ABOVE:rows + ABOVE, LEFT:columns + LEFT]
                at.append((y * padded.shape[1] + x).ravel() + size)
                stride.append(np.full(rows * columns, padded.shape[1]))
                levels.append(np.full(rows * columns, level))
                planes.append(padded.reshape(-1, channels))
                size += len(planes[-1])
                data = data[HEADER + count:]
        self.latents = torch.from_numpy(np.concatenate(planes))
        self.at, self.stride, self.level = (torch.from_numpy(np.concatenate(v)) for v in (at, stride, levels))

    def __len__(self):
        return len(self.at)

    def take(self, i):
        """z (N, C) of the positions i and what is known before them (N, len(EARLIER), C), rounded, both in 1/16 step; levels (N,)"""
        at, stride = self.at[i], self.stride[i]
        before = torch.stack([self.latents[at + dy * stride + dx] for dx, dy in EARLIER], 1).float()
        return self.latents[at].float(), whole_steps(before), self.level[i]


class Fit:
    def __init__(self, model):
        self.model, self.net, self.context = model, model.net, model.net.hyper_context
        self.scales = [model.hidden[key('hyper_context', part)] for part in ('enter', 'hidden')]
        self.weights = list(self.context.parameters())
        self.weights += [self.net.z_log_scale.log, self.net.z_shape]
        for p in self.weights:
            p.requires_grad_(True)
        self.integers = False

    def known(self, before, log_gain):
        """What the context sees of Positions.take: dequantised, (N, len(EARLIER) C, 1, 1)"""
        return Gains(-log_gain, self.model.exp2).apply(before, lambda v: v[:, None]).flatten(1)[:, :, None, None]

    def in_float(self, known):
        """The same in the units of the float networks."""
        return known * self.model.stream('z').repeat(len(EARLIER))[None, :, None, None]

    def bits(self, z, before, level, hard=False):
        """Of each position (N,)"""
        model, tables = self.model, self.model.tables()
        log_gain = interpolate(tables['z_gain'].detach(), level)
        known = self.known(before, log_gain)
        z = z[:, :, None, None]
        if self.integers:
            layers = {name: (w, b, m, torch.exp2(-s)) for name, (w, b, m, s) in (
                (name, integer_layer(*layer, model.limit(name))) for name, *layer in model.layers() if name.startswith('hyper_context'))}
            mean, log_scale = model.hyper_context(known, layers)
            offset = interpolate(tables['z_offset'], level)
            scale = model.index_scale(floor_ste((log_scale[:, :, 0, 0] + offset + SCALE_UNIT // 2) / SCALE_UNIT))
        else:
            mean, log_scale = self.context(self.in_float(known))
            mean = mean / model.stream('z')[None, :, None, None]
            scale = torch.exp(lower_bound_scale(log_scale[:, :, 0, 0] + self.net.z_log_scale.at(level / QUALITY_STEPS)))
        residual = ((z - Gains(log_gain, model.exp2).apply(mean)) / LATENT_UNIT)[:, :, 0, 0]
        shape = self.net.z_shape
        if self.integers:
            shape = ggm.SHAPE_MIN + ggm.SHAPE_STEP * model.shapes(shape)
        return ggm.rate(ggm.bits, residual, torch.floor(residual + 0.5), scale, ggm.channel_rows(self.net.survival, shape), hard=hard).sum(1)

    @torch.no_grad()
    def calibrate(self, positions):
        """Scales of the hidden channels, from what they hold for these positions."""
        _, before, level = positions
        h = self.in_float(self.known(before, interpolate(self.model.tables()['z_gain'], level)))
        for part, scale in zip((self.context.enter, self.context.hidden), self.scales):
            h = F.relu(part(h))
            peak = h[:, :, 0, 0].kthvalue(max(1, len(h) * 999 // 1000), 0).values
            scale.copy_(torch.log(1.25 * peak.clamp_min(float(h.max()) * 1e-3) / 127))

    @torch.no_grad()
    def measure(self, positions):
        """Bits of a position by level."""
        bits, count = {}, {}
        for i in torch.arange(len(positions)).split(8192):
            z, before, level = positions.take(i)
            for l, b in zip(level.tolist(), self.bits(z, before, level, True).tolist()):
                bits[l], count[l] = bits.get(l, 0) + b, count.get(l, 0) + 1
        return {l: bits[l] / count[l] for l in sorted(bits)}


def main():
    args = arguments()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    state = checkpoint.load(args.checkpoint)
    if not checkpoint.is_fixed(state):
        raise SystemExit('%s: not a checkpoint of the integer phase' % args.checkpoint)
    config = dict(state['config'], hyper_context=args.hidden)
    ema = {k: v.float() for k, v in state['ema'].items() if 'hyper_context' not in k}
    model = FixedCodec(Codec(**config), state.get('bits'))
    missing, unexpected = model.load_state_dict({k: v for k, v in ema.items() if k != checkpoint.RESTORATION}, strict=False)
    assert not unexpected and all('hyper_context' in k for k in missing), (missing, unexpected)
    fit = Fit(model)
    positions = Positions(args.latents)
    others = [Positions([path]) for path in args.validate]
    print('%d positions' % len(positions), flush=True)

    def report(step):
        for path, other in zip(args.validate, others):
            print('step %d %s %s' % (step, path, ' '.join('%d:%.2f' % v for v in fit.measure(other).items())), flush=True)
    optimizer = torch.optim.Adam([dict(params=fit.weights, share=1), dict(params=fit.scales, share=RATE_OF_SCALES)], args.lr)
    began, average = time.time(), None
    for step in range(args.steps):
        if not fit.integers and step >= (1 - INTEGER_SHARE) * args.steps:
            report(step)
            fit.calibrate(positions.take(torch.randint(len(positions), (16384,))))
            fit.integers = True
            for p in fit.scales:
                p.requires_grad_(True)
            report(step)
        for group in optimizer.param_groups:
            group['lr'] = args.lr * group['share'] * min(1, (step + 1) / args.warmup) * (1 - step / args.steps)
        loss = fit.bits(*positions.take(torch.randint(len(positions), (args.batch,)))).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        average = loss.item() if average is None else 0.99 * average + 0.01 * loss.item()
        if (step + 1) % 500 == 0:
            print('step %d %.0fs bits of a position %.2f' % (step + 1, time.time() - began, average), flush=True)
    report(args.steps)
    learned = {k: v.detach().clone() for k, v in model.state_dict().items() if 'hyper_context' in k or k in (
        'net.z_log_scale.log', 'net.z_shape')}
    ema = {**state['ema'], **learned}
    checkpoint.save(args.out, {**{k: v for k, v in state.items() if k != 'optimizer'}, 'config': config, 'ema': ema, 'model': ema})


if __name__ == '__main__':
    main()
