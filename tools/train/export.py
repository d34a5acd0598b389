"""Write the model file of a trained checkpoint: python3 export.py CHECKPOINT NAME OUT.mmodel"""
import sys

import numpy as np
import torch

import checkpoint
import ggm
import model_file
from net import Codec
from quantize import FixedCodec, integer_layer


def load(path, weights='ema'):
    """FixedCodec in double precision from a checkpoint of the fixed phase."""
    c = checkpoint.load(path)
    model = FixedCodec(Codec(**c['config']), c.get('bits'))
    model.load_state_dict(c[weights])
    return model.double().eval()


def array(t, dtype):
    v = t.detach().cpu().double().round().numpy()
    a = v.astype(dtype)
    if not np.array_equal(a, v):
        raise SystemExit('a value does not fit %s: %g..%g' % (dtype, v.min(), v.max()))
    return a


@torch.no_grad()
def tensors(model):
    net, out = model.net, {}

    def put(name, weight, bias, in_scale, out_scale):
        w, b, multiplier, shift = integer_layer(weight, bias, in_scale, out_scale, model.limit(name))
        out[name + '.weight'] = array(w, 'i1' if model.limit(name) <= 127 else '<i2')
        out[name + '.bias'] = array(b, '<i4')
        out[name + '.multiplier'] = array(multiplier, '<i2')
        out[name + '.shift'] = array(shift, 'u1')

    def layer(name, in_scale, out_scale, offset=0.0):
        m = getattr(net, name)
        put(name, m.weight, m.bias + offset, in_scale, out_scale)

    def blocks(prefix):
        for name, block in model.blocks():
            if name == prefix or name.startswith(prefix + '.'):
                s = model.stream(model.block_stream(name))
                a, d, e = (model.scale(name, part) for part in 'ade')
                short = name.replace('.blocks', '')
                put(short + '.a', block.a.weight, block.a.bias, s, a)
                c = a.numel()
                ones = torch.ones(9, dtype=a.dtype)
                put(short + '.dw', (block.dw.weight * a[:, None, None]).reshape(c, 9), block.dw.bias, ones, d)
                out[short + '.dw.weight'] = np.ascontiguousarray(out[short + '.dw.weight'].T)
                put(short + '.b', block.b.weight, block.b.bias, d, s)
                put(short + '.e', block.e.weight, block.e.bias, s, e)
                put(short + '.f', block.f.weight, block.f.bias, e, s)
    s = model.stream
    for name, t in model.tables().items():
        out[name] = array(t, '<i2')
    out['y_shape'] = array(model.shapes(net.y_shape), 'u1')
    out['z_shape'] = array(model.shapes(net.z_shape), 'u1')
    shape, scale = np.mgrid[0:ggm.SHAPE_COUNT, 0:ggm.SCALE_COUNT].astype('u1')   # distributions.py finds better ones
    out['y_table_shape'], out['y_table_scale'] = shape, scale
    layer('stem', model.pixel_scale(net.stem.weight.shape[1]), s('analysis'))
    blocks('analysis')
    layer('to_latent', s('analysis').repeat(4), s('y'))
    layer('hyper_enter', s('y'), s('hyper0'))
    blocks('hyper_block0')
    layer('hyper_down0', s('hyper0').repeat(4), s('hyper1'))
    blocks('hyper_block1')
    layer('hyper_down1', s('hyper1').repeat(4), s('z'))
    layer('prior_up0', s('z'), s('prior0').repeat(4))
    blocks('prior_block0')
    layer('prior_up1', s('prior0'), s('prior1').repeat(4))
    blocks('prior_block1')
    for k in range(4):
        s_in = s('prior1') if k == 0 else torch.cat([s('prior1'), s('y')])
        m = net.context[k].enter
        put('context.%d.enter' % k, m.weight, m.bias, s_in, s('context%d' % k))
        blocks('context.%d' % k)
        for g, head in enumerate(model.context_layers(k)):
            put('context.%d.head.%d' % (k, g), *head)
    if model.config.get('condition'):
        layer('condition_enter', model.pixel_scale(192), s('condition'))
        blocks('condition')
        layer('condition_prior', s('condition').repeat(4), s('prior1'))
        layer('condition_synthesis', s('condition'), s('synthesis'))
    layer('from_latent', s('y'), s('synthesis').repeat(4))
    blocks('synthesis')
    # real output 0 is pixel 127.5, or no difference to the prediction
    offset = 0.0 if model.config.get('condition') else 1.0
    layer('head', s('synthesis'), torch.full((192,), 2 / 255 / 64, dtype=torch.float64), offset)
    return out


if __name__ == '__main__':
    source, name, path = sys.argv[1:4]
    fixed = load(source)
    print('%s: id %s' % (path, model_file.write(path, name, fixed.config, tensors(fixed))))
