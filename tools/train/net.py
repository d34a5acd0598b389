"""The picture networks: analysis, synthesis, hyperprior and four-step context, float and integer.

Everything is built of pointwise convolutions, 3x3 depthwise convolutions, ReLU, residual additions, per-channel gains
and (un)shuffles, so that the integer kernels of libmica run it. Tensors are (N, C, H, W), channels_last in memory;
shuffled channels are phase-major: channel ((dy * r + dx) * C + c), which makes the shuffle a copy of whole pixels in
the NHWC layout of the C code. quantize.FixedCodec computes the same in integers.
"""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

import ggm
from integer import EARLIER

LEVELS = 64                       # quality levels, the gains are interpolated between ANCHORS of them
ANCHORS = 9
STEP_XOR = (0, 3, 2, 1)           # step k codes channel group (phase ^ STEP_XOR[k]) at every position
GROUPS = 4
HYPER_STRIDE = 4                  # z has one position for 4x4 positions of y


def ste_round(x):
    return x + (torch.round(x) - x).detach()


def space_to_depth(x, r):
    n, c, h, w = x.shape
    x = x.reshape(n, c, h // r, r, w // r, r).permute(0, 3, 5, 1, 2, 4)
    return x.reshape(n, r * r * c, h // r, w // r)


def depth_to_space(x, r):
    n, c, h, w = x.shape
    c //= r * r
    return x.reshape(n, r, r, c, h, w).permute(0, 3, 4, 1, 5, 2).reshape(n, c, h * r, w * r)


class Pointwise(nn.Module):
    def __init__(self, inputs, outputs, gain=1.0):
        super().__init__()
        conv = nn.Conv2d(inputs, outputs, 1)
        self.weight = nn.Parameter(conv.weight.detach()[:, :, 0, 0] * gain)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x, dtype=None):
        w, b = self.weight[:, :, None, None], self.bias
        if dtype is not None:
            return F.conv2d(x.to(dtype), w.to(dtype), b.to(dtype))
        return F.conv2d(x, w, b)


# Whether 3x3 depthwise convolutions are written as nine shifted products, for torch.compile to fuse into one kernel. Meant for
# GPUs, where the library's depthwise kernels are slow in the backward pass; not measured there yet.
SHIFTED_DEPTHWISE = False


def depthwise3x3(x, weight, bias=None):
    """x (N, C, H, W), weight (C, 3, 3), bias (C,), zeros outside."""
    if not SHIFTED_DEPTHWISE:
        return F.conv2d(x, weight[:, None], bias, padding=1, groups=x.shape[1])
    h, w = x.shape[2:]
    padded = F.pad(x, (1, 1, 1, 1))
    out = sum(padded[:, :, dy:dy + h, dx:dx + w] * weight[:, dy, dx, None, None] for dy in range(3) for dx in range(3))
    return out if bias is None else out + bias[:, None, None]


class Depthwise(nn.Module):
    def __init__(self, channels):
        super().__init__()
        conv = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.weight = nn.Parameter(conv.weight.detach()[:, 0])
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        return depthwise3x3(x, self.weight.to(x.dtype), self.bias.to(x.dtype))


class Block(nn.Module):
    """x += b(dw(relu(a(x)))); x += f(relu(e(x))). The stream x stays in full precision."""

    def __init__(self, channels, expand):
        super().__init__()
        self.a = Pointwise(channels, channels)
        self.dw = Depthwise(channels)
        self.b = Pointwise(channels, channels, 0.2)
        self.e = Pointwise(channels, channels * expand)
        self.f = Pointwise(channels * expand, channels, 0.2)

    def forward(self, x, dtype=None):
        x = x + self.b(self.dw(F.relu(self.a(x, dtype))), dtype)
        return x + self.f(F.relu(self.e(x, dtype)), dtype)


class Gain(nn.Module):
    """Per-channel gain of each quality: log gains at ANCHORS qualities, linear in between."""

    def __init__(self, channels, low=0.0, high=0.0):
        super().__init__()
        self.log = nn.Parameter(torch.linspace(low, high, ANCHORS)[:, None].repeat(1, channels))

    def at(self, q):
        """Natural-log gains (N, C) at real-valued quality levels q (N,)."""
        t = q * ((ANCHORS - 1) / (LEVELS - 1))
        i = t.floor().long().clamp(0, ANCHORS - 2)
        f = (t - i)[:, None]
        return (1 - f) * self.log[i] + f * self.log[i + 1]

    def forward(self, q):
        return torch.exp(self.at(q))[:, :, None, None]


class Blocks(nn.ModuleList):
    def __init__(self, channels, count, expand=2):
        super().__init__([Block(channels, expand) for _ in range(count)])

    def forward(self, x, dtype=None):
        for block in self:
            x = block(x, dtype)
        return x


class ContextStep(nn.Module):
    """Mean and log scale of one quarter of the latents from the hyper features and the quarters before."""

    def __init__(self, inputs, width, latents):
        super().__init__()
        self.enter = Pointwise(inputs, width)
        self.blocks = Blocks(width, 1, 1)
        out = [Pointwise(width, latents // GROUPS * 2) for _ in range(GROUPS)]
        self.weight = nn.Parameter(torch.stack([o.weight.detach() for o in out]) * 0.5)   # (group, 2 M/4, width)
        self.bias = nn.Parameter(torch.zeros(GROUPS, latents // GROUPS * 2))

    def forward(self, x, step, dtype=None):
        """(mean, log scale), each (4 phases, N h w, M/4)."""
        f = self.blocks(self.enter(x, dtype), dtype)
        f = to_phases(f)
        order = [p ^ STEP_XOR[step] for p in range(4)]
        out = torch.baddbmm(self.bias[order][:, None].float(), f.float(), self.weight[order].transpose(1, 2).float())
        return out.chunk(2, 2)


def to_phases(x):
    """(N, C, H, W) -> (4 phases, N H/2 W/2, C)"""
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).permute(3, 5, 0, 2, 4, 1).reshape(4, -1, c)


def from_phases(x, n, h, w):
    c = x.shape[2]
    x = x.reshape(2, 2, n, h // 2, w // 2, c).permute(2, 5, 3, 0, 4, 1)
    return x.reshape(n, c, h, w).contiguous(memory_format=torch.channels_last)


def earlier(z):
    """(N, C, H, W) -> (N, 7 C, H, W): the positions of EARLIER, zeros outside."""
    p = F.pad(z, (2, 2, 2, 0))
    h, w = z.shape[2:]
    return torch.cat([p[:, :, 2 + dy:2 + dy + h, 2 + dx:2 + dx + w] for dx, dy in EARLIER], 1)


class HyperContext(nn.Module):
    """What is to be expected of the hyper latents of a position from those before it: their means, and what is added to the
    logs of their scales. Crops are too small to learn it from: hyper_context.py does it with whole pictures, and all other
    training leaves it as it is."""

    def __init__(self, channels, hidden):
        super().__init__()
        known = len(EARLIER) * channels
        self.linear = Pointwise(known, 2 * channels, 0.0)
        self.enter = Pointwise(known, hidden)
        self.hidden = Pointwise(hidden, hidden)
        self.leave = Pointwise(hidden, 2 * channels, 0.1)
        self.requires_grad_(False)

    def forward(self, x):
        """earlier(dequantised z) -> (mean, log scale), each (N, C, H, W)"""
        return (self.linear(x) + self.leave(F.relu(self.hidden(F.relu(self.enter(x)))))).chunk(2, 1)


class Codec(nn.Module):
    """condition: number of blocks that look at a prediction of the picture; with 0 there is none. With a prediction, the
    stem sees it beside the picture, its features join the hyper features and the input of the synthesis, and the head
    puts out what is to be added to it.
    hyper_context: hidden channels of the context of z; with 0 there is none."""

    def __init__(self, features=96, latents=320, hyper=64, analysis=4, synthesis=4, prior=128, context=160, condition=0,
                 hyper_context=0):
        super().__init__()
        self.config = dict(features=features, latents=latents, hyper=hyper, analysis=analysis, synthesis=synthesis,
                           prior=prior, context=context, condition=condition, hyper_context=hyper_context)
        c, m, z = features, latents, hyper
        self.stem = Pointwise(384 if condition else 192, c)
        if condition:
            self.condition_enter = Pointwise(192, c)
            self.condition = Blocks(c, condition)
            self.condition_gain = Gain(c)
            self.condition_prior = Pointwise(4 * c, prior)
            self.condition_synthesis = Pointwise(c, c)
        self.stem_gain = Gain(c)
        self.analysis = Blocks(c, analysis)
        self.to_latent = Pointwise(4 * c, m)

        self.hyper_enter = Pointwise(m, z)
        self.hyper_gain = Gain(z, -1.0, 1.0)
        self.hyper_block0 = Block(z, 2)
        self.hyper_down0 = Pointwise(4 * z, z)
        self.hyper_block1 = Block(z, 2)
        self.hyper_down1 = Pointwise(4 * z, z)

        self.z_gain = Gain(z, 0.7, 0.7)
        self.z_log_scale = Gain(z, 0.5, 0.5)
        self.z_shape = nn.Parameter(torch.full((z,), 1.5))
        self.hyper_context = HyperContext(z, hyper_context) if hyper_context else None
        if hyper_context:
            self.z_log_scale.requires_grad_(False)       # they go with it
            self.z_shape.requires_grad_(False)

        self.prior_up0 = Pointwise(z, 4 * z)
        self.prior_block0 = Block(z, 2)
        self.prior_up1 = Pointwise(z, 4 * prior)
        self.prior_block1 = Block(prior, 1)
        self.prior_gain = Gain(prior)

        self.context = nn.ModuleList([ContextStep(prior + (m if k else 0), context, m) for k in range(4)])
        self.y_gain = Gain(m, -0.9, 2.4)
        self.scale_gain = Gain(m)
        self.y_shape = nn.Parameter(torch.full((m,), 1.5))

        self.from_latent = Pointwise(m, 4 * c)
        self.synthesis = Blocks(c, synthesis)
        self.head_gain = Gain(c)
        self.head = Pointwise(c, 192)
        self.restoration = None      # restoration_layer.Restoration, behind the synthesis of a picture
        self.register_buffer('survival', ggm.survival_table(), persistent=False)

    # -- the nets ------------------------------------------------------------------------------------------------
    def look_at_prediction(self, p, q, dtype=None):
        """Prediction in [-1, 1] -> features beside those of the prior (1/16) and of the latents (1/8)."""
        f = self.condition(self.condition_enter(space_to_depth(p, 8)), dtype) * self.condition_gain(q)
        return self.condition_prior(space_to_depth(f, 2), dtype).float(), self.condition_synthesis(f, dtype).float()

    def analyse(self, x, q, p=None, dtype=None):
        """Picture in [-1, 1], sides multiples of 64 -> y (1/16), z (1/64), before gains and rounding."""
        x = space_to_depth(x, 8)
        if p is not None:
            x = torch.cat([x, space_to_depth(p, 8)], 1)
        f = self.stem(x) * self.stem_gain(q)
        y = self.to_latent(space_to_depth(self.analysis(f, dtype), 2))
        f = self.hyper_block0(self.hyper_enter(y) * self.hyper_gain(q), dtype)
        f = self.hyper_block1(self.hyper_down0(space_to_depth(f, 2)), dtype)
        return y, self.hyper_down1(space_to_depth(f, 2))

    def prior(self, z, q, dtype=None):
        """Dequantised z -> hyper features at 1/16."""
        f = self.prior_block0(depth_to_space(self.prior_up0(z, dtype).float(), 2), dtype)
        f = self.prior_block1(depth_to_space(self.prior_up1(f, dtype).float(), 2), dtype)
        return f * self.prior_gain(q)

    def synthesise(self, y, q, beside=None, dtype=None):
        """Dequantised y, and features of the prediction -> picture in [-1, 1], or difference to the prediction."""
        f = depth_to_space(self.from_latent(y), 2)
        f = self.synthesis(f if beside is None else f + beside, dtype)
        return depth_to_space(self.head(f * self.head_gain(q)), 8)

    def expect(self, z, gain, settled):
        """Mean of z in quantiser steps, and what is added to the log of its scale. Positions are known as they are rounded without
        a mean, or if `settled` as they are decoded."""
        if self.hyper_context is None:
            return torch.zeros_like(z), 0
        known = torch.round(z.detach())
        for _ in range(z.shape[3] + 3 * z.shape[2] if settled else 1):     # as far as one depends on another
            mean, log_scale = self.hyper_context(earlier(known / gain))
            mean, before = mean * gain, known
            known = torch.round(z.detach() - mean) + mean
            if torch.equal(known, before):
                break
        return mean, log_scale

    def code_z(self, z, q, hard):
        """z -> what the decoder has of it, its bits (N,)."""
        gain = self.z_gain(q)
        z = z * gain
        mean, log_scale = self.expect(z, gain, hard)
        residual = z - mean
        rounded = ste_round(residual)
        log_scale = log_scale + self.z_log_scale.at(q)[:, :, None, None]
        scale = torch.exp(lower_bound_scale(log_scale.permute(0, 2, 3, 1)))
        bits = ggm.rate(ggm.bits, residual.permute(0, 2, 3, 1), rounded.permute(0, 2, 3, 1), scale,
                        ggm.channel_rows(self.survival, self.z_shape), hard=hard)
        return (rounded + mean) / gain, bits.sum((1, 2, 3))

    def predict(self, k, f, decoded, dtype=None):
        """Mean and log scale of the latents of step k, each (4 phases, N h w, M/4), from hyper features and y_hat after each step before."""
        return self.context[k](torch.cat([f, decoded[-1]], 1) if k else f, k, dtype)

    def y_rate(self, residual, hard, log_scale):
        return ggm.rate(ggm.bits, residual, torch.round(residual), torch.exp(lower_bound_scale(log_scale)),
                        ggm.channel_rows(self.survival, self.y_shape), hard=hard)

    def code_y(self, y, f, q, hard, dtype=None):
        """y and hyper features -> what the decoder has of y, its bits (N,)."""
        n, m, h, w = y.shape
        log_gain = self.y_gain.at(q)
        gain = self.per_latent(torch.exp(log_gain), h * w // 4)
        offset = self.per_latent(log_gain + self.scale_gain.at(q), h * w // 4)
        y = to_phases(y).reshape(4, -1, GROUPS, m // GROUPS)

        phase = torch.arange(4, device=y.device)
        zero = torch.zeros_like(y[0, :, 0])
        known = [[zero] * GROUPS for _ in range(4)]            # [phase][group]: what the decoder knows so far
        decoded, kept = [], []
        for k in range(4):
            group = phase ^ STEP_XOR[k]
            mean, log_s, *others = self.predict(k, f, decoded, dtype)
            g = gain[phase, :, group]
            mean = mean * g
            r = y[phase, :, group] * g - mean
            now = (ste_round(r) + mean) / g
            for_rate = (r, log_s + offset[phase, :, group], *others)
            kept = kept or [[[None] * GROUPS for _ in range(4)] for _ in for_rate]
            for p in range(4):
                i = p ^ STEP_XOR[k]
                known[p][i] = now[p]
                for to, v in zip(kept, for_rate):
                    to[p][i] = v[p]
            decoded.append(from_phases(join(known), n, h, w))
        residual, *predicted = [join(v) for v in kept]
        return decoded[-1], self.y_rate(residual, hard, *predicted).reshape(4, n, -1).sum((0, 2))

    # -- the whole -----------------------------------------------------------------------------------------------
    def forward(self, x, q, prediction=None, hard=False, dtype=None):
        """x (N, 3, H, W) in [-1, 1], q (N,) real-valued levels -> reconstruction, bits of y (N,), bits of z (N,).

        Rounding is straight-through where the decoder sees the latents (Minnen & Singh 2020); in the rate their gradient is that of
        additive noise (ggm.rate), unless hard.
        """
        y, z = self.analyse(x, q, prediction, dtype)
        beside_prior, beside_latents = (None, None) if prediction is None else self.look_at_prediction(prediction, q, dtype)
        z, z_bits = self.code_z(z, q, hard)
        f = self.prior(z, q, dtype)
        if prediction is not None:
            f = f + beside_prior
        y, y_bits = self.code_y(y, f, q, hard, dtype)
        x = self.synthesise(y, q, beside_latents, dtype)
        if prediction is not None:
            x = x + prediction
        return x if self.restoration is None else self.restoration.restore(x, q), y_bits, z_bits

    @staticmethod
    def per_latent(v, positions):
        """(N, M) -> (4, N positions, GROUPS, M/GROUPS), a view where it can be."""
        n, m = v.shape
        return v[:, None].expand(n, positions, m).reshape(1, -1, GROUPS, m // GROUPS).expand(4, -1, -1, -1)


def join(parts):
    """[phase][group] of (N h w, M/4) -> (4, N h w, M)"""
    return torch.stack([torch.cat(groups, 1) for groups in parts])


def lower_bound_scale(log_scale):
    """Log of the scale limited to the coder's grid; the gradient still passes where it leads back inside."""
    return ggm.lower_bound(log_scale, math.log(ggm.SCALE_MIN)).clamp_max(math.log(ggm.SCALE_MAX))


def kmacs_per_pixel(model):
    """Multiply-accumulates per picture pixel of (encoder, decoder), in thousands."""
    c = model.config
    f, m, z, p, t = c['features'], c['latents'], c['hyper'], c['prior'], c['context']

    def block(ch, expand):
        return (2 + 2 * expand) * ch * ch + 9 * ch
    decode = (m * 4 * f / 256 + c['synthesis'] * block(f, 2) / 64 + f * 192 / 64
              + z * 4 * z / 4096 + block(z, 2) / 1024 + z * 4 * p / 1024 + block(p, 1) / 256
              + (4 * p * t + 3 * m * t + 4 * block(t, 1) + 4 * t * m // 2) / 256)
    if c.get('condition'):
        decode += (192 * f + c['condition'] * block(f, 2) + f * f) / 64 + 4 * f * p / 256
    if c.get('hyper_context'):
        known, hidden = len(EARLIER) * z, c['hyper_context']
        decode += (known * 2 * z + (known + hidden + 2 * z) * hidden) / 4096
    encode = ((384 if c.get('condition') else 192) * f / 64 + c['analysis'] * block(f, 2) / 64 + 4 * f * m / 256
              + m * z / 256 + block(z, 2) / 256 + 4 * z * z / 1024 + block(z, 2) / 1024 + 4 * z * z / 4096)
    return encode / 1000, decode / 1000


def dct_init(model):
    """Stem and head start as the 8x8 DCT of an opponent-colour transform and its transpose, the step from 1/8 to 1/16
    as the Haar transform: training then starts at a transform codec instead of noise (several times fewer steps)."""
    import numpy as np
    k = np.arange(8)
    dct = np.sqrt(2 / 8) * np.cos((2 * k[None] + 1) * k[:, None] * np.pi / 16)
    dct[0] /= np.sqrt(2)
    colour = np.array([[1, 1, 1], [1, 0, -1], [-1, 2, -1]], float)
    colour /= np.linalg.norm(colour, axis=1, keepdims=True)
    basis, cost = [], []
    for c in range(3):
        for u in range(8):
            for v in range(8):
                basis.append(np.einsum('y,x,c->yxc', dct[u], dct[v], colour[c]).reshape(192))
                cost.append((u * u + v * v) ** .5 * (1 if c == 0 else 2.5) + (0 if c == 0 else 1.5))
    f, m = model.config['features'], model.config['latents']
    basis = torch.tensor(np.array(basis)[np.argsort(cost, kind='stable')][:f], dtype=torch.float32)
    haar = torch.tensor([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]], dtype=torch.float32) * .5
    rows, cost = [], []
    for c in range(f):
        for j in range(4):
            row = torch.zeros(4, f)
            row[:, c] = haar[j]
            rows.append(row.reshape(-1))
            cost.append(c + (0 if j == 0 else f * .35 * (1.6 if j == 3 else 1)))
    down = torch.stack([rows[i] for i in np.argsort(cost, kind='stable')[:m]])
    with torch.no_grad():
        if model.config['condition']:
            model.stem.weight.copy_(torch.cat([basis, -basis], 1) * 1.4)
            model.condition_enter.weight.copy_(basis * 1.4)
            model.condition_prior.weight.zero_()
            model.condition_synthesis.weight.zero_()
        else:
            model.stem.weight.copy_(basis * 1.4)
        model.head.weight.copy_(basis.T / 1.4)
        model.to_latent.weight.copy_(down)
        model.from_latent.weight.copy_(down.T)


def start_from_picture_codec(model, state):
    """Weights of a picture codec for one with a prediction: it then codes the difference, as the picture codec would."""
    state = dict(state)
    state['stem.weight'] = torch.cat([state['stem.weight'], -state['stem.weight']], 1)
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and all(k.startswith('condition') for k in missing), (missing, unexpected)
