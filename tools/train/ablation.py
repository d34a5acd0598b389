"""What each choice in the networks is worth: variants of S trained alike, and their bits at equal PSNR.

python3 ablation.py --packed packed --folder ablation --validate KODAK/*.png [--steps 600] [VARIANT...]

Each variant (all of them without names) is trained by train.py from the start, with the same seed, steps and schedule, each
of which ends with the learning rate at its least. A line for each: kMAC per pixel of the decoder, milliseconds a step,
estimated bits per pixel and PSNR, and the BD-rate against `base`. A variant that has its log in --folder is not run again.
"""
import argparse
from functools import partial
import os
import re
import subprocess
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

import ggm
import net
from net import GROUPS, STEP_XOR, Block, ContextStep, Pointwise, kmacs_per_pixel, lower_bound_scale, to_phases

HERE = os.path.dirname(os.path.abspath(__file__))


# ---- rate models: shapes of channels, parameters of a latent beside its mean -> bits --------------------------------

class PerChannel:
    """Generalized Gaussian, a shape for each channel: what mica has."""
    outputs = 2

    def bits(self, survival, residual, log_scale, shape):
        return ggm.bits(residual, torch.exp(lower_bound_scale(log_scale)), ggm.channel_rows(survival, shape))


class OneShape(PerChannel):
    def __init__(self, shape):
        self.shape = shape

    def bits(self, survival, residual, log_scale, shape):
        return super().bits(survival, residual, log_scale, self.shape + 0 * shape)         # every parameter has a gradient


class PerElement:
    """Generalized Gaussian, a shape for each latent."""
    outputs = 3

    def bits(self, survival, residual, log_scale, shape, extra):
        scale = torch.exp(lower_bound_scale(log_scale)) + 0 * shape.sum()
        place = torch.sigmoid(extra / 8) * (ggm.SHAPE_COUNT - 1.001)
        row = place.detach().floor().long()
        share = place - row
        table = survival.reshape(-1)

        def above(t):
            u = torch.log2(1 + ggm._DENSITY * t) * ggm._PER_UNIT
            j = u.detach().long().clamp(max=ggm._SIZE - 2)
            w, at = (u - j).clamp(max=1), row * ggm._SIZE + j
            low = table[at] * (1 - w) + table[at + 1] * w
            return low * (1 - share) + (table[at + ggm._SIZE] * (1 - w) + table[at + ggm._SIZE + 1] * w) * share
        r = residual.abs()
        near = (r - 0.5) / scale
        q = above(near.abs())
        q = torch.where(near < 0, 1 - q, q) - above((r + 0.5) / scale)
        return -torch.log2(ggm.lower_bound(q, ggm.PROBABILITY_FLOOR))


class Mixture:
    """K Gaussians; the symbol is what is left of the first one's mean."""

    def __init__(self, k):
        self.k, self.outputs = k, 3 * k - 1

    def bits(self, _, residual, log_scale, shape, *extra):
        k, p = self.k - 1, 0 * shape.sum()
        weight = torch.softmax(torch.stack([torch.full_like(residual, 1.0)] + [e / 8 for e in extra[:k]]), 0)
        for i in range(self.k):
            r = residual if i == 0 else residual - extra[k + i - 1] / 8
            scale = torch.exp(lower_bound_scale(log_scale if i == 0 else log_scale + extra[2 * k + i - 1] / 8))
            r = r.abs()
            c = -0.70710678 / scale
            p = p + weight[i] * 0.5 * (torch.erfc(-c * (r - 0.5)) - torch.erfc(-c * (r + 0.5)))
        return -torch.log2(ggm.lower_bound(p, ggm.PROBABILITY_FLOOR))


# ---- networks ------------------------------------------------------------------------------------------------------

class GatedBlock(Block):
    """Half of the expanded channels gate the other half: as many multiplications with 4/3 as with the ReLU's 2."""

    def __init__(self, channels, expand):
        super().__init__(channels, expand)
        if expand == 2:
            half = round(channels * 4 / 3 / 32) * 32
            self.e, self.f = Pointwise(channels, 2 * half), Pointwise(half, channels, 0.2)

    def forward(self, x, dtype=None):
        x = x + self.b(self.dw(F.relu(self.a(x, dtype))), dtype)
        h = self.e(x, dtype)
        if self.f.weight.shape[1] == h.shape[1]:
            return x + self.f(F.relu(h), dtype)
        u, v = h.chunk(2, 1)
        return x + self.f(u * (0.5 + 0.5 * v).clamp(0, 1), dtype)


