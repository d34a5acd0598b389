"""Write a small random model with the tensors of the real ones: python3 make_tiny_model.py OUT.mmodel [SEED [CONDITION [RESTORED [HYPER_CONTEXT]]]]

The weights mean nothing, but every value that a real model may hold occurs: full-range weights and multipliers, shifts
that keep activations busy and now and then saturate them, all shapes, gains from -4 to 4 octaves. Tests of exactness use
it because it is small and hits the corners that a trained model avoids. With CONDITION blocks that look at a prediction it is
one of architecture 2, with RESTORED 1 one of architecture 3, with HYPER_CONTEXT channels one of architecture 4.
"""
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'tools', 'train'))
import model_file
import restoration

CONFIG = dict(features=32, latents=64, hyper=32, analysis=2, synthesis=2, prior=32, context=32)


def tensors(rng, c):
    out = {}

    def layer(name, inputs, outputs, in_rms, out_rms, offset=0):
        """Weights of unit-less size; multiplier and shift map an input of in_rms to an output of about out_rms."""
        dw = name.endswith('.dw')
        w = np.clip(np.round(rng.normal(0, 45, (outputs, inputs))), -127, 127)
        ratio = out_rms / (in_rms * 45 * np.sqrt(inputs)) * np.exp2(rng.uniform(-1, 1, outputs))
        shift = np.clip(-np.floor(np.log2(ratio)) - 1, 0, 31)
        multiplier = np.clip(np.round(ratio * np.exp2(15 + shift)), 1, 32767)
        bias = np.round(rng.normal(0, 0.3, outputs) * out_rms / ratio + offset / ratio)
        out[name + '.weight'] = (w.T if dw else w).astype('i1')
        out[name + '.bias'] = (bias + np.floor(np.exp2(shift - 1))).astype('<i4')
        out[name + '.multiplier'] = multiplier.astype('<i2')
        out[name + '.shift'] = shift.astype('u1')

    def block(name, channels, expand, rms):
        layer(name + '.a', channels, channels, rms, 60)
        layer(name + '.dw', 9, channels, 40, 50)
        layer(name + '.b', channels, channels, 50, rms * 0.3)
        layer(name + '.e', channels, channels * expand, rms, 60)
        layer(name + '.f', channels * expand, channels, 40, rms * 0.3)

    def anchors(name, channels, low, high, unit):
        v = np.linspace(low, high, 9)[:, None] + rng.normal(0, 0.3, (9, channels))
        out[name] = np.round(v * unit).astype('<i2')
    f, m, z, p, t = c['features'], c['latents'], c['hyper'], c['prior'], c['context']
    anchors('stem_gain', f, -0.5, 0.5, 256)
    anchors('hyper_gain', z, -1, 1, 256)
    anchors('prior_gain', p, -0.5, 0.5, 256)
    anchors('head_gain', f, -0.2, 0.2, 256)
    anchors('y_gain', m, -6, -2, 256)
    anchors('z_gain', z, -5, -3, 256)
    anchors('y_offset', m, 5, 40, 64)
    anchors('z_offset', z, 20, 40, 64)
    out['y_shape'] = rng.integers(0, 16, m).astype('u1')
    out['z_shape'] = rng.integers(0, 16, z).astype('u1')
    rms = 3000
    condition = c.get('condition', 0)
    layer('stem', 384 if condition else 192, f, 120, rms)
    for i in range(c['analysis']):
        block('analysis.%d' % i, f, 2, rms)
    layer('to_latent', 4 * f, m, rms, rms)
    layer('hyper_enter', m, z, rms, rms)
    block('hyper_block0', z, 2, rms)
    layer('hyper_down0', 4 * z, z, rms, rms)
    block('hyper_block1', z, 2, rms)
    layer('hyper_down1', 4 * z, z, rms, rms)
    hidden = c['hyper_context']
    if hidden:
        layer('hyper_context.linear', 7 * z, 2 * z, rms, 800)
        layer('hyper_context.enter', 7 * z, hidden, rms, 60)
        layer('hyper_context.hidden', hidden, hidden, 40, 60)
        layer('hyper_context.leave', hidden, 2 * z, 40, 500)
    layer('prior_up0', z, 4 * z, rms, rms)
    block('prior_block0', z, 2, rms)
    layer('prior_up1', z, 4 * p, rms, rms)
    block('prior_block1', p, 1, rms)
    for k in range(4):
        layer('context.%d.enter' % k, p + (m if k else 0), t, rms, rms)
        block('context.%d.0' % k, t, 1, rms)
        for g in range(4):
            layer('context.%d.head.%d' % (k, g), t, m // 2, rms, 800)
    layer('from_latent', m, 4 * f, rms, rms)
    for i in range(c['synthesis']):
        block('synthesis.%d' % i, f, 2, rms)
    layer('head', f, 192, rms, 4000, 0 if condition else 127.5 * 64)
    if condition:
        anchors('condition_gain', f, -0.5, 0.5, 256)
        layer('condition_enter', 192, f, 120, rms)
        for i in range(condition):
            block('condition.%d' % i, f, 2, rms)
        layer('condition_prior', 4 * f, p, rms, rms)
        layer('condition_synthesis', f, f, rms, rms)
    if c.get('restored'):
        out['restoration'] = filters(rng)
    out['y_table_shape'] = rng.integers(0, 16, (16, 64)).astype('u1')
    out['y_table_scale'] = np.clip(np.arange(64) + rng.integers(-3, 4, (16, 64)), 0, 63).astype('u1')
    return out


def filters(rng):
    """Weights of a restoration filter, from hardly any to as large as they may be together."""
    w = rng.normal(0, 1, (9, restoration.CLASSES, restoration.WEIGHTS)) * 2 ** rng.uniform(3, 10, (1, restoration.CLASSES, 1))
    for part in (w[:, ::7, :restoration.LUMA_WEIGHTS], w[:, ::7, restoration.LUMA_WEIGHTS:]):
        part[:] = np.sign(part) * (restoration.MOST_STORED // part.shape[2])
    planes = np.split(w, [restoration.LUMA_WEIGHTS], 2)
    return np.concatenate([restoration.limited(v) for v in planes], 2).reshape(9, -1)


if __name__ == '__main__':
    path = sys.argv[1]
    seed, condition, restored, context = (int(v) for v in [*sys.argv[2:], *(1, 0, 0, 0)[len(sys.argv) - 2:]])
    config = dict(CONFIG, condition=condition, restored=restored, hyper_context=context)
    name = ('tiny-predicted-context' if context else 'tiny-predicted') if condition else \
        'tiny-complete' if context else 'tiny-restored' if restored else 'tiny'
    print(model_file.write(path, name, config, tensors(np.random.default_rng(seed), config)))
