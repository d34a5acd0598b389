"""The networks in libmica's integers, trainable: every tensor holds integer values in floating point, every rounding is
straight-through, and the arithmetic is the one of docs/numerics.md. In float64 the results equal the C code bit for bit
(tests/reference compares); in float32 only sums above 2^24 may differ in the last bit, which is good enough to train on.

Three kinds of tensors:
  stream   int16 with one fixed real scale per channel (chosen by calibration, the range is ample)
  hidden   u7 after ReLU or s8, with one learned real scale per channel (LSQ: its gradient comes through the rounding)
  latents  in 1/16 of the quantiser step of the quality level at hand
All scales are folded into the weights and multipliers; the model file holds integers only.
"""
import math
import re

import torch
import torch.nn as nn
import torch.nn.functional as F

import ggm
from integer import SKIP_SCALES
from net import (ANCHORS, GROUPS, LEVELS, STEP_XOR, depth_to_space, depthwise3x3, from_phases, join, space_to_depth,
                 ste_round, to_phases)

STREAM_PEAK = 12000.0        # calibration peak of a stream channel, leaving a factor 2.7 to int16
QUALITY_STEPS = 16           # sub-steps of a quality level; the header holds quality in 0..MAX_QUALITY
MAX_QUALITY = (LEVELS - 1) * QUALITY_STEPS
ANCHOR_SPAN = MAX_QUALITY // (ANCHORS - 1)
LATENT_UNIT = 16             # latents and means are in 1/16 quantiser step
LOG_GAIN_UNIT = 256          # gains are stored as log2 in 1/256
GAIN_OCTAVES = 12            # a model file may have one more, which training may use up
SCALE_UNIT = 64              # log scales are in 1/64 of an index step
MOST_ROW_SUM = 64000         # of the magnitudes of a row of int16 weights: 65535 without a bias
BIT_WEIGHT = 0.07            # of its rounding at effort 2, in squared steps a bit (codec/enc_rounding.c)
HIDDEN_RESERVE = 1.0, 2.0    # of calibration, above the mean peak of a hidden channel: without a prediction and with one, where
                             # peaks differ more from frame to frame
PIXEL_UNIT = 64              # the head puts out pixels in 1/64


def floor_ste(x):
    return x + (torch.floor(x) - x).detach()


def replace(x, value):
    """value in the forward pass, the gradient of x in the backward pass."""
    return x + (value - x).detach()


def int16(x):
    return x.clamp(-32768, 32767)


class _Requant(torch.autograd.Function):
    """clamp(((clamp16((acc + bias) >> shift)) * multiplier + 0x4000) >> 15, lo, hi), channels in dimension 1."""

    @staticmethod
    def forward(ctx, acc, bias, multiplier, shift, lo, hi):
        view = (1, -1) + (1,) * (acc.ndim - 2)
        scale = torch.exp2(-shift).view(view)
        t = (acc + bias.view(view)).mul_(scale).floor_().clamp_(-32768, 32767)
        v = t.mul_(multiplier.view(view)).add_(16384.0).mul_(2.0 ** -15).floor_()
        ctx.save_for_backward((v >= lo) & (v <= hi), multiplier * torch.exp2(-shift - 15))
        ctx.view = view
        return v.clamp_(lo, hi)

    @staticmethod
    def backward(ctx, g):
        inside, ratio = ctx.saved_tensors
        g = g * inside * ratio.view(ctx.view)
        return g, g.sum([d for d in range(g.ndim) if d != 1]), None, None, None, None


def dyadic(ratio):
    """(multiplier in 16384..32767, shift) with multiplier * 2^-(15 + shift) next to ratio < 1."""
    ratio = ratio.detach().double().clamp(2.0 ** -46, 32767 / 32768)
    shift = (-torch.floor(torch.log2(ratio)) - 1).clamp(0, 31)
    multiplier = torch.round(ratio * torch.exp2(15 + shift))
    over = multiplier > 32767
    shift = torch.where(over & (shift > 0), shift - 1, shift)
    multiplier = torch.where(over, torch.round(ratio * torch.exp2(15 + shift)), multiplier).clamp(1, 32767)
    return multiplier, shift


