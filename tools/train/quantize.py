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
from integer import EARLIER, SKIP_SCALES
from net import (ANCHORS, GROUPS, LEVELS, STEP_XOR, depth_to_space, depthwise3x3, earlier, from_phases, join, space_to_depth,
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
FEEDBACK_SHARE = 0.75        # of codec/enc_feedback.c


def floor_ste(x):
    return x + (torch.floor(x) - x).detach()


def whole_steps(v):
    """Values in 1/LATENT_UNIT step, rounded to whole steps."""
    return torch.floor((v + LATENT_UNIT // 2) / LATENT_UNIT) * LATENT_UNIT


def replace(x, value):
    """value in the forward pass, the gradient of x in the backward pass."""
    return x + (value - x).detach()


def kept(v, clamped):
    """1 where clamping changed nothing of integers, else 0: not as booleans, which torch.compile stores one by one on a CPU."""
    return 1 - (v - clamped).abs_().clamp_(max=1)


class _Int16(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        clamped = x.clamp(-32768, 32767)
        ctx.save_for_backward(kept(x, clamped))
        return clamped

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0]


def int16(x):
    return _Int16.apply(x)


def outside_of_compiled(function):
    """What is worked out for a layer once must not be fused into what is done for every pixel."""
    return torch.compiler.disable(function) if hasattr(torch, 'compiler') else function


class _Requant(torch.autograd.Function):
    """clamp(((clamp16((acc + bias) >> shift)) * multiplier + 0x4000) >> 15, lo, hi), channels in dimension 1; scale is 2^-shift."""

    @staticmethod
    def forward(ctx, acc, bias, multiplier, scale, lo, hi):
        view = (1, -1) + (1,) * (acc.ndim - 2)
        t = (acc + bias.view(view)).mul_(scale.view(view)).floor_().clamp_(-32768, 32767)
        v = t.mul_(multiplier.view(view)).add_(16384.0).mul_(2.0 ** -15).floor_()
        clamped = v.clamp(lo, hi)
        ctx.save_for_backward(kept(v, clamped), multiplier * scale * 2.0 ** -15)
        ctx.view = view
        return clamped

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


def pointwise(x, layer, lo=-32768.0, hi=32767.0):
    w, *requant = layer
    return _Requant.apply(F.conv2d(x, w[:, :, None, None]), *requant, lo, hi)


def depthwise(x, layer):
    w, *requant = layer
    return _Requant.apply(depthwise3x3(x, w.reshape(-1, 3, 3)), *requant, -127.0, 127.0)


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
        self.half = torch.floor(torch.exp2(self.shift - 1)) * torch.exp2(-self.shift)

    def apply(self, x, shape=lambda v: v[:, :, None, None]):
        """clamp16((x * mantissa + half) >> shift)"""
        return int16(floor_ste(x * shape(self.value) + shape(self.half)))


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
        if self.config.get('hyper_context'):
            for part in ('enter', 'hidden'):
                self.hidden[key('hyper_context', part)] = nn.Parameter(torch.zeros(self.config['hyper_context']), requires_grad=False)
        for name, width in self.streams().items():
            self.register_buffer('stream_' + name, torch.ones(width))
        self.register_buffer('exp2', exp2_table(), persistent=False)
        self.thresholds = None
        self.restoration = None      # Restoration, behind the synthesis

    def blocks(self):
        from net import Block
        return [(n, m) for n, m in self.net.named_modules() if isinstance(m, Block)]

    def blocks_of(self, prefix):
        return [(n, m) for n, m in self.blocks() if n == prefix or n.startswith(prefix + '.')]

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
        if net.hyper_context is not None:
            for part in ('enter', 'hidden'):
                watch(getattr(net.hyper_context, part), None, key('hyper_context', part), True)
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

    def layers(self):
        """Name in the model file, weight (outputs, inputs), bias, real scales of the input and of the output channels of every
        layer, in the order of the file."""
        net, s = self.net, self.stream

        def layer(name, in_scale, out_scale, offset=0.0):
            m = getattr(net, name)
            return name, m.weight, m.bias + offset, in_scale, out_scale

        def blocks(prefix):
            for name, block in self.blocks_of(prefix):
                stream = s(self.block_stream(name))
                a, d, e = (self.scale(name, part) for part in 'ade')
                short = file_name(name)
                yield short + '.a', block.a.weight, block.a.bias, stream, a
                yield short + '.dw', (block.dw.weight * a[:, None, None]).flatten(1), block.dw.bias, torch.ones_like(a[:9]), d
                yield short + '.b', block.b.weight, block.b.bias, d, stream
                yield short + '.e', block.e.weight, block.e.bias, stream, e
                yield short + '.f', block.f.weight, block.f.bias, e, stream

        def pixels(inputs, scale=1 / 255):
            return torch.full_like(s('y')[:1], scale).expand(inputs)
        yield layer('stem', pixels(net.stem.weight.shape[1]), s('analysis'))
        yield from blocks('analysis')
        yield layer('to_latent', s('analysis').repeat(4), s('y'))
        yield layer('hyper_enter', s('y'), s('hyper0'))
        yield from blocks('hyper_block0')
        yield layer('hyper_down0', s('hyper0').repeat(4), s('hyper1'))
        yield from blocks('hyper_block1')
        yield layer('hyper_down1', s('hyper1').repeat(4), s('z'))
        index = torch.full_like(s('z'), ggm.LOG_SCALE_STEP / SCALE_UNIT)   # log scales are in 1/SCALE_UNIT index steps
        if net.hyper_context is not None:
            enter, hidden = (self.scale('hyper_context', part) for part in ('enter', 'hidden'))
            known, out = s('z').repeat(len(EARLIER)), torch.cat([s('z'), index])
            for part, *scales in (('linear', known, out), ('enter', known, enter), ('hidden', enter, hidden), ('leave', hidden, out)):
                m = getattr(net.hyper_context, part)
                yield 'hyper_context.' + part, m.weight, m.bias, *scales
        yield layer('prior_up0', s('z'), s('prior0').repeat(4))
        yield from blocks('prior_block0')
        yield layer('prior_up1', s('prior0'), s('prior1').repeat(4))
        yield from blocks('prior_block1')
        quarter = self.config['latents'] // GROUPS
        index = index[:1].expand(quarter)
        for k, step in enumerate(net.context):
            name = 'context.%d' % k
            yield (name + '.enter', step.enter.weight, step.enter.bias, torch.cat([s('prior1'), s('y')][:2 if k else 1]),
                   s('context%d' % k))
            yield from blocks(name)
            for g in range(GROUPS): # M/4 means in stream units of y, then as many log scales
                yield ('%s.head.%d' % (name, g), step.weight[g], step.bias[g], s('context%d' % k),
                       torch.cat([s('y')[g * quarter:(g + 1) * quarter], index]))
        if self.config.get('condition'):
            yield layer('condition_enter', pixels(192), s('condition'))
            yield from blocks('condition')
            yield layer('condition_prior', s('condition').repeat(4), s('prior1'))
            yield layer('condition_synthesis', s('condition'), s('synthesis'))
        yield layer('from_latent', s('y'), s('synthesis').repeat(4))
        yield from blocks('synthesis')
        # real output 0 is pixel 127.5, or no difference to the prediction
        yield layer('head', s('synthesis'), pixels(192, 2 / 255 / PIXEL_UNIT), float(not self.config.get('condition')))

    def integer_layers(self):
        """Name in the model file -> integer_layer, of every layer."""
        return {name: integer_layer(*layer, self.limit(name)) for name, *layer in self.layers()}

    @outside_of_compiled
    def constants(self, q):
        """What is the same at all positions: weight, bias, multiplier and 2^-shift of each layer, and the gains of pictures of levels
        q, both by their names in the model file, with the gains of y and z the other way as down_y and down_z; and the offsets of scales."""
        quality = torch.round(q * QUALITY_STEPS).long()
        tables = {name: interpolate(t, quality) for name, t in self.tables().items()}
        offsets = {name: tables.pop(name) for name in ('y_offset', 'z_offset')}
        gains = {name: Gains(log2, self.exp2) for name, log2 in tables.items()}
        gains.update(('down_' + name, Gains(-tables[name + '_gain'], self.exp2)) for name in 'yz')
        layers = {name: (w, b, multiplier, torch.exp2(-shift)) for name, (w, b, multiplier, shift) in self.integer_layers().items()}
        return layers, gains, offsets

    def run_blocks(self, x, layers, prefix):
        for name, _ in self.blocks_of(prefix):
            a, dw, b, e, f = (layers[file_name(name) + '.' + part] for part in ('a', 'dw', 'b', 'e', 'f'))
            x = int16(x + pointwise(depthwise(pointwise(x, a, 0.0, 127.0), dw), b))
            x = int16(x + pointwise(pointwise(x, e, 0.0, 127.0), f))
        return x

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
    def look_at_prediction(self, pixels, layers, gains):
        f = pointwise(space_to_depth(pixels, 8), layers['condition_enter'])
        f = gains['condition_gain'].apply(self.run_blocks(f, layers, 'condition'))
        return pointwise(space_to_depth(f, 2), layers['condition_prior']), pointwise(f, layers['condition_synthesis'])

    def synthesise(self, y, layers, gains, beside=None):
        f = depth_to_space(pointwise(y, layers['from_latent']), 2)
        f = self.run_blocks(f if beside is None else int16(f + beside), layers, 'synthesis')
        return depth_to_space(pointwise(gains['head_gain'].apply(f), layers['head']), 8)

    def analyse(self, layers, gains, *pictures):
        """2 p - 255 of the pixels of a picture, and of its prediction if there is one -> y"""
        cells = torch.cat([space_to_depth(v, 8) for v in pictures], 1)
        f = gains['stem_gain'].apply(pointwise(cells, layers['stem']))
        return pointwise(space_to_depth(self.run_blocks(f, layers, 'analysis'), 2), layers['to_latent'])

    def hyper_context(self, x, layers):
        """Dequantised z of the positions of EARLIER -> (mean before its gain, log scale)"""
        linear, enter, hidden, leave = (layers['hyper_context.' + part] for part in ('linear', 'enter', 'hidden', 'leave'))
        h = pointwise(pointwise(x, enter, 0.0, 127.0), hidden, 0.0, 127.0)
        return int16(pointwise(x, linear) + pointwise(h, leave)).chunk(2, 1)

    def expect(self, known, layers, gains, offset):
        """z in 1/16 step as far as it is known -> means in 1/16 step and scale indices of all positions."""
        mean = log_scale = torch.zeros_like(known)
        if self.net.hyper_context is not None:
            mean, log_scale = self.hyper_context(earlier(gains['down_z'].apply(known)), layers)
            mean = gains['z_gain'].apply(mean)
        return mean, floor_ste((log_scale + offset[:, :, None, None] + SCALE_UNIT // 2) / SCALE_UNIT)

    @outside_of_compiled
    @torch.no_grad()
    def settle(self, z, *constants):
        """z in 1/16 step -> z as it is decoded."""
        decoded = torch.zeros_like(z)
        for _ in range(z.shape[3] + 3 * z.shape[2]):     # as far as one position depends on another
            before = decoded
            decoded = self.code_z(z, before, *constants)[0]
            if torch.equal(decoded, before):
                break
        return decoded

    def code_z(self, z, known, *constants):
        """z in 1/16 step and as far as it is known -> z as decoded, in 1/16 step, and of all hyper latents residual in steps, symbol,
        scale index."""
        mean, index = self.expect(known, *constants)
        residual = (z - mean) / LATENT_UNIT
        symbol = replace(residual, torch.floor(residual + 0.5))
        return int16(symbol * LATENT_UNIT + mean), residual, symbol, index

    def code_y(self, y, f, layers, gains, offset):
        """y and hyper features -> y as decoded, and of all latents, each (4 phases, N h w, M): residual in quantiser steps, symbol, scale
        index"""
        n, m, h, w = y.shape
        up, down = gains['y_gain'], gains['down_y']
        per_latent = lambda v: self.net.per_latent(v, h * w // 4)
        phase = torch.arange(4, device=y.device)
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
            mean, log_s = self.context_step(f if k == 0 else torch.cat([f, y_hat], 1), layers, k)
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
        return y_hat, join(residual), join(written), join(index)

    def paint(self, y_hat, q, layers, gains, beside=None, predicted=None):
        """y as decoded, what the prediction adds to its features, 2 p - 255 of the prediction -> samples in 1/64"""
        v = self.synthesise(y_hat, layers, gains, beside)
        if predicted is not None:
            v = v + (predicted + 255) * (PIXEL_UNIT / 2)
        return v if self.restoration is None else self.restoration(v, q)

    @staticmethod
    def to_8_bits(v):
        return torch.floor((v + PIXEL_UNIT // 2) / PIXEL_UNIT).clamp(0, 255)

    @torch.no_grad()
    def feed_back(self, y, f, q, layers, gains, offset):
        """y, to be rounded again, after one round of codec/enc_feedback.c."""
        y_hat = self.code_y(y, f, layers, gains, offset)[0]
        again = self.analyse(layers, gains, 2 * self.to_8_bits(self.paint(y_hat, q, layers, gains)) - 255)
        return int16(y + torch.floor(FEEDBACK_SHARE * (y_hat - again) + 0.5))

    def forward(self, x, q, prediction=None, hard=False, dtype=None):
        """As net.Codec.forward; q is rounded to the 1/16 levels of the header, x and prediction must hold 8-bit pixel
        values."""
        ft = self.net.stem.weight.dtype
        layers, gains, offsets = self.constants(q)
        n = len(x)
        to_samples = lambda v: torch.round((v + 1) * 127.5).to(ft) * 2 - 255
        pictures, predicted = [to_samples(x)], None
        beside_prior = beside_latents = None
        if prediction is not None:
            predicted = to_samples(prediction)
            pictures.append(predicted)
            beside_prior, beside_latents = self.look_at_prediction(predicted, layers, gains)
        y = self.analyse(layers, gains, *pictures)
        f = self.run_blocks(gains['hyper_gain'].apply(pointwise(y, layers['hyper_enter'])), layers, 'hyper_block0')
        f = self.run_blocks(pointwise(space_to_depth(f, 2), layers['hyper_down0']), layers, 'hyper_block1')
        z = pointwise(space_to_depth(f, 2), layers['hyper_down1'])

        z, constants = gains['z_gain'].apply(z), (layers, gains, offsets['z_offset'])
        if hard or self.thresholds is not None:      # the symbols that files hold
            known = self.settle(z.detach(), *constants)
        else:
            known = whole_steps(z.detach())
        z_hat, *coded = self.code_z(z, known, *constants)
        z, z_symbol, z_index = (v.permute(0, 2, 3, 1) for v in coded)
        shapes = ggm.SHAPE_MIN + ggm.SHAPE_STEP * self.shapes(self.net.z_shape)
        z_bits = ggm.rate(ggm.bits, z, z_symbol, self.index_scale(z_index), ggm.channel_rows(self.net.survival, shapes), hard=hard)
        f = gains['down_z'].apply(z_hat)
        f = self.run_blocks(depth_to_space(pointwise(f, layers['prior_up0']), 2), layers, 'prior_block0')
        f = self.run_blocks(depth_to_space(pointwise(f, layers['prior_up1']), 2), layers, 'prior_block1')
        f = gains['prior_gain'].apply(f)
        if prediction is not None:
            f = int16(f + beside_prior)

        offset = offsets['y_offset']
        if self.thresholds is not None and prediction is None:
            y = self.feed_back(y, f, q, layers, gains, offset)
        y_hat, residual, written, index = self.code_y(y, f, layers, gains, offset)
        shapes = ggm.SHAPE_MIN + ggm.SHAPE_STEP * self.shapes(self.net.y_shape)
        y_bits = ggm.rate(ggm.bits, residual, written, self.index_scale(index), ggm.channel_rows(self.net.survival, shapes), hard=hard)
        v = self.paint(y_hat, q, layers, gains, beside_latents, predicted)
        if hard:
            v = self.to_8_bits(v) * PIXEL_UNIT
        self.last = dict(z=coded[1], y=written, index=index, v=v) if hard else None
        return v * (2 / 255 / PIXEL_UNIT) - 1, y_bits.reshape(4, n, -1).sum((0, 2)), z_bits.sum((1, 2, 3))

    @staticmethod
    def index_scale(index):
        index = ggm.lower_bound(index, 0.0).clamp_max(ggm.SCALE_COUNT - 1.0)
        return ggm.SCALE_MIN * torch.exp(index * ggm.LOG_SCALE_STEP)

    def context_step(self, x, layers, k):
        name = 'context.%d' % k
        f = to_phases(self.run_blocks(pointwise(x, layers[name + '.enter']), layers, name))
        out = []
        for p in range(4):
            w, *requant = layers['%s.head.%d' % (name, p ^ STEP_XOR[k])]
            out.append(_Requant.apply(f[p] @ w.t(), *requant, -32768.0, 32767.0))
        return torch.stack(out).chunk(2, 2)


def file_name(name):
    """Name of a block in the model file."""
    return name.replace('.blocks', '')


def key(name, part):
    """Parameter name of a hidden scale (ParameterDict keys may not hold dots)."""
    return name.replace('.', '_') + '_' + part
