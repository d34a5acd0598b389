"""The trainable integer networks against the numpy reference: python3 test_training.py (needs torch; exit code 77 without)

A small codec is initialised, calibrated and exported; in double precision the forward pass that training runs must give
the symbols and the pixels of the exported file.
"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'tools', 'train'))
try:
    import numpy as np
    import torch
    import scipy  # noqa: F401  (the rate model needs it)
except ImportError as e:
    print('skipped:', e)
    sys.exit(77)
import export
import integer
import model_file
from net import Codec, dct_init, from_phases
from quantize import FixedCodec
from test_reference import picture


def main():
    torch.manual_seed(1)
    net = Codec(features=32, latents=64, hyper=32, analysis=1, synthesis=1, prior=32, context=32)
    dct_init(net)
    fixed = FixedCodec(net)
    pictures = [picture(128, 64, 3, seed) for seed in range(4)]

    def tensor(a, dtype):
        return torch.from_numpy(a.copy()).permute(2, 0, 1)[None].to(dtype) * 2 / 255 - 1
    batch = torch.cat([tensor(a, torch.float32) for a in pictures])
    fixed.calibrate([(batch, torch.linspace(0, 63, 4))])
    fixed = fixed.double().eval()
    bad = 0
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, 'x.mmodel')
        model_file.write(path, 'test', fixed.config, export.tensors(fixed))
        reference = integer.Reference(path)
        for a, level in zip(pictures, (0, 20.5, 44.25, 63)):
            with torch.no_grad():
                fixed(tensor(a, torch.float64), torch.tensor([level]), hard=True)
            q = round(level * 16)
            y, z = reference.analyse(a, q)
            gain, quarter = reference.log2_gain('y_gain', q), reference.config['latents'] // 4

            def nearest(k, p, g, mean, index):
                c = slice(g * quarter, (g + 1) * quarter)
                return (reference.gain(y[p // 2::2, p % 2::2, c], gain[c]) - mean + 8) >> 4
            y_hat, symbols = reference.code_y(reference.prior(z, q), q, nearest)
            pixels = reference.synthesise(y_hat, q)
            torch_z = fixed.last['z'][0].permute(1, 2, 0).numpy()
            torch_y = from_phases(fixed.last['y'], 1, *y.shape[:2])[0].permute(1, 2, 0).numpy()
            torch_pixels = fixed.last['v'][0].permute(1, 2, 0).numpy() / 64
            wrong = [int((torch_z != z).sum()), int((torch_y != symbols).sum()), int((torch_pixels != pixels).sum())]
            print('level %g: z, y, pixels that differ: %s of %s, %d symbols not 0' %
                  (level, wrong, [z.size, symbols.size, pixels.size], (symbols != 0).sum()))
            bad += any(wrong) or not (symbols != 0).any()
    sys.exit(1 if bad else 0)


if __name__ == '__main__':
    main()