def weight_step(effective, limit):
    """Quantiser step of each row: the largest weight sets it for 8 bits; with fewer it pays to clip, and the step with the
    least squared error wins."""
    magnitudes = effective.detach().abs()
    full = magnitudes.amax(1) / limit
    if limit > 127: # a row's magnitudes sum up to what keeps its products with int16 within 32 bits, rounding included
        return torch.maximum(full, magnitudes.sum(1) / (MOST_ROW_SUM - effective.shape[1] / 2))
    if limit == 127:
        return full
    candidates = torch.linspace(0.4, 1.0, 13, dtype=full.dtype, device=full.device)[:, None, None] * full[:, None]
    w = effective.detach()
    error = ((torch.round(w / candidates).clamp(-limit, limit) * candidates - w) ** 2).sum(2)
    return candidates[:, :, 0].gather(0, error.argmin(0, keepdim=True))[0]


def integer_layer(weight, bias, in_scale, out_scale, limit=127):
    """weight (outputs, inputs), real scales of the input channels (inputs,) and output channels (outputs,) ->
    integer weights in -limit..limit, bias (with the rounding half), multiplier, shift; weights and bias carry
    gradients."""
    effective = weight * in_scale[None] / out_scale[:, None]
    multiplier, shift = dyadic(weight_step(effective, limit))
    ratio = multiplier * torch.exp2(-15 - shift)
    multiplier, shift, ratio = (v.to(weight.dtype) for v in (multiplier, shift, ratio))
    w = ste_round(effective / ratio[:, None]).clamp(-limit, limit)
    b = ste_round(bias / out_scale / ratio) + torch.floor(torch.exp2(shift - 1))
    return w, b, multiplier, shift


def pointwise(x, weight, bias, in_scale, out_scale, lo=-32768.0, hi=32767.0, limit=127):
    w, b, multiplier, shift = integer_layer(weight, bias, in_scale, out_scale, limit)
    return _Requant.apply(F.conv2d(x, w[:, :, None, None]), b, multiplier, shift, lo, hi)


def depthwise(x, weight, bias, in_scale, out_scale):
    c = x.shape[1]
    w, b, multiplier, shift = integer_layer((weight * in_scale[:, None, None]).reshape(c, 9), bias,
                                            torch.ones(9, dtype=x.dtype, device=x.device), out_scale)
    return _Requant.apply(depthwise3x3(x, w.reshape(c, 3, 3)), b, multiplier, shift, -127.0, 127.0)


def rounding_thresholds(survival):
    """(SHAPE_COUNT, SCALE_COUNT, 2): from which magnitude on a latent becomes 1 and 2, by what a larger symbol costs
    (codec/enc_rounding.c)."""
    shape = ggm.SHAPE_MIN + ggm.SHAPE_STEP * torch.arange(ggm.SHAPE_COUNT, dtype=survival.dtype, device=survival.device)
    scale = FixedCodec.index_scale(torch.arange(float(ggm.SCALE_COUNT), device=survival.device))
    rows = ggm.channel_rows(survival, shape)
    symbol = torch.arange(3.0, device=survival.device)
    bits = ggm.bits(symbol[:, None, None].expand(3, ggm.SCALE_COUNT, ggm.SHAPE_COUNT), scale[:, None], rows).permute(2, 1, 0)
    late = torch.floor((bits.diff(dim=-1).clamp_min(0) * (BIT_WEIGHT / 2 * LATENT_UNIT))).clamp_max(LATENT_UNIT)
    return symbol[:2] + 0.5 + late / LATENT_UNIT


