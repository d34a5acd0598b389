"""The restoration filter (docs/networks.md, section 9) as the last layer of a codec, so that its networks are trained for what the
filter makes of them, and its weights for what pictures are compared by.

Sums are not rounded, an error of a few 64ths of a pixel value.
"""
import ctypes
import os
import subprocess
import tempfile

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

import checkpoint
from net import ANCHORS, LEVELS
from quantize import PIXEL_UNIT, outside_of_compiled
from restoration import ACTIVITY_BOUNDS, CLASSES, FAR, FRACTION_BITS, LIMITS, LUMA_WEIGHTS, MOST, MOST_CHANGE, NEAR, WEIGHTS, limited

REACH = 3                            # of the filter, and of the classes beyond a block, in pixels


def planes(rgb):
    """(N, 3, H, W) -> (Y, Co, Cg), each (N, H, W)"""
    r, g, b = rgb.unbind(1)
    middle = (r + b) / 2
    return (g + middle) / 2, r - b, g - middle


def colours(luma, co, cg):
    """What planes() came from."""
    middle = luma - cg / 2
    return torch.stack((middle + co / 2, middle + cg, middle - co / 2), 1)


@torch.no_grad()
def classes(luma):
    """Luma (N, H, W) in 1/64 -> the class of each block of 4x4 pixels (N, H/4, W/4)"""
    x = torch.floor(extended(luma) / 4)
    h, w = x.shape[1:]
    c = x[:, 1:-1, 1:-1]
    sums = []
    for dy, dx in ((-1, 0), (0, -1), (-1, -1), (-1, 1)):
        d = (2 * c - x[:, 1 + dy:h - 1 + dy, 1 + dx:w - 1 + dx] - x[:, 1 - dy:h - 1 - dy, 1 - dx:w - 1 - dx]).abs()
        sums.append(64 * F.avg_pool2d(d[:, None], 8, 4)[:, 0])
    activity = sum(((sums[0] + sums[1]) / 1024 >= least).long() for least in ACTIVITY_BOUNDS)
    s = [torch.floor(v / 16) for v in sums]
    large, small = torch.maximum(s[0], s[1]), torch.minimum(s[0], s[1])
    large2, small2 = torch.maximum(s[2], s[3]), torch.minimum(s[2], s[3])
    diagonal = large2 * small > large * small2
    large, small = torch.where(diagonal, large2, large), torch.where(diagonal, small2, small)
    strength = (2 * large > 9 * small).long() + (large > 2 * small).long()
    which = torch.where(diagonal, 2 + (s[2] <= s[3]).long(), (s[0] <= s[1]).long())
    return 9 * activity + torch.where(strength > 0, 2 * which + strength, 0)


def at(x, dy, dx):
    """x[.., i + dy, j + dx] of the inner part of a plane that is extended by REACH."""
    h, w = x.shape[-2] - 2 * REACH, x.shape[-1] - 2 * REACH
    return x[..., REACH + dy:REACH + dy + h, REACH + dx:REACH + dx + w]


def extended(plane):
    return F.pad(plane[:, None], (REACH,) * 4, mode='replicate')[:, 0]


def of_pixels(weight):
    """Weights of blocks (count, N, H/4, W/4) -> of pixels, extended by REACH."""
    return F.pad(weight.repeat_interleave(4, -2).repeat_interleave(4, -1), (REACH,) * 4)


class _Change(torch.autograd.Function):
    """plane (N, H, W) in 1/64, weight (4 places, N, H/4, W/4) of each block -> what the filter adds.

    The gradient is written out because the automatic one of shifted planes takes three times as long. It leaves out what pixels beyond
    the border add, which repeat those at it."""

    @staticmethod
    def forward(ctx, plane, weight, places):
        ctx.save_for_backward(plane, weight)
        ctx.places = places
        x, w, total = extended(plane), of_pixels(weight), 0
        for i, (dy, dx) in enumerate(places):
            a, b = at(x, dy, dx) - plane, at(x, -dy, -dx) - plane
            total = total + at(w[4 * i], 0, 0) * (a + b)
            for j, limit in enumerate(LIMITS, 4 * i + 1):
                total = total + at(w[j], 0, 0) * (a.clamp(-limit, limit) + b.clamp(-limit, limit))
        return total.clamp(-MOST_CHANGE, MOST_CHANGE)

    @staticmethod
    def backward(ctx, g):
        plane, weight = ctx.saved_tensors
        x, w, outer = extended(plane), of_pixels(weight), F.pad(g, (REACH,) * 4)
        by_plane, by_weight = 0, []
        for i, (dy, dx) in enumerate(ctx.places):
            a, b = at(x, dy, dx) - plane, at(x, -dy, -dx) - plane
            for o, apart in (((dy, dx), a.abs()), ((-dy, -dx), b.abs())):    # a pixel in its own sum, and as the neighbour of another
                own, other = at(w[4 * i], 0, 0), at(w[4 * i], *o)
                for j, limit in enumerate(LIMITS, 4 * i + 1):
                    inside = (apart < limit).to(g.dtype)
                    own, other = own + inside * at(w[j], 0, 0), other + inside * at(w[j], *o)
                by_plane = by_plane + at(outer, *o) * other - g * own
            by_weight += [g * (a + b), *(g * (a.clamp(-n, n) + b.clamp(-n, n)) for n in LIMITS)]
        return by_plane, torch.stack([16 * F.avg_pool2d(v[:, None], 4)[:, 0] for v in by_weight]), None


