"""The errors that video is measured by: those of the planes of 4:2:0 video instead of R, G, B.

For measuring only. Training on them with the weights 4:1:1 did not pay: the mean of PSNRs weighs a plane by the reciprocal of
its error, chroma has a quarter to an eighth of the error of luma, and so the plain squared error of R, G, B is near the best
weighting already (S tuned for half an hour on 4:1:1 took 0..5 % more bits at equal 6:1:1 PSNR)."""
import torch
import torch.nn.functional as F

# BT.709 in the limited range: a step of R, G or B (0..255) in steps of Y, Cb, Cr
KR, KB = 0.2126, 0.0722
Y_WEIGHTS = torch.tensor([KR, 1 - KR - KB, KB]) * (219 / 255)
CB_WEIGHTS = (torch.tensor([0.0, 0.0, 1.0]) - torch.tensor([KR, 1 - KR - KB, KB])) * (224 / 255 / (2 - 2 * KB))
CR_WEIGHTS = (torch.tensor([1.0, 0.0, 0.0]) - torch.tensor([KR, 1 - KR - KB, KB])) * (224 / 255 / (2 - 2 * KR))


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