def exp2_table():
    """Mantissas round(2^14 * 2^(i/256)), i = 0..255; the C code holds the same numbers."""
    return torch.round(2.0 ** 14 * torch.exp2(torch.arange(256, dtype=torch.float64) / 256))


def interpolate(anchors, quality):
    """Integer anchors (ANCHORS, C) at integer quality (N,) in 0..MAX_QUALITY -> (N, C), rounded half up."""
    i = torch.div(quality, ANCHOR_SPAN, rounding_mode='floor').clamp(0, ANCHORS - 2)
    f = (quality - i * ANCHOR_SPAN)[:, None].to(anchors.dtype)
    v = anchors[i] * (ANCHOR_SPAN - f) + anchors[i + 1] * f
    return replace(v / ANCHOR_SPAN, torch.floor((v.detach() + ANCHOR_SPAN // 2) / ANCHOR_SPAN))


class Gains:
    """The dyadic multipliers 2^(log2/256) of integer log2 values (N, C): value = mantissa * 2^-shift."""

    def __init__(self, log2, table):
        exact = torch.exp2(log2 / LOG_GAIN_UNIT)
        i = log2.detach().round().long()
        self.mantissa = table[i & 255].to(log2.dtype)
        self.shift = (14 - torch.div(i, 256, rounding_mode='floor')).to(log2.dtype)
        self.value = replace(exact, self.mantissa * torch.exp2(-self.shift))

    def apply(self, x, shape=lambda v: v[:, :, None, None]):
        """clamp16((x * mantissa + half) >> shift)"""
        half = torch.floor(torch.exp2(self.shift - 1)) * torch.exp2(-self.shift)
        return int16(floor_ste(x * shape(self.value) + shape(half)))


class FixedCodec(nn.Module):
    """net.Codec in integers. Parameters: those of the float codec and the log scales of the hidden tensors."""

    def __init__(self, net, bits=None):
        """bits: name of a layer in the model file -> bits of its weights, where they are not 8: fewer, or up to 16 in a layer with
        int16 inputs, as far as the sums of a row allow."""
        super().__init__()
        self.net = net
        self.bits = dict(bits or {})
        self.config = net.config
        self.hidden = nn.ParameterDict()
        for name, block in self.blocks():
            c, e = block.a.bias.numel(), block.e.bias.numel()
            for part, width in (('a', c), ('d', c), ('e', e)):
                self.hidden[key(name, part)] = nn.Parameter(torch.zeros(width))
        for name, width in self.streams().items():
            self.register_buffer('stream_' + name, torch.ones(width))
        self.register_buffer('exp2', exp2_table(), persistent=False)
        self.thresholds = None

    def blocks(self):
        from net import Block
        return [(n, m) for n, m in self.net.named_modules() if isinstance(m, Block)]

    def streams(self):
        c = self.config
        s = dict(analysis=c['features'], y=c['latents'], hyper0=c['hyper'], hyper1=c['hyper'], z=c['hyper'],
                 prior0=c['hyper'], prior1=c['prior'], synthesis=c['features'])
        for k in range(4):
            s['context%d' % k] = c['context']
        if c.get('condition'):
            s['condition'] = c['features']
        return s

    def stream(self, name):
        return getattr(self, 'stream_' + name)

    def freeze_encoder(self):
        """Keep the analysis and the quantiser steps as they are, and round the latents as an encoder does at effort 2: the
        decoder, which is left to train, sees the very symbols that files hold."""
        for name, p in self.named_parameters():
            if re.match(r'(net\.|hidden\.)(stem|analysis|to_latent|hyper|y_gain|z_gain)', name):
                p.requires_grad_(False)
        self.thresholds = rounding_thresholds(self.net.survival)

    def round_latents(self, r, index, shape):
        """Symbols of r (..., M/4) in quantiser steps, with their scale and shape indices."""
        if self.thresholds is None:
            return replace(r, torch.floor(r + 0.5))
        with torch.no_grad():
            index = index.clamp(0, ggm.SCALE_COUNT - 1).long()
            late = self.thresholds.to(r.device)[shape.long().expand_as(index), index]
            magnitude = r.abs()
            s = torch.floor(magnitude - late[..., 1] + 2)
            s = torch.where(s < 2, (magnitude >= late[..., 0]).to(s.dtype), s) * (index >= SKIP_SCALES)
        return replace(r, s * torch.sign(r))

    # -- calibration ---------------------------------------------------------------------------------------------
    @torch.no_grad()
    def calibrate(self, batches):
        """Set all scales from the ranges that the float network shows on batches of (x, q) or (x, q, prediction)."""
        peak = {}

        def record(name, t):
            v = t.detach().float().abs().transpose(0, 1).reshape(t.shape[1], -1).amax(1)
            peak.setdefault(name, []).append(v)
        net, hooks = self.net, []

        def watch(module, name_in=None, name_out=None, relu=False):
            def hook(_, inputs, output):
                if name_in:
                    record(name_in, inputs[0])
                if name_out:
                    record(name_out, F.relu(output) if relu else output)
            hooks.append(module.register_forward_hook(hook))
        where = {}
        for name, block in self.blocks():
            stream = self.block_stream(name)
            watch(block, stream, stream)
            watch(block.a, None, key(name, 'a'), True)
            watch(block.dw, None, key(name, 'd'))
            watch(block.e, None, key(name, 'e'), True)
            where[name] = stream
        watch(net.stem, None, 'analysis')
        watch(net.to_latent, None, 'y')
        watch(net.hyper_enter, None, 'hyper0')
        watch(net.hyper_down0, None, 'hyper1')
        watch(net.hyper_down1, None, 'z')
        watch(net.prior_up0, 'z', 'prior0*4')
        watch(net.prior_up1, None, 'prior1*4')
        watch(net.from_latent, 'y', 'synthesis*4')
        watch(net.head, 'synthesis', None)
        if self.config.get('condition'):
            watch(net.condition_enter, None, 'condition')
            watch(net.condition_prior, 'condition*4', 'prior1')
            watch(net.condition_synthesis, 'condition', 'synthesis')
        for k, step in enumerate(net.context):
            watch(step.enter, 'context_in', 'context%d' % k)
        for batch in batches:
            net(*batch, hard=True)
        for h in hooks:
            h.remove()
        p = self.config['prior']
        for v in peak.pop('context_in'):
            peak['prior1'].append(v[:p])
            if v.numel() > p:
                peak['y'].append(v[p:])
        for name in ('prior0', 'prior1', 'synthesis', 'condition'):
            for v in peak.pop(name + '*4', []):
                peak[name].append(v.reshape(4, -1).amax(0))
        for name in self.streams():
            v = torch.stack(peak[name]).amax(0)
            self.stream(name).copy_((v.clamp_min(v.max() * 1e-3) / STREAM_PEAK))
        # channels that hardly move, as with a good prediction, must not need gains beyond those of a model file
        for name, gain in (('y', net.y_gain), ('z', net.z_gain)):
            least = 2.0 ** -GAIN_OCTAVES / (LATENT_UNIT * torch.exp(gain.log.amin(0)))
            self.stream(name).copy_(torch.maximum(self.stream(name), least))
        reserve = HIDDEN_RESERVE[bool(self.config.get('condition'))]
        for name in self.hidden:
            v = torch.stack(peak[name]).mean(0)
            self.hidden[name].copy_(torch.log(reserve * v.clamp_min(v.max() * 1e-3) / 127))

    @staticmethod
    def block_stream(name):
        part = name.split('.')
        if part[0] == 'context':
            return 'context' + part[1]
        return part[0].replace('hyper_block', 'hyper').replace('prior_block', 'prior')

    # -- building stones -----------------------------------------------------------------------------------------
    def limit(self, layer):
        """Largest weight of a layer, by its name in the model file."""
        return 2 ** (self.bits.get(layer, 8) - 1) - 1

    def scale(self, name, part):
        return torch.exp(self.hidden[key(name, part)])

    def block(self, x, name, block):
        s = self.stream(self.block_stream(name))
        a, d, e = (self.scale(name, part) for part in 'ade')
        a_limit, b_limit, e_limit, f_limit = (self.limit(file_name(name) + '.' + part) for part in 'abef')
        h = pointwise(x, block.a.weight, block.a.bias, s, a, 0.0, 127.0, a_limit)
        h = depthwise(h, block.dw.weight, block.dw.bias, a, d)
        x = int16(x + pointwise(h, block.b.weight, block.b.bias, d, s, limit=b_limit))
        h = pointwise(x, block.e.weight, block.e.bias, s, e, 0.0, 127.0, e_limit)
        return int16(x + pointwise(h, block.f.weight, block.f.bias, e, s, limit=f_limit))

    def run_blocks(self, x, prefix):
        for name, block in self.blocks():
            if name == prefix or name.startswith(prefix + '.'):
                x = self.block(x, name, block)
        return x

    def layer(self, x, name, in_scale, out_scale):
        m = getattr(self.net, name)
        return pointwise(x, m.weight, m.bias, in_scale, out_scale, limit=self.limit(name))

    def gains(self, log2):
        return Gains(log2, self.exp2)

    def tables(self):
        """Integer anchor tables (ANCHORS, C) of the model file, with gradients."""
        net, ln2 = self.net, math.log(2)

        def log2(v):
            return ste_round(v * (LOG_GAIN_UNIT / ln2))

        def index(v):
            return ste_round((v - math.log(ggm.SCALE_MIN)) * (SCALE_UNIT / ggm.LOG_SCALE_STEP))
        sy, sz = torch.log(LATENT_UNIT * self.stream('y')), torch.log(LATENT_UNIT * self.stream('z'))
        tables = dict(stem_gain=log2(net.stem_gain.log), hyper_gain=log2(net.hyper_gain.log),
                      prior_gain=log2(net.prior_gain.log), head_gain=log2(net.head_gain.log),
                      y_gain=log2(net.y_gain.log + sy), z_gain=log2(net.z_gain.log + sz),
                      y_offset=index(net.y_gain.log + net.scale_gain.log), z_offset=index(net.z_log_scale.log))
        if self.config.get('condition'):
            tables['condition_gain'] = log2(net.condition_gain.log)
        return tables

    def shapes(self, v):
        return ste_round((v - ggm.SHAPE_MIN) / ggm.SHAPE_STEP).clamp(0, ggm.SHAPE_COUNT - 1)

    # -- the nets ------------------------------------------------------------------------------------------------
    def look_at_prediction(self, pixels, at):
        s = self.stream('condition')
        f = self.layer(space_to_depth(pixels, 8), 'condition_enter', self.pixel_scale(192), s)
        f = at('condition_gain').apply(self.run_blocks(f, 'condition'))
        return (self.layer(space_to_depth(f, 2), 'condition_prior', s.repeat(4), self.stream('prior1')),
                self.layer(f, 'condition_synthesis', s, self.stream('synthesis')))

    def pixel_scale(self, inputs):
        w = self.net.stem.weight
        return torch.full((inputs,), 1 / 255, dtype=w.dtype, device=w.device)

    def synthesise(self, y, at, beside=None):
        s = self.stream('synthesis')
        f = depth_to_space(self.layer(y, 'from_latent', self.stream('y'), s.repeat(4)), 2)
        f = self.run_blocks(f if beside is None else int16(f + beside), 'synthesis')
        f = at('head_gain').apply(f)
        pixel = torch.full((192,), 2 / 255 / PIXEL_UNIT, dtype=f.dtype, device=f.device)
        m = self.net.head
        # real output 0 is pixel 127.5, or no difference to the prediction
        v = pointwise(f, m.weight, m.bias + (beside is None), s, pixel, limit=self.limit('head'))
        return depth_to_space(v, 8)

    def forward(self, x, q, prediction=None, hard=False, dtype=None):
        """As net.Codec.forward; q is rounded to the 1/16 levels of the header, x and prediction must hold 8-bit pixel
        values."""
        ft = self.net.stem.weight.dtype
        quality = torch.round(q * QUALITY_STEPS).long()
        tables = self.tables()

        def at(name):
            return self.gains(interpolate(tables[name], quality))
        n, _, height, width = x.shape
        m, h, w = self.config['latents'], height // 16, width // 16
        to_pixels = lambda v: torch.round((v + 1) * 127.5).to(ft) * 2 - 255
        f = space_to_depth(to_pixels(x), 8)
        beside_prior = beside_latents = None
        if prediction is not None:
            predicted = to_pixels(prediction)
            beside_prior, beside_latents = self.look_at_prediction(predicted, at)
            f = torch.cat([f, space_to_depth(predicted, 8)], 1)
        f = self.layer(f, 'stem', self.pixel_scale(f.shape[1]), self.stream('analysis'))
        f = self.run_blocks(at('stem_gain').apply(f), 'analysis')
        y = self.layer(space_to_depth(f, 2), 'to_latent', self.stream('analysis').repeat(4), self.stream('y'))
        f = self.layer(y, 'hyper_enter', self.stream('y'), self.stream('hyper0'))
        f = self.run_blocks(at('hyper_gain').apply(f), 'hyper_block0')
        f = self.layer(space_to_depth(f, 2), 'hyper_down0', self.stream('hyper0').repeat(4), self.stream('hyper1'))
        f = self.run_blocks(f, 'hyper_block1')
        z = self.layer(space_to_depth(f, 2), 'hyper_down1', self.stream('hyper1').repeat(4), self.stream('z'))

        z_log2 = interpolate(tables['z_gain'], quality)
        z = self.gains(z_log2).apply(z) / LATENT_UNIT
        z_symbol = replace(z, torch.floor(z + 0.5))
        z_index = floor_ste((interpolate(tables['z_offset'], quality) + SCALE_UNIT // 2) / SCALE_UNIT)
        z_scale = self.index_scale(z_index)[:, None, None, :]
        shapes = ggm.SHAPE_MIN + ggm.SHAPE_STEP * self.shapes(self.net.z_shape)
        z_bits = ggm.rate(ggm.bits, z.permute(0, 2, 3, 1), z_symbol.permute(0, 2, 3, 1), z_scale,
                          ggm.channel_rows(self.net.survival, shapes), hard=hard)
        f = self.gains(-z_log2).apply(z_symbol * LATENT_UNIT)
        f = self.layer(f, 'prior_up0', self.stream('z'), self.stream('prior0').repeat(4))
        f = self.run_blocks(depth_to_space(f, 2), 'prior_block0')
        f = self.layer(f, 'prior_up1', self.stream('prior0'), self.stream('prior1').repeat(4))
        f = self.run_blocks(depth_to_space(f, 2), 'prior_block1')
        f = at('prior_gain').apply(f)
        if prediction is not None:
            f = int16(f + beside_prior)

        y_log2 = interpolate(tables['y_gain'], quality)
        up, down = self.gains(y_log2), self.gains(-y_log2)
        offset = interpolate(tables['y_offset'], quality)
        per_latent = lambda v: self.net.per_latent(v, h * w // 4)
        phase = torch.arange(4, device=x.device)
        y = to_phases(y).reshape(4, -1, GROUPS, m // GROUPS)
        zero = torch.zeros_like(y[0, :, 0])
        decoded = [[zero] * GROUPS for _ in range(4)]
        residual = [[None] * GROUPS for _ in range(4)]
        written = [[None] * GROUPS for _ in range(4)]
        y_shape = self.shapes(self.net.y_shape)
        index = [[None] * GROUPS for _ in range(4)]
        y_hat = None
        for k in range(4):
            group = phase ^ STEP_XOR[k]
            pick = lambda v: per_latent(v)[phase, :, group]
            mean, log_s = self.context_step(f if k == 0 else torch.cat([f, y_hat], 1), k)
            mean = up.apply(mean, pick)
            target = up.apply(y[phase, :, group], pick)
            r = (target - mean) / LATENT_UNIT
            log_s = floor_ste((log_s + pick(offset) + SCALE_UNIT // 2) / SCALE_UNIT)
            symbol = self.round_latents(r, log_s, y_shape.reshape(GROUPS, 1, -1)[group])
            now = down.apply(int16(symbol * LATENT_UNIT + mean), pick)
            for p in range(4):
                i = p ^ STEP_XOR[k]
                decoded[p][i], residual[p][i], written[p][i], index[p][i] = now[p], r[p], symbol[p], log_s[p]
            y_hat = from_phases(join(decoded), n, h, w)
        residual, written, index = join(residual), join(written), join(index)
        shapes = ggm.SHAPE_MIN + ggm.SHAPE_STEP * y_shape
        y_bits = ggm.rate(ggm.bits, residual, written, self.index_scale(index), ggm.channel_rows(self.net.survival, shapes), hard=hard)
        v = self.synthesise(y_hat, at, beside_latents)
        if prediction is not None:
            v = v + (predicted + 255) * (PIXEL_UNIT / 2)
        if hard:
            v = torch.floor((v + PIXEL_UNIT // 2) / PIXEL_UNIT).clamp(0, 255) * PIXEL_UNIT
        self.last = dict(z=z_symbol, y=written, index=index, v=v) if hard else None
        return v * (2 / 255 / PIXEL_UNIT) - 1, y_bits.reshape(4, n, -1).sum((0, 2)), z_bits.sum((1, 2, 3))

    @staticmethod
    def index_scale(index):
        index = ggm.lower_bound(index, 0.0).clamp_max(ggm.SCALE_COUNT - 1.0)
        return ggm.SCALE_MIN * torch.exp(index * ggm.LOG_SCALE_STEP)

    def context_layers(self, k):
        """Weight, bias, input scale, output scale of the four group heads of step k: outputs are the M/4 means in
        stream units of y, then the M/4 log scales in 1/SCALE_UNIT index steps."""
        step, s = self.net.context[k], self.stream('context%d' % k)
        quarter = self.config['latents'] // GROUPS
        for g in range(GROUPS):
            unit = torch.full((quarter,), ggm.LOG_SCALE_STEP / SCALE_UNIT, dtype=s.dtype, device=s.device)
            yield step.weight[g], step.bias[g], s, torch.cat([self.stream('y')[g * quarter:(g + 1) * quarter], unit])

    def context_step(self, x, k):
        step = self.net.context[k]
        s_in = self.stream('prior1') if k == 0 else torch.cat([self.stream('prior1'), self.stream('y')])
        f = pointwise(x, step.enter.weight, step.enter.bias, s_in, self.stream('context%d' % k),
                      limit=self.limit('context.%d.enter' % k))
        f = to_phases(self.run_blocks(f, 'context.%d' % k))
        heads = list(self.context_layers(k))
        out = []
        for p in range(4):
            g = p ^ STEP_XOR[k]
            wi, b, multiplier, shift = integer_layer(*heads[g], self.limit('context.%d.head.%d' % (k, g)))
            out.append(_Requant.apply(f[p] @ wi.t(), b, multiplier, shift, -32768.0, 32767.0))
        return torch.stack(out).chunk(2, 2)


def file_name(name):
    """Name of a block in the model file."""
    return name.replace('.blocks', '')


def key(name, part):
    """Parameter name of a hidden scale (ParameterDict keys may not hold dots)."""
    return name.replace('.', '_') + '_' + part
