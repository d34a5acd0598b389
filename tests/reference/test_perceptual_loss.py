"""The perceptual loss against mica compare: python3 test_perceptual_loss.py MICA (needs torch; exit code 77 without)

Values must be those of the command, in single precision; gradients must follow the loss, also where it has corners.
"""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'tools', 'train'))
try:
    import numpy as np
    import torch
except ImportError as e:
    print('skipped:', e)
    sys.exit(77)
import perceptual


def picture(width, height, seed):
    """Bytes (height, width, 3): blobs and edges of several sizes."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width, 3))
    for size in (4, 16, 64):
        small = rng.normal(size=(height // size + 2, width // size + 2, 3))
        total += np.kron(small, np.ones((size, size, 1)))[:height, :width]
    return (127 + 40 * total).clip(0, 255).astype(np.uint8)


def tensor(a):
    return torch.from_numpy(a.copy()).permute(2, 0, 1)[None].float() * 2 / 255 - 1


def compare(mica, a, b):
    with tempfile.TemporaryDirectory() as d:
        paths = [os.path.join(d, name) for name in ('a.ppm', 'b.ppm')]
        for path, p in zip(paths, (a, b)):
            with open(path, 'wb') as f:
                f.write(b'P6\n%d %d\n255\n' % (p.shape[1], p.shape[0]) + p.tobytes())
        out = subprocess.run([mica, 'compare', '--json', '--metrics', 'ssimulacra2,ms_ssim', *paths], stdout=subprocess.PIPE,
                             check=True).stdout
    return json.loads(out)


def check_values(mica):
    rng = np.random.default_rng(1)
    for width, height in ((256, 192), (181, 177), (128, 128), (40, 23)):
        a = picture(width, height, width)
        for distorted in (a // 16 * 16 + 8, (a + rng.normal(size=a.shape) * 12).clip(0, 255).astype(np.uint8),
                          (a // 2 + np.roll(a, 1, 1) // 2)):
            expected = compare(mica, a, distorted)
            x, y = tensor(a), tensor(distorted)
            if width >= 128:                        # below, the program's weights are of other scales
                score = perceptual.ssimulacra2(x, y).item()
                assert abs(score - expected['ssimulacra2']) < 0.02 + 1e-3 * abs(score), (width, score, expected)
            if expected['ms_ssim'] is not None:
                value = perceptual.ms_ssim(x, y).item()
                assert abs(value - expected['ms_ssim']) < 1e-4, (width, value, expected)
            assert perceptual.perceptual_loss(x, y).item() > 0


def check_gradient():
    torch.manual_seed(3)
    x = torch.cat([tensor(picture(64, 64, seed)) for seed in (5, 6)])
    y = (x + .1 * torch.randn_like(x)).clamp(-.98, .98).requires_grad_()
    loss = perceptual.perceptual_loss(x, y)
    assert loss.shape == (2,)
    gradient, = torch.autograd.grad(loss.sum(), y)
    with torch.no_grad():
        step = 1e-3 * gradient / gradient.norm()
        change = perceptual.perceptual_loss(x, y + step) - perceptual.perceptual_loss(x, y - step)
        predicted = 2 * (gradient * step).sum((1, 2, 3))
    assert ((change - predicted).abs() < 0.02 * predicted.abs() + 1e-4).all(), (change, predicted)
    # one picture's loss does not depend on the others of its batch
    alone = perceptual.perceptual_loss(x[1:], y[1:].detach())
    assert torch.allclose(loss[1:], alone, rtol=1e-4), (loss, alone)

    same = x.clone().requires_grad_()
    loss = perceptual.perceptual_loss(x, same)
    loss.sum().backward()
    assert (loss == 0).all() and torch.isfinite(same.grad).all()
    flat = torch.full_like(x, -1)
    outside = (x * 30).requires_grad_()
    for reference in (x, flat):
        loss = perceptual.perceptual_loss(reference, outside)
        loss.sum().backward()
        assert torch.isfinite(loss).all() and torch.isfinite(outside.grad).all()


if __name__ == '__main__':
    check_values(sys.argv[1])
    check_gradient()
