"""Losses that follow what people see, differentiable, without weights that would have to be downloaded.

    perceptual_loss(x, y)      (N,): the loss to train with, 0 for equal pictures
    ssimulacra2_distance(x, y) (N,): the weighted sum inside SSIMULACRA 2, before its last curve; 0 is equal
    ssimulacra2(x, y)          (N,): the score, 100 is equal; for reports, its slope is infinite there
    ms_ssim(x, y)              (N,): multi-scale SSIM of luma, 1 is equal

x is the original, y what was decoded: (N, 3, H, W), sRGB in -1..1, at least 8 pixels on both sides. The gradient is of y
only. What lies outside -1..1 cannot be shown: it is clipped, and gets no gradient.

SSIMULACRA 2.1 is that of `mica compare` (see tools/metrics/ssimulacra2.c for its source), with two changes: weights below
0.01 are left out, with which nothing depends on the smallest of the six scales nor on the fine scales of the colour
components, and the quartic root is smoothed at 0, where its slope is infinite. The variance of the difference is taken of
the difference, not as the difference of two sums, so that single precision is enough.
"""
import functools
import math

import torch
import torch.nn.functional as F

RADIUS = 4
SSIM_FLOOR = 1e-3                      # keeps the powers of MS-SSIM differentiable
ROOT_FLOOR = 1e-24                     # under the quartic root: maps below 1e-6 do not count

# Component (X, Y, B), scale, norm (1 or 4), map (structure, edges that are new, edges that are lost): weight
WEIGHTS = {
    (0, 1, 4, 0): 1.1041726426657346, (0, 2, 4, 0): 1.8422455520539298, (0, 2, 4, 1): 11.441172603757666,
    (0, 3, 4, 0): 1.8787594979546387, (0, 3, 4, 1): 10.94906990605142, (0, 4, 1, 1): 0.9677937080626833,
    (0, 4, 4, 1): 0.9981766977854967,
    (1, 0, 4, 0): 7.466890328078848, (1, 0, 4, 2): 17.445833984131262, (1, 1, 4, 0): 6.683678146179332,
    (1, 1, 4, 2): 1.027889937768264, (1, 2, 1, 0): 225.20515300849274, (1, 2, 4, 0): 19.213238186143016,
    (1, 3, 1, 0): 176.39317598450694, (1, 3, 4, 0): 24.43300999870476, (1, 3, 4, 1): 0.28520802612117757,
    (1, 4, 4, 0): 34.77906344483772, (1, 4, 4, 1): 44.835625328877896,
    (2, 3, 4, 0): 8.826982764996862, (2, 3, 4, 1): 23.19243343998926, (2, 4, 1, 0): 95.1080498811086,
    (2, 4, 1, 1): 0.9863978034400682, (2, 4, 1, 2): 0.9834382792465353, (2, 4, 4, 1): 171.2667255897307,
    (2, 4, 4, 2): 0.9807858872435379,
}
SCALES = 1 + max(scale for _, scale, _, _ in WEIGHTS)

ABSORBANCE = torch.tensor([[0.3, 0.622, 0.078], [0.23, 0.692, 0.078],
                           [0.24342268924547819, 0.20476744424496821, 0.55180986650955360]])
BIAS = 0.0037930732552754493


def make_taps():
    """The recursive Gaussian of Charalampidis, sigma 1.5, as nine taps: see make_taps() in ssimulacra2.c."""
    sigma, n = 1.5, RADIUS + 1
    i = torch.arange(-RADIUS, RADIUS + 1, dtype=torch.float64)
    omega = torch.tensor([1., 3., 5.], dtype=torch.float64) * math.pi / (2 * n)
    amplitude = torch.exp(-sigma ** 2 * omega ** 2 / 2) / n
    waves = torch.cos(omega[:, None] * i)
    conditions = torch.stack([waves.sum(1), (waves * i ** 2).sum(1)])      # the sum and the variance
    missing = torch.tensor([1, sigma ** 2], dtype=torch.float64) - conditions @ amplitude
    amplitude = amplitude + conditions.T @ torch.linalg.solve(conditions @ conditions.T, missing)
    return amplitude @ waves


@functools.lru_cache(maxsize=64)
def band(size, valid, dtype, device):
    """A filter as a banded matrix (size, outputs): for the sides of training crops a product with it and its gradient take
    a tenth of the time of a convolution of one channel. valid: the window of SSIM where it fits, else the blur of
    SSIMULACRA 2 with nothing (0) beyond the border."""
    if valid:
        taps = torch.exp(-torch.arange(-5, 6, dtype=torch.float64) ** 2 / (2 * 1.5 ** 2))
        taps, first = taps / taps.sum(), 0
    else:
        taps, first = make_taps(), -RADIUS
    outputs = size - len(taps) + 1 if valid else size
    tap = torch.arange(size)[:, None] - torch.arange(outputs) - first
    inside = (tap >= 0) & (tap < len(taps))
    return torch.where(inside, taps[tap.clamp(0, len(taps) - 1)], torch.zeros((), dtype=torch.float64)).to(device, dtype)


def blur(planes, valid=False):
    """(M, H, W) along both sides."""
    height, width = (band(n, valid, planes.dtype, planes.device) for n in planes.shape[1:])
    return height.T @ (planes @ width)


