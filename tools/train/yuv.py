"""The squared error that video is measured by: planes of 4:2:0 video instead of R, G, B."""
import torch
import torch.nn.functional as F

# BT.709 in the limited range: a step of R, G or B (0..255) in steps of Y, Cb, Cr
KR, KB = 0.2126, 0.0722
Y_WEIGHTS = torch.tensor([KR, 1 - KR - KB, KB]) * (219 / 255)
CB_WEIGHTS = (torch.tensor([0.0, 0.0, 1.0]) - torch.tensor([KR, 1 - KR - KB, KB])) * (224 / 255 / (2 - 2 * KB))
CR_WEIGHTS = (torch.tensor([1.0, 0.0, 0.0]) - torch.tensor([KR, 1 - KR - KB, KB])) * (224 / 255 / (2 - 2 * KR))

# 6:1:1 is an average of PSNRs. Its gradient weighs each plane by the reciprocal of its error, and chroma has about half the
# error of luma: hence 4:1:1 for the errors themselves.
LUMA, CHROMA = 4 / 6, 1 / 6
UNIT = 2.5           # squared error of R, G, B that one unit of this error is worth along the curve of S, so that rates stay


def yuv_planes(d):
    """Difference of two RGB pictures (N, 3, H, W) in [-1, 1] units -> differences of Y (N, 1, H, W), Cb and Cr (N, 2, H/2,
    W/2) in 8-bit steps."""
    w = torch.stack([Y_WEIGHTS, CB_WEIGHTS, CR_WEIGHTS]).to(d) * 127.5
    d = torch.einsum('pc,nchw->nphw', w, d)
    return d[:, :1], F.avg_pool2d(d[:, 1:], 2)


def yuv_errors(d):
    """Mean squared errors (N, 3) of Y, Cb, Cr of a difference as above."""
    y, c = yuv_planes(d)
    return torch.cat([(y * y).mean((2, 3)), (c * c).mean((2, 3))], 1)


def yuv_loss(d):
    """(N,) weighted squared error, in units of squared error of 8-bit R, G, B."""
    e = yuv_errors(d)
    return UNIT * (LUMA * e[:, 0] + CHROMA * (e[:, 1] + e[:, 2]))
