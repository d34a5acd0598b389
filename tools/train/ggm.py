"""Generalized-Gaussian rate model for training.

The unit-variance generalized Gaussian with shape b has density proportional to exp(-(a(b) |t|)^b); b = 2 is the
normal, b = 1 the Laplace distribution. Its survival function Q(t) = P(T > t) is tabulated once in double precision
(scipy) over a logarithmic grid of t and a grid of shapes, then looked up with linear interpolation in both, so that
both the scale and the shape of a latent can be learned by gradient. Source: Zhang et al., "Generalized Gaussian Model
for Learned Image Compression" (arXiv 2411.19320).
"""
import numpy as np
import torch

SHAPE_MIN, SHAPE_STEP, SHAPE_COUNT = 0.5, 0.125, 16      # shapes 0.5 .. 2.375
SCALE_MIN, SCALE_MAX, SCALE_COUNT = 0.11, 256.0, 64      # standard deviation in quantiser steps, log grid
LOG_SCALE_STEP = float(np.log(SCALE_MAX / SCALE_MIN) / (SCALE_COUNT - 1))
PROBABILITY_FLOOR = 2.0 ** -16

_SIZE, _DENSITY, _T_MAX = 1024, 8.0, 64.0
_PER_UNIT = (_SIZE - 2) / np.log2(1 + _DENSITY * _T_MAX)


def survival(shape, t):
    """Q(t) of the unit-variance generalized Gaussian, t >= 0, double precision."""
    from scipy.special import gammaincc, gammaln
    a = np.exp(0.5 * (gammaln(3.0 / shape) - gammaln(1.0 / shape)))
    return 0.5 * gammaincc(1.0 / shape, (a * t) ** shape)


def survival_table():
    """(SHAPE_COUNT, _SIZE) float32: Q over u = log2(1 + 8 t) * _PER_UNIT."""
    t = (2.0 ** (np.arange(_SIZE) / _PER_UNIT) - 1) / _DENSITY
    rows = [survival(SHAPE_MIN + SHAPE_STEP * i, t) for i in range(SHAPE_COUNT)]
    return torch.from_numpy(np.stack(rows).astype(np.float32))


class _Lookup(torch.autograd.Function):
    """Q(t) from per-channel rows; t >= 0 has shape (..., C), rows (C, _SIZE)."""

    @staticmethod
    def forward(ctx, t, rows):
        u = torch.log2(1 + _DENSITY * t) * _PER_UNIT
        j = u.long().clamp_(max=_SIZE - 2)
        w = (u - j).clamp_(max=1)
        flat = (j + torch.arange(rows.shape[0], device=t.device) * _SIZE).reshape(-1)
        r = rows.reshape(-1)
        lo = r[flat].view_as(t)
        slope = r[flat + 1].view_as(t) - lo
        ctx.save_for_backward(t, w, flat, slope)
        ctx.shape = rows.shape
        return lo + w * slope

    @staticmethod
    def backward(ctx, g):
        t, w, flat, slope = ctx.saved_tensors
        dt = g * slope * (_PER_UNIT * _DENSITY / 0.6931471805599453) / (1 + _DENSITY * t)
        rows = torch.zeros(ctx.shape[0] * ctx.shape[1], device=g.device, dtype=g.dtype)
        gw = g * w
        rows.index_add_(0, flat, (g - gw).reshape(-1))
        rows.index_add_(0, flat + 1, gw.reshape(-1))
        return dt, rows.view(ctx.shape)


class _LowerBound(torch.autograd.Function):
    """max(x, bound) whose gradient still passes where it would push x up."""

    @staticmethod
    def forward(ctx, x, bound):
        ctx.save_for_backward(x)
        ctx.bound = bound
        return x.clamp_min(bound)

    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return g * ((x >= ctx.bound) | (g < 0)).to(g.dtype), None


def lower_bound(x, bound):
    return _LowerBound.apply(x, bound)


def channel_rows(table, shape):
    """Table rows of each channel for real-valued shape parameters (C,), differentiable in them."""
    i = ((shape - SHAPE_MIN) / SHAPE_STEP).clamp(0, SHAPE_COUNT - 1.001)
    lo = i.floor().long()
    f = (i - lo)[:, None]
    return table[lo] * (1 - f) + table[lo + 1] * f


def bits(residual, scale, rows):
    """Code length of residual (..., C) with standard deviation scale (..., C): -log2 P(r - 1/2 < R < r + 1/2)."""
    r = residual.abs()
    near = (r - 0.5) / scale
    q_near = _Lookup.apply(near.abs(), rows)
    q_near = torch.where(near < 0, 1 - q_near, q_near)
    q_far = _Lookup.apply((r + 0.5) / scale, rows)
    return -torch.log2(lower_bound(q_near - q_far, PROBABILITY_FLOOR))


def rate(bits, residual, symbols, *predicted, hard=False):
    """bits(symbols, *predicted), the bits of the symbols that residual is rounded to. What is predicted (scales, shapes) learns from the
    symbols, which are what files hold. residual, for which rounding has no slope, has the mean slope under additive uniform noise
    (Balle et al., arXiv 1611.01704): the mean of a derivative over an interval is the difference between its ends, so nothing has to be drawn."""
    coded = bits(symbols.detach(), *predicted)
    if hard:
        return coded
    with torch.no_grad():
        slope = bits(residual + 0.5, *predicted) - bits(residual - 0.5, *predicted)
    return coded + slope * (residual - residual.detach())
