"""Write the model file of a trained checkpoint: python3 export.py CHECKPOINT NAME OUT.mmodel"""
import sys

import numpy as np
import torch

import checkpoint
import ggm
import model_file
from net import Codec
from quantize import FixedCodec
from restoration_layer import Restoration


def load(path):
    """FixedCodec in double precision from a checkpoint of the fixed phase."""
    c = checkpoint.load(path)
    model = FixedCodec(Codec(**c['config']), c.get('bits'))
    model.restoration = Restoration.of_checkpoint(c)
    model.load_state_dict(c['ema'])
    return model.double().eval()


def array(t, dtype):
    v = t.detach().cpu().double().round().numpy()
    a = v.astype(dtype)
    if not np.array_equal(a, v):
        raise SystemExit('a value does not fit %s: %g..%g' % (dtype, v.min(), v.max()))
    return a


@torch.no_grad()
def tensors(model):
    out = {name: array(t, '<i2') for name, t in model.tables().items()}
    out['y_shape'] = array(model.shapes(model.net.y_shape), 'u1')
    out['z_shape'] = array(model.shapes(model.net.z_shape), 'u1')
    shape, scale = np.mgrid[0:ggm.SHAPE_COUNT, 0:ggm.SCALE_COUNT].astype('u1')   # distributions.py finds better ones
    out['y_table_shape'], out['y_table_scale'] = shape, scale
    if model.restoration is not None:
        out['restoration'] = model.restoration.stored()
    for name, (weight, bias, multiplier, shift) in model.integer_layers().items():
        weight = array(weight, 'i1' if model.limit(name) <= 127 else '<i2')
        out[name + '.weight'] = np.ascontiguousarray(weight.T) if name.endswith('.dw') else weight
        out[name + '.bias'] = array(bias, '<i4')
        out[name + '.multiplier'] = array(multiplier, '<i2')
        out[name + '.shift'] = array(shift, 'u1')
    return out


if __name__ == '__main__':
    source, name, path = sys.argv[1:4]
    fixed = load(source)
    print('%s: id %s' % (path, model_file.write(path, name, fixed.config, tensors(fixed))))