def changes(planes, chosen, table):
    """planes: Y, Co, Cg, each (N, H, W) in 1/64; chosen (N, H/4, W/4): the class of each block; table (N, CLASSES, WEIGHTS) -> what the
    filter adds to each plane"""
    of_picture = CLASSES * torch.arange(len(chosen), device=chosen.device).view(-1, 1, 1)
    weight = table.flatten(0, 1)[chosen + of_picture].permute(3, 0, 1, 2)            # (WEIGHTS, N, H/4, W/4)
    luma, chroma = (weight[:LUMA_WEIGHTS], NEAR + FAR), (weight[LUMA_WEIGHTS:], NEAR)
    return [_Change.apply(p, *filtered) for p, filtered in zip(planes, (luma, chroma, chroma))]


class _Pictures(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ('planes', 'blocks', 'weights')] + [
        (name, ctypes.c_int) for name in ('count', 'height', 'width', 'classes')]


class _ChangesOnProcessor(torch.autograd.Function):
    """changes() by restoration_layer.c, of float32: planes (3, N, H, W), chosen uint8."""

    library = None

    @classmethod
    def build(cls):
        root = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'restoration_layer.so')
            # not -ffast-math, which would set how the whole process treats tiny numbers
            subprocess.run(['cc', '-O3', '-march=native', '-ffinite-math-only', '-fno-signed-zeros', '-fno-trapping-math', '-fopenmp', '-shared',
                            '-fPIC', '-I', root, '-I', os.path.join(root, 'include'), '-o', path,
                            os.path.join(root, 'tools', 'train', 'restoration_layer.c')], check=True)
            cls.library = ctypes.CDLL(path)

    @staticmethod
    def arguments(planes, chosen, table):
        return _Pictures(planes.data_ptr(), chosen.data_ptr(), table.data_ptr(), *planes.shape[1:], table.shape[1])

    @staticmethod
    def call(name, pictures, *tensors):
        pointers = [ctypes.c_void_p(t.data_ptr()) for t in tensors]
        if getattr(_ChangesOnProcessor.library, name)(ctypes.byref(pictures), *pointers, torch.get_num_threads()):
            raise MemoryError

    @staticmethod
    def forward(ctx, planes, chosen, table):
        planes, chosen, table = planes.contiguous(), chosen.contiguous(), table.contiguous()
        ctx.save_for_backward(planes, chosen, table)
        out = torch.empty_like(planes)
        _ChangesOnProcessor.call('mica_train_restore', _ChangesOnProcessor.arguments(planes, chosen, table), out)
        return out

    @staticmethod
    def backward(ctx, g):
        planes, chosen, table = ctx.saved_tensors
        g, by_planes, by_table = g.contiguous(), torch.zeros_like(planes), torch.zeros_like(table)
        _ChangesOnProcessor.call('mica_train_restore_back', _ChangesOnProcessor.arguments(planes, chosen, table), g, by_planes, by_table)
        return by_planes, None, by_table


@outside_of_compiled
def changes_on_processor(planes, chosen, table):
    """changes(), several times faster."""
    if _ChangesOnProcessor.library is None:
        _ChangesOnProcessor.build()
    return _ChangesOnProcessor.apply(torch.stack(planes), chosen.to(torch.uint8), table).unbind()


class Restoration(nn.Module):
    """weight: factors (ANCHORS, CLASSES, WEIGHTS), 2^-FRACTION_BITS of those in a model file."""

    def __init__(self, start):
        """start: such factors, or the tensor `restoration` of a model file"""
        super().__init__()
        if not torch.is_tensor(start):
            start = torch.from_numpy(start.astype('f4')).view(ANCHORS, CLASSES, WEIGHTS) / 2 ** FRACTION_BITS
        self.weight = nn.Parameter(start)

    @classmethod
    def of_checkpoint(cls, state):
        """The filter behind the networks of a checkpoint, or None."""
        weight = checkpoint.restoration(state)
        return None if weight is None else cls(weight)

    def stored(self):
        """The tensor of a model file."""
        w = self.weight.detach().cpu().double().numpy() * 2 ** FRACTION_BITS
        return np.concatenate([limited(w[..., :LUMA_WEIGHTS]), limited(w[..., LUMA_WEIGHTS:])], -1).reshape(ANCHORS, -1)

    def forward(self, v, q):
        """Samples (N, 3, H, W) in 1/64 of pictures of levels q (N,), sides multiples of 4 -> filtered samples"""
        t = q * ((ANCHORS - 1) / (LEVELS - 1))
        i = t.floor().long().clamp(0, ANCHORS - 2)
        table = self.weight[i].lerp(self.weight[i + 1], (t - i).view(-1, 1, 1))      # (N, CLASSES, WEIGHTS)
        parts = planes(v.clamp(0, MOST))
        chosen = classes(parts[0].detach())
        of_type = changes_on_processor if v.device.type == 'cpu' and v.dtype == torch.float32 else changes
        return colours(*(p + d for p, d in zip(parts, of_type(parts, chosen, table))))

    def restore(self, x, q):
        """The same of values in [-1, 1]."""
        unit = 127.5 * PIXEL_UNIT
        return self((x + 1) * unit, q) / unit - 1