def to_linear(x):
    """sRGB in -1..1 to linear light in 0..1."""
    v = (x.clamp(-1, 1) + 1) / 2
    return torch.where(v > 0.04045, ((v + 0.055) / 1.055) ** 2.4, v / 12.92)


def halve(x):
    """The mean of 2x2, the last row and column repeated where their number is odd."""
    return F.avg_pool2d(F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2), mode='replicate'), 2)


def to_xyb(linear):
    """XYB moved so that all three are positive for colours of sRGB."""
    mixed = torch.einsum('oc,nchw->nohw', ABSORBANCE.to(linear), linear) + BIAS
    l, m, s = (mixed ** (1 / 3) - BIAS ** (1 / 3)).unbind(1)
    return 7 * (l - m) + 0.42, (l + m) / 2 + 0.01, s - (l + m) / 2 + 0.55


def component_maps(a, b):
    """Structure, new edges, lost edges of one component: three of (N, H, W). a is the original."""
    difference = a - b
    n = len(a)
    means = blur(torch.cat([a, b, a * a + b * b, difference * difference]))
    mean_a, mean_b, squares, error = means[:n], means[n:2 * n], means[2 * n:3 * n], means[3 * n:]
    moved = mean_a - mean_b
    spread = squares - mean_a ** 2 - mean_b ** 2 + 0.0009
    structure = 1 - (1 - moved ** 2) * (1 - (error - moved ** 2) / spread)
    edge = (1 + (b - mean_b).abs()) / (1 + (a - mean_a).abs()) - 1
    return F.relu(structure), F.relu(edge), F.relu(-edge)


def ssimulacra2_distance(x, y):
    total = 0
    linear_x, linear_y = to_linear(x.float()), to_linear(y.float())
    for scale in range(SCALES):
        if min(linear_x.shape[2:]) < 8:
            break
        if scale > 0:
            linear_x, linear_y = halve(linear_x), halve(linear_y)
        xyb_x, xyb_y = to_xyb(linear_x), to_xyb(linear_y)
        for component in range(3):
            wanted = {k[2:]: w for k, w in WEIGHTS.items() if k[:2] == (component, scale)}
            if not wanted:
                continue
            maps = component_maps(xyb_x[component], xyb_y[component])
            for (norm, index), weight in wanted.items():
                if norm == 1:
                    value = maps[index].mean((1, 2))
                else:
                    value = ((maps[index] ** 4).mean((1, 2)) + ROOT_FLOOR) ** .25 - ROOT_FLOOR ** .25
                total = total + weight * value
    return total


def ssimulacra2_score(distance):
    """The curve from the weighted sum to the score; a sum of 1 scores 84, 5 is 56, 12 is 26."""
    d = 0.9562382616834844 * distance
    d = 2.326765642916932 * d - 0.020884521182843837 * d ** 2 + 6.248496625763138e-05 * d ** 3
    return 100 - 10 * d.clamp(min=0) ** 0.6276336467831387


def ssimulacra2(x, y):
    return ssimulacra2_score(ssimulacra2_distance(x, y))


def ms_ssim(x, y):
    """Wang et al. 2003, on 0.299 R + 0.587 G + 0.114 B. Pictures below 176 pixels have fewer than five scales; the weights
    of those that are left then sum to 1."""
    luma = torch.tensor([0.299, 0.587, 0.114]).to(x).view(1, 3, 1, 1)
    a, b = ((v.float() * luma).sum(1, keepdim=True) for v in (x, y.clamp(-1, 1)))
    weights = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
    scales = min(5, int(math.log2(min(x.shape[2:]) / 11)) + 1)
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2         # of a range of 2
    result, n = 1, len(x)
    for scale in range(scales):
        if scale > 0:
            a, b = halve(a), halve(b)
        p, q = a[:, 0], b[:, 0]
        means = blur(torch.cat([p, q, p * p + q * q, (p - q) ** 2]), valid=True)
        mean_p, mean_q, squares, error = means[:n], means[n:2 * n], means[2 * n:3 * n], means[3 * n:]
        spread = squares - mean_p ** 2 - mean_q ** 2 + c2
        value = 1 - (error - (mean_p - mean_q) ** 2) / spread
        if scale == scales - 1:
            # The formula has its luminance from 0 (black), the samples are around 0.
            value = value * (1 - (mean_p - mean_q) ** 2 / ((mean_p + 1) ** 2 + (mean_q + 1) ** 2 + c1))
        result = result * value.mean((1, 2)).clamp(min=SSIM_FLOOR) ** (weights[scale] / sum(weights[:scales]))
    return result


def perceptual_loss(x, y, structure=15.0, error=0.002):
    """SSIMULACRA 2's distance + structure (1 - MS-SSIM) + error MSE (of 0..255, not clipped).

    The two small terms see what SSIMULACRA 2 is blind to and a network would find out: patterns at the finest scale in
    structure, fine coloured noise, and samples outside the range.

    Along the curve of model S on three pictures of Kodak (quality 10..90, crops of 128x128, decodes of 9 to 250 MSE) one
    unit is worth 9.5 of MSE at every rate: lambda * 9.5 * perceptual_loss in place of lambda * MSE keeps the rates.
    """
    squares = ((x.float() - y.float()) ** 2).mean((1, 2, 3)) * 127.5 ** 2
    return ssimulacra2_distance(x, y) + structure * (1 - ms_ssim(x, y)) + error * squares
