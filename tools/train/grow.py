"""A larger codec that starts with the weights of a smaller one and computes the same: what is new reads from all channels but
nothing that was there reads from it yet (Chen et al., "Net2Net", arXiv 1511.05641), and new blocks add nothing. To be trained
on with train.py --init.
"""
import argparse
import json

import torch

import checkpoint
from net import Codec, dct_init

MAY_GROW = ('features', 'context', 'analysis', 'synthesis', 'condition')


def places(small, large, small_width, large_width):
    """Where the entries of a dimension of `small` entries, groups of small_width, lie among groups of large_width."""
    if small == large:
        return torch.arange(small)
    assert small % small_width == 0 and small // small_width * large_width == large
    i = torch.arange(small)
    return i // small_width * large_width + i % small_width


def grow(small, config):
    """A Codec of the larger config with the weights of a smaller one, in eval of which nothing changes."""
    for k, v in config.items():
        assert v == small.config[k] or k in MAY_GROW and v > small.config[k] > 0, k
    large = Codec(**dict(small.config, **config))
    dct_init(large)
    old, new = small.state_dict(), large.state_dict()
    for name, value in new.items():
        if name not in old:                                # a block that is new
            if name.endswith(('.b.weight', '.f.weight')):
                value.zero_()
            continue
        part = 'context' if name.startswith('context') else 'features'
        at = [places(a, b, small.config[part], large.config[part]) for a, b in zip(old[name].shape, value.shape)]
        if value.ndim >= 2 and name.endswith('weight') and '.dw.' not in name:
            rows = at[-2]
            value.view(-1, *value.shape[-2:])[:, rows] = 0
        value[torch.meshgrid(*at, indexing='ij')] = old[name]
    large.load_state_dict(new)
    return large


@torch.no_grad()
def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('checkpoint')
    p.add_argument('out')
    p.add_argument('--config', required=True, help='JSON: ' + ', '.join(MAY_GROW) + ', where they are to be larger')
    p.add_argument('--seed', type=int, default=7)
    a = p.parse_args()
    torch.manual_seed(a.seed)
    state = checkpoint.load(a.checkpoint)
    small = Codec(**state['config'])
    small.load_state_dict(checkpoint.float_weights(state))
    large = grow(small, json.loads(a.config))
    x, q = torch.rand(1, 3, 128, 128) * 2 - 1, torch.tensor([30.0])
    prediction = x * .9 if small.config['condition'] else None
    before, after = (m(x, q, prediction, hard=True) for m in (small, large))
    print('largest difference %.2g, bits %.1f and %.1f' % ((before[0] - after[0]).abs().max(), before[1], after[1]))
    weight = checkpoint.restoration(state)
    behind = {} if weight is None else {checkpoint.RESTORATION: weight}
    checkpoint.save(a.out, dict(ema={**large.state_dict(), **behind}, config=large.config, step=0))


if __name__ == '__main__':
    main()