class LeakyBlock(Block):
    def forward(self, x, dtype=None):
        x = x + self.b(self.dw(F.leaky_relu(self.a(x, dtype), 0.125)), dtype)
        return x + self.f(F.leaky_relu(self.e(x, dtype), 0.125), dtype)


class VariantStep(ContextStep):
    """A context step with any number of outputs for a latent."""

    def __init__(self, inputs, width, latents, outputs=2):
        super().__init__(inputs, width, latents)
        if outputs != 2:
            extra = (outputs - 2) * latents // GROUPS
            self.weight = nn.Parameter(torch.cat([self.weight.detach(), torch.zeros(GROUPS, extra, width)], 1))
            self.bias = nn.Parameter(torch.cat([self.bias.detach(), torch.zeros(GROUPS, extra)], 1))
            if outputs > 3:                        # the components of a mixture must not begin alike
                self.bias.data[:, -extra:] = torch.linspace(-8, 8, extra // (latents // GROUPS)).repeat_interleave(latents // GROUPS)
        self.outputs = outputs

    def forward(self, x, step, dtype=None):
        f = to_phases(self.blocks(self.enter(x, dtype), dtype))
        order = [p ^ STEP_XOR[step] for p in range(4)]
        out = torch.baddbmm(self.bias[order][:, None].float(), f.float(), self.weight[order].transpose(1, 2).float())
        return out.chunk(self.outputs, 2)


class Variant(net.Codec):
    """steps: 4, 2 or 1 that see what those before decoded; mean_only: scales come of the hyper features alone."""
    rate, steps, mean_only = PerChannel(), 4, False

    def __init__(self, **config):
        super().__init__(**config)
        m, prior, context = (self.config[k] for k in ('latents', 'prior', 'context'))
        self.context = nn.ModuleList([VariantStep(prior + (m if k else 0), context, m, self.rate.outputs) for k in range(4)])
        if self.mean_only:
            self.scales = ContextStep(prior, context, m)

    def predict(self, k, f, decoded, dtype=None):
        seen = decoded[:k * self.steps // 4 * (4 // self.steps)] or [torch.zeros_like(d) for d in decoded[:1]]
        mean, log_s, *others = super().predict(k, f, seen, dtype)
        return mean, self.scales(f, k, dtype)[1] if self.mean_only else log_s, *others

    def y_rate(self, residual, hard, log_scale, *others):
        return ggm.rate(partial(self.rate.bits, self.survival), residual, torch.round(residual), log_scale, self.y_shape, *others, hard=hard)


def codec(**attributes):
    return lambda: setattr(net, 'Codec', type('Variant', (Variant,), attributes))


def block(kind):
    return lambda: setattr(net, 'Block', kind)


class NoGain(net.Gain):
    def forward(self, q):
        return torch.exp(0 * self.at(q))[:, :, None, None]


def latent_gains():
    """No gains on features."""
    make = net.Codec.__init__

    def init(self, *args, **config):
        make(self, *args, **config)
        for gain in (self.stem_gain, self.prior_gain, self.head_gain):
            gain.__class__ = NoGain
    net.Codec.__init__ = init


def variant_kmacs(model):
    encoder, decoder = kmacs_per_pixel(model)
    m, p, t = (model.config[k] for k in ('latents', 'prior', 'context'))
    more = t * m * (model.rate.outputs - 2)
    if model.mean_only:                            # the heads of scales move to the network of their own
        more += p * t + 4 * t * t + 9 * t
    return encoder, decoder + more / 256e3


# name: (configuration, what is changed before the codec is made)
VARIANTS = {
    'base': ({}, None),
    'wide': (dict(features=128, analysis=2, synthesis=2), None),
    'deep': (dict(features=80, analysis=6, synthesis=6), None),
    'latents-192': (dict(latents=192), None),
    'context-96': (dict(context=96), None),
    'random-init': ({}, lambda: setattr(net, 'dct_init', lambda model: None)),
    'leaky': ({}, block(LeakyBlock)),
    'gated': ({}, block(GatedBlock)),
    'latent-gains': ({}, latent_gains),
    'gaussian': ({}, codec(rate=OneShape(2.0))),
    'laplace': ({}, codec(rate=OneShape(1.0))),
    'ggm-element': ({}, codec(rate=PerElement())),
    'gmm-2': ({}, codec(rate=Mixture(2))),
    'gmm-3': ({}, codec(rate=Mixture(3))),
    'two-step': ({}, codec(steps=2)),
    'one-step': ({}, codec(steps=1)),
    'mean-only': ({}, codec(mean_only=True)),
}


def train_one(name, rest):
    """In a process of its own: the variant takes the place of the codec, and train.py does the rest."""
    import json
    config, change = VARIANTS[name]
    if change:
        change()
    if issubclass(net.Codec, Variant):
        net.kmacs_per_pixel = variant_kmacs
    import train                                   # takes what net has by now
    sys.argv = ['train.py', '--config', json.dumps(config), *rest]
    train.main()


def points(log):
    """(kMAC, seconds a step, [(bpp, dB)]) of a finished run; None of another."""
    if not os.path.exists(log):
        return None
    with open(log) as f:
        text = f.read()
    last = re.findall(r'^RD step (\d+) +(.*)$', text, re.M)
    if not last:
        return None
    times = re.findall(r'^step (\d+) (\d+)s', text, re.M)
    kmac = float(re.search(r'decoder ([\d.]+)', text).group(1))
    pairs = [tuple(float(v) for v in p.split(':')[1].split('/')) for p in last[-1][1].split()]
    return kmac, int(times[-1][1]) / int(times[-1][0]) if times else 0, pairs


def main():
    if len(sys.argv) > 2 and sys.argv[1] == '--one':
        return train_one(sys.argv[2], sys.argv[3:])
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('variants', nargs='*', metavar='VARIANT')
    p.add_argument('--packed', required=True)
    p.add_argument('--folder', required=True, help='logs and checkpoints')
    p.add_argument('--validate', nargs='+', required=True, help='pictures')
    p.add_argument('--steps', type=int, default=600)
    p.add_argument('--threads', type=int, default=1)
    p.add_argument('--seed', type=int, default=7)
    p.add_argument('--compile', action='store_true')
    args = p.parse_args()
    unknown = [v for v in args.variants if v not in VARIANTS]
    if unknown:
        p.error('unknown variants: %s; there are %s' % (' '.join(unknown), ' '.join(VARIANTS)))
    from rd import bd_rate
    os.makedirs(args.folder, exist_ok=True)
    base = None
    for name in ['base'] + [v for v in args.variants or VARIANTS if v != 'base']:
        log, out = (os.path.join(args.folder, name + end) for end in ('.log', '.pt'))
        if not points(log):
            with open(log, 'w') as f:
                subprocess.run([sys.executable, os.path.join(HERE, 'ablation.py'), '--one', name, '--packed', args.packed, '--out', out,
                                '--steps', str(args.steps), '--threads', str(args.threads), '--seed', str(args.seed), '--warmup', '50',
                                '--plateau', '0.3', '--large-from', '1', '--ema', '0.99', '--save-every', '1e9',
                                *(['--compile'] if args.compile else []), '--validate', *args.validate], stdout=f, check=True)
        kmac, seconds, rd = points(log)
        bpp, psnr = zip(*rd)
        base = base or (bpp, psnr)
        # Of a run too short to have learned what quality means the points do not rise, and have no curve.
        rises = all(a < b for a, b in zip(psnr, psnr[1:]))
        print('%-14s %6.2f kMAC/px %6.0f ms  %s  %s' % (name, kmac, 1000 * seconds, ' '.join('%.3f/%.2f' % v for v in rd),
                                                      '%+.2f %%' % bd_rate(bpp, psnr, *base)[0] if rises else '-'), flush=True)


if __name__ == '__main__':
    main()
