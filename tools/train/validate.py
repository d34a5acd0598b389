"""Rate-distortion points of a network under training: estimated bits, real rounding."""
import math

import numpy as np
import torch
import torch.nn.functional as F


def load_pictures(paths, device):
    from PIL import Image
    out = []
    for p in paths:
        a = np.asarray(Image.open(p).convert('RGB')).transpose(2, 0, 1).astype(np.float32)
        out.append((torch.from_numpy(a)[None] * (2 / 255) - 1).to(device).contiguous(memory_format=torch.channels_last))
    return out


@torch.no_grad()
def evaluate(model, pictures, levels, dtype=None):
    """(level, mean estimated bpp, mean RGB PSNR of the rounded 8-bit reconstruction) at each level."""
    points = []
    for q in levels:
        bpp = psnr = 0
        for x in pictures:
            h, w = x.shape[2:]
            padded = F.pad(x, (0, -w % 64, 0, -h % 64), mode='replicate')
            y, y_bits, z_bits = model(padded, torch.full((1,), float(q), device=x.device), hard=True, dtype=dtype)
            bpp += (y_bits + z_bits).item() / (h * w)
            y = ((y[:, :, :h, :w].clamp(-1, 1) + 1) * 127.5).round()
            psnr += 10 * math.log10(255 ** 2 / ((y - (x + 1) * 127.5) ** 2).mean().item())
        points.append((q, bpp / len(pictures), psnr / len(pictures)))
    return points
