"""Find the distributions under which y is coded: python3 distributions.py [--least BITS] MODEL.mmodel OUT.mmodel COUNTS...

A codec is trained with generalized Gaussians of the shape of a channel and the scale that the context predicts. What is
coded in the end has other distributions: the scale is a guess, right only in the mean, and an encoder rounds towards
zero. So the model says for each pair of shape and scale under which distribution of the coder such symbols are coded.
COUNTS are of symbol_counts.c, blocks of one quality each, all of which weigh alike; pairs that are better by less than
--least bits stay as they are.
"""
import argparse

import numpy as np

import model_file
import symbol_coder

SHAPES, SCALES, MAGNITUDES = symbol_coder.SHAPES, symbol_coder.SCALES, 64


def total(counts, bits, shape, scale):
    return (counts * bits[shape, scale]).sum()


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    p.add_argument('--least', type=float, default=100)
    p.add_argument('model')
    p.add_argument('out')
    p.add_argument('counts', nargs='+')
    args = p.parse_args()
    name, config, tensors, _ = model_file.read(args.model)
    bits = symbol_coder.all_costs()[:, :, :MAGNITUDES].astype(float)
    same = np.mgrid[0:SHAPES, 0:SCALES]
    blocks = np.concatenate([np.fromfile(path, '<u4').reshape(-1, SHAPES, SCALES, MAGNITUDES) for path in args.counts])
    blocks = blocks.astype(float)
    weight = np.array([1 / total(b, bits, *same) for b in blocks])
    counts = np.tensordot(weight / weight.mean(), blocks, 1)
    # of each pair under each distribution
    all_bits = np.einsum('csm,xym->csxy', counts, bits, optimize=True)
    now = all_bits[(*same, *same)]
    all_bits = all_bits.reshape(SHAPES, SCALES, -1)
    best = all_bits.argmin(-1)
    least = np.take_along_axis(all_bits, best[..., None], -1)[..., 0]
    shape, scale = np.where(now - least < args.least, same, np.divmod(best, SCALES))
    for i, b in enumerate(blocks):
        before = total(b, bits, tensors['y_table_shape'].astype(int), tensors['y_table_scale'].astype(int))
        print('block %d: %+.2f %% of %.0f bytes' % (i, 100 * (total(b, bits, shape, scale) / before - 1), before / 8))
    tensors['y_table_shape'], tensors['y_table_scale'] = shape.astype('u1'), scale.astype('u1')
    print('%s: id %s' % (args.out, model_file.write(args.out, name, config, tensors)))


if __name__ == '__main__':
    main()
