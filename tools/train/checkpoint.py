"""Checkpoints: everything that a run needs to go on exactly where it stopped, written atomically.

A checkpoint that is kept for good holds only what is worth its bytes: `python3 checkpoint.py IN OUT` keeps the EMA
weights in half precision, from which `train.py --init` starts; `checkpoint.py A OUT B SHARE` those of A with SHARE (0..1) of B's.
"""
import os
import sys

import torch

RESTORATION = 'restoration.weight'       # the parameter that is the restoration filter of a codec


def load(path):
    # torch 2.6 and later refuse by default to unpickle the generator state of a checkpoint
    return torch.load(path, map_location='cpu', **({} if torch.__version__ < '2' else {'weights_only': False}))


def save(path, state):
    tmp = path + '.tmp'
    torch.save(state, tmp)
    os.replace(tmp, path)


def random_state(generator):
    """Of numpy's generator and of torch's."""
    return dict(rng=generator.bit_generator.state, torch_rng=torch.get_rng_state(),
                cuda_rng=torch.cuda.get_rng_state_all() if torch.cuda.is_available() else None)


def set_random_state(state, generator):
    generator.bit_generator.state = state['rng']
    torch.set_rng_state(state['torch_rng'])
    if state.get('cuda_rng') and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state['cuda_rng'])


def is_fixed(state):
    """Whether a checkpoint is one of the integer phase."""
    return any(k.startswith('net.') for k in state['ema'])


def float_weights(state):
    """The weights of the networks for net.Codec; those of the integer phase without its scales, which calibration sets anew."""
    if not is_fixed(state):
        return {k: v.float() for k, v in state['ema'].items() if k != RESTORATION}
    return {k[4:]: v.float() for k, v in state['ema'].items() if k.startswith('net.')}


def restoration(state):
    """The weights of the restoration filter behind the networks, or None."""
    weight = state['ema'].get(RESTORATION)
    return None if weight is None else weight.float()


def scales(state):
    """What float_weights and restoration leave of a checkpoint of the integer phase; nothing of another."""
    return {k: v.float() for k, v in state['ema'].items() if not k.startswith('net.') and k != RESTORATION} if is_fixed(state) else {}


def mixed(a, b, share):
    """EMA weights of a with `share` of those of b, which was trained on from a."""
    return {k: v.float().lerp(b[k].float(), share) for k, v in a.items()}


if __name__ == '__main__':
    c = load(sys.argv[1])
    ema = mixed(c['ema'], load(sys.argv[3])['ema'], float(sys.argv[4])) if len(sys.argv) > 3 else c['ema']
    # the scales of the streams are too small for half precision
    half = {k: v if k.startswith('stream_') else v.half() for k, v in ema.items()}
    save(sys.argv[2], dict(ema=half, config=c['config'], bits=c.get('bits', {}), step=c['step']))
