"""The trainable integer networks against the numpy reference, and that against the C code:
python3 test_training.py CODE_PREDICTED (needs torch; exit code 77 without)

A small codec is initialised, calibrated and exported; in double precision the forward pass that training runs must give
the symbols and the pixels of the exported file. The same for a codec with a prediction of the picture, whose file
code_predicted.c must understand the same way.
"""
import argparse
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'tools', 'train'))
try:
    import numpy as np
    import torch
    import scipy  # noqa: F401  (the rate model needs it)
    from PIL import Image
except ImportError as e:
    print('skipped:', e)
    sys.exit(77)
import ablation
import checkpoint
import data
import export
import ggm
import grow
import hyper_context
import integer
import model_file
import restoration
import restoration_layer
import training
from make_tiny_model import filters
from net import Codec, dct_init, from_phases
from quantize import FixedCodec
from restoration_layer import Restoration
from test_predicted import compare, prediction_of
from test_reference import picture
from train_video import KeyFrames

LEVELS = (0, 20.5, 44.25, 63)


def tensor(a, dtype):
    return torch.from_numpy(a.copy()).permute(2, 0, 1)[None].to(dtype) * 2 / 255 - 1


def make(condition, pictures, predictions):
    """A codec in double precision that was never trained; no layer of it is zero."""
    net = Codec(features=32, latents=64, hyper=32, analysis=1, synthesis=1, prior=32, context=32, condition=condition, hyper_context=64)
    dct_init(net)
    with torch.no_grad():
        net.z_gain.log.add_(2)                 # so that there are symbols of z that are not 0
        for layer in (net.hyper_context.linear, net.hyper_context.leave, *((net.condition_prior, net.condition_synthesis) if condition else ())):
            layer.weight.normal_(0, .5 / layer.weight.shape[1] ** .5)
            layer.bias.normal_(0, .1)
        if condition:
            net.condition_gain.log.normal_(0, .2)
    fixed = FixedCodec(net)
    batch = [torch.cat([tensor(a, torch.float32) for a in pictures]), torch.tensor(LEVELS)]
    if condition:
        batch.append(torch.cat([tensor(a, torch.float32) for a in predictions]))
    fixed.calibrate([batch])
    return fixed.double().eval()


def differing(fixed, reference, a, prediction, level):
    """Numbers of symbols of z and y and of pixels that differ, and of symbols of y that are not 0."""
    q = round(level * 16)
    to_prior = to_synthesis = base = 0
    with torch.no_grad():
        fixed(tensor(a, torch.float64), torch.tensor([level]), hard=True,
              prediction=None if prediction is None else tensor(prediction, torch.float64))
    if prediction is not None:
        to_prior, to_synthesis = reference.look_at_prediction(prediction, q)
        assert (to_prior != 0).mean() > .9 and (to_synthesis != 0).mean() > .9
        base = prediction
    y, z = reference.analyse(a, q, prediction)
    gain, quarter = reference.log2_gain('y_gain', q), reference.config['latents'] // 4

    def nearest(k, p, g, mean, index):
        c = slice(g * quarter, (g + 1) * quarter)
        r = reference.gain(y[p // 2::2, p % 2::2, c], gain[c]) - mean
        if fixed.thresholds is None:
            return (r + 8) >> 4
        one, two = np.moveaxis((fixed.thresholds.numpy() * 16).astype(int)[reference.t('y_shape')[c], index], -1, 0)
        s = np.maximum((np.abs(r) - two + 32) >> 4, 1)
        return np.sign(r) * np.where(s < 2, np.abs(r) >= one, s) * (index >= integer.SKIP_SCALES)
    features = reference.prior(z, q, to_prior)
    y_hat, symbols = reference.code_y(features, q, nearest)
    if fixed.thresholds is not None and prediction is None:       # feedback, as at effort 2
        again = reference.analyse(reference.paint(reference.features(y_hat, q, to_synthesis), q, 0, base), q, prediction)[0]
        y = (y + (12 * (y_hat.astype(int) - again) + 8 >> 4)).clip(-32768, 32767).astype(y.dtype)
        first, (y_hat, symbols) = symbols, reference.code_y(features, q, nearest)
        assert (first != symbols).mean() > .01
    pixels = reference.paint(reference.features(y_hat, q, to_synthesis), q, 0, base)
    torch_z = fixed.last['z'][0].permute(1, 2, 0).numpy()
    torch_y = from_phases(fixed.last['y'], 1, *y.shape[:2])[0].permute(1, 2, 0).numpy()
    torch_pixels = fixed.last['v'][0].permute(1, 2, 0).numpy() / 64
    return [int((torch_z != z).sum()), int((torch_y != symbols).sum()), int((torch_pixels != pixels).sum())], (symbols != 0).sum()


def grown(condition):
    """How much a codec changes when it grows: not at all, and all that is new is there."""
    small = make(condition, [picture(128, 64, 3, 1)] * 4, [picture(128, 64, 3, 2)] * 4).float().net
    config = dict(features=64, context=96, analysis=2, synthesis=3, **(dict(condition=condition + 1) if condition else {}))
    large = grow.grow(small, config)
    x, p = (tensor(picture(128, 64, 3, seed), torch.float32) for seed in (3, 4))
    with torch.no_grad():
        before, after = (m(x, torch.tensor([30.]), p if condition else None, hard=True) for m in (small, large))
    larger = all(large.config[k] == v for k, v in config.items()) and large.stem.weight.shape[0] == 64
    return max((a - b).abs().max().item() / b.abs().max().item() for a, b in zip(after, before)) if larger else np.inf


def ablated():
    """Whether the variants' codec is the codec where it varies nothing, and every rate model is one: bits over all symbols are
    those of probabilities that add up to no more than 1, and nearly 1."""
    small = make(0, [picture(128, 64, 3, 1)] * 4, [None] * 4).float().net
    same = ablation.Variant(**small.config)
    same.load_state_dict(small.state_dict())
    x = tensor(picture(128, 64, 3, 3), torch.float32)
    with torch.no_grad():
        wrong = [not torch.equal(a, b) for a, b in zip(same(x, torch.tensor([30.]), hard=True), small(x, torch.tensor([30.]), hard=True))]
        symbols = torch.arange(-400., 401.)[:, None].expand(-1, small.config['latents'])
        for rate in (ablation.PerChannel(), ablation.OneShape(1.0), ablation.PerElement(), ablation.Mixture(2), ablation.Mixture(3)):
            others = [torch.full_like(symbols, 3. * i) for i in range(1, 9)]
            bits = rate.bits(small.survival, symbols, torch.full_like(symbols, 1.0), small.y_shape, *others[:rate.outputs - 2])
            sums = (2 ** -bits * (bits < 15.99)).sum(0)
            wrong.append(not bool((sums > 0.99).all() and (sums < 1.001).all()))
    return wrong


def rated():
    """Whether the rate in training is that of the symbols, with their slope by the scale, and a residual's slope the mean of those under
    uniform noise: it pulls towards 0 although bits of symbols do not change with it."""
    residual = torch.tensor([[-1.3, -0.4, 0.2, 0.45, 2.4]], requires_grad=True)
    scale = torch.full((1, 5), .6, requires_grad=True)
    rows = ggm.channel_rows(ggm.survival_table(), torch.full((5,), 1.25))

    def slopes(bits):
        return torch.autograd.grad(bits.sum(), (residual, scale), allow_unused=True)
    trained = ggm.rate(ggm.bits, residual, torch.round(residual), scale, rows)
    coded = ggm.bits(torch.round(residual.detach()), scale, rows)
    by_residual, by_scale = slopes(trained)
    noise = (torch.arange(20000.)[:, None] + .5) / 20000 - .5
    under_noise = slopes(ggm.bits(residual + noise, scale.detach(), rows))[0] / len(noise)
    as_noise = ((by_residual - under_noise).abs() < .01) & (by_residual * residual.sign() > .3)
    return torch.equal(trained, coded) and torch.equal(by_scale, slopes(coded)[1]) and bool(as_noise.all())


def goes_on():
    """Whether float weights and a filter that were trained on enter the integer phase with the bits and the scales of before, those of the
    streams made larger where they need it."""
    before = make(0, [picture(128, 64, 3, 1)] * 4, [None] * 4).float()
    before.restoration = Restoration(filters(np.random.default_rng(1)))
    weights = {k: v * 1.25 for k, v in before.net.state_dict().items()}
    with tempfile.TemporaryDirectory() as d:
        init, scales = os.path.join(d, 'float.pt'), os.path.join(d, 'fixed.pt')
        trained = before.restoration.weight.detach() * 1.25
        checkpoint.save(init, dict(ema={**weights, checkpoint.RESTORATION: trained}, config=before.config))
        checkpoint.save(scales, dict(ema=before.state_dict(), config=before.config, bits={'head': 11}))
        args = argparse.Namespace(init=init, scales=scales, out='', fixed=True, bits='{}', resume=False, frozen_encoder=False,
                                  restoration=None, new_restoration=False)
        batch = torch.cat([tensor(picture(128, 64, 3, 1), torch.float32)] * 4), torch.tensor(LEVELS)
        model = training.starting_model(args, Codec, None, torch.device('cpu'), lambda net: [batch])
    again = FixedCodec(model.net)
    again.calibrate([batch])
    larger = {k: torch.maximum(v, again.state_dict()[k]) for k, v in before.state_dict().items() if k.startswith('stream_')}
    expected = {**before.state_dict(), checkpoint.RESTORATION: trained, **larger, **{'net.' + k: v for k, v in weights.items()}}
    grown = sum((v > before.state_dict()[k]).sum().item() for k, v in larger.items())
    return model.bits == {'head': 11} and grown > 100 and all(torch.equal(v, expected[k]) for k, v in model.state_dict().items())


def restored():
    """What is wrong with the filter as a layer: its pixels against restoration.py, the gradient of its weights against finite differences,
    and the weights that it stores."""
    stored = filters(np.random.default_rng(1)) // 16           # what planes() does not round would grow with larger ones
    layer, wrong = Restoration(stored), []
    a = picture(64, 96, 3, 5)
    samples = np.clip(a.astype(int) * 64 + np.random.default_rng(2).integers(-90, 90, a.shape), 0, restoration.MOST)
    y = torch.from_numpy(samples).permute(2, 0, 1)[None].float()
    for anchor, level in ((0, 0.), (4, 31.5), (8, 63.)):
        weights = stored[anchor].reshape(restoration.CLASSES, restoration.WEIGHTS)
        expected = restoration.restore(samples, weights)
        with torch.no_grad():
            got = layer(y, torch.tensor([level]))[0].permute(1, 2, 0).numpy().clip(0, restoration.MOST)
        if np.abs(got - expected).max() > 3 or np.abs(expected - samples).mean() < 10:
            wrong.append('pixels of level %g: %g' % (level, np.abs(got - expected).max()))
    x, q = torch.cat([y, y.flip(3)]).double(), torch.tensor([10., 50.]).double()
    layer = layer.double()
    (layer(x, q) ** 2).sum().backward()
    used = layer.weight.grad.abs().flatten().topk(40).indices[::8]
    for i in used.tolist():
        sums = []
        for step in (1e-4, -1e-4):
            moved = Restoration(layer.weight.detach().clone())
            moved.weight.data.view(-1)[i] += step
            sums.append((moved(x, q) ** 2).sum().item())
        if not np.isclose((sums[0] - sums[1]) / 2e-4, layer.weight.grad.view(-1)[i].item(), rtol=1e-3):
            wrong.append('gradient of weight %d' % i)
    if not np.array_equal(Restoration(stored).stored(), stored):
        wrong.append('stored weights')
    return wrong + compiled()


def compiled():
    """What is wrong with the filter that is compiled for a processor: what it computes must be what the other one does."""
    rng = torch.Generator().manual_seed(3)
    planes = [torch.randn(2, 24, 36, generator=rng).mul(900).requires_grad_() for _ in range(3)]
    chosen = torch.randint(0, restoration.CLASSES, (2, 6, 9), generator=rng)
    table = torch.randn(2, restoration.CLASSES, restoration.WEIGHTS, generator=rng).mul(.02).requires_grad_()
    by_changes, got = torch.randn(3, 2, 24, 36, generator=rng), []
    for which in (restoration_layer.changes, restoration_layer.changes_on_processor):
        out = torch.stack(list(which(planes, chosen, table)))
        got.append((out, *torch.autograd.grad(out, (*planes, table), by_changes)))
    return ['%s of the compiled filter: off by %g' % (name, (a - b).abs().max()) for name, a, b in zip(
        ('changes', 'gradient by Y', 'by Co', 'by Cg', 'by weights'), *got) if (a - b).abs().max() > 1e-4 * a.abs().max()]


def cropped():
    """What is wrong with training crops of a ramp, which tells how a crop lies and by how much it is reduced."""
    y, x = np.mgrid[0:160, 0:160]
    ramp = np.stack([20 + x, 20 + y, np.zeros_like(x)], 2).astype('u1')
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, 'in'))
        Image.fromarray(ramp).save(os.path.join(folder, 'in', 'ramp.png'))
        data.pack(os.path.join(folder, 'in'), folder)
        for options, least, most in (({}, 1, 1), (dict(halve=1), 2, 2), (dict(reduce=1), 1, 2)):
            crops, lies, steps = data.Crops(folder, 7, **options), set(), set()
            for _ in range(40):
                a = crops.picture(64).astype(int)
                along = [[round((a[-9, 8, c] - a[8, 8, c]) / 47, 1), round((a[8, -9, c] - a[8, 8, c]) / 47, 1)] for c in (0, 1)]
                lies.add(tuple(np.sign(along).flatten()))
                steps.add(np.abs(along).max())
            if len(lies) != 8 or min(steps) < least or max(steps) > most or (least < most) != (len(steps) > 5):
                wrong.append('%s: %d ways, steps %s' % (options, len(lies), sorted(steps)))
    return wrong


def key_frames():
    """What is wrong with the key frames of train_video.py: S with its filter, in float, has about the errors of S in integers, and without
    the filter more."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'models', 'checkpoints', 's.pt')
    codec, state, wrong = KeyFrames(path), checkpoint.load(path), []
    unfiltered = Codec(**state['config'])
    unfiltered.load_state_dict(checkpoint.float_weights(state))
    fixed = FixedCodec(Codec(**state['config']), state['bits'])
    fixed.restoration = Restoration(state['ema'][checkpoint.RESTORATION].float())
    fixed.load_state_dict({**fixed.state_dict(), **{k: v.float() for k, v in state['ema'].items()}})
    x = torch.from_numpy(picture(128, 192, 3, 5)).permute(2, 0, 1)[None].float() * (2 / 255) - 1
    for level in (10., 50.):
        with torch.no_grad():
            errors = [((y.clamp(-1, 1) - x) ** 2).mean().item() for y in (
                codec(x, level), fixed(x, torch.full((1,), level), hard=True)[0], unfiltered(x, torch.full((1,), level), hard=True)[0])]
        if not (abs(errors[0] / errors[1] - 1) < .02 and errors[0] < .99 * errors[2]):
            wrong.append('level %g: %s' % (level, errors))
    return wrong


def context_learned():
    """What is wrong with a context of z that learned from planes where each position is the one on the left and noise: bits of a hyper
    latent against those of the noise, and what else changed."""
    before = make(0, [picture(128, 64, 3, 1)] * 4, [None] * 4).float()
    rng, wrong, channels, deviation = np.random.default_rng(3), [], before.config['hyper'], 2
    noise_bits = np.log2(deviation * np.sqrt(2 * np.pi * np.e))
    with tempfile.TemporaryDirectory() as d:
        source, out, latents = (os.path.join(d, n) for n in ('in.pt', 'out.pt', 'latents'))
        checkpoint.save(source, dict(ema=before.state_dict(), config=before.config, bits={}, step=0))
        with open(latents, 'wb') as f:
            for level in (0, 400, 1008) * 8:
                z = np.zeros((20, 30, channels))
                for x in range(1, 30):
                    z[:, x] = 0.95 * z[:, x - 1] + rng.normal(0, 16 * deviation, (20, channels))
                f.write(np.array([20, 30, channels, level], '<i4').tobytes() + np.round(z).astype('<i2').tobytes())
        sys.argv[1:], arguments = [source, out, latents, '--steps', '300', '--batch', '256', '--lr', '6e-3', '--hidden', '32'], sys.argv[1:]
        hyper_context.main()
        sys.argv[1:] = arguments
        state = checkpoint.load(out)
        after = FixedCodec(Codec(**state['config']))
        after.load_state_dict(state['ema'])
        fit = hyper_context.Fit(after)
        fit.integers = True
        for level, bits in fit.measure(hyper_context.Positions([latents])).items():
            if not noise_bits - 0.1 < bits / channels < noise_bits + 0.3:
                wrong.append('%.2f bits of a hyper latent at level %d, %.2f of its noise' % (bits / channels, level, noise_bits))
    for name, v in after.state_dict().items():
        learned = 'hyper_context' in name or name in ('net.z_log_scale.log', 'net.z_shape')
        if not learned and not torch.equal(v, before.state_dict()[name]):
            wrong.append('%s changed' % name)
    return wrong


def main():
    torch.manual_seed(1)
    bad = 0
    wrong = restored()
    print('the restoration filter as a layer: %s' % (wrong or 'as it should be'))
    bad += len(wrong)
    wrong = cropped()
    print('crops: %s' % (wrong or 'as they should be'))
    bad += len(wrong)
    wrong = key_frames()
    print('key frames of a video in training: %s' % (wrong or 'as they should be'))
    bad += len(wrong)
    wrong = context_learned()
    print('the context of z: %s' % (wrong or 'as it should be'))
    bad += len(wrong)
    if not goes_on():
        print('scales are not kept')
        bad += 1
    if not rated():
        print('the rate in training is not that of symbols')
        bad += 1
    wrong = ablated()
    print('variants of the codec that are wrong: %s' % wrong)
    bad += any(wrong)
    for condition in (0, 1):
        change = grown(condition)
        print('%d blocks for a prediction, grown: changes by %.1g' % (condition, change))
        bad += change > 1e-3
    for condition in (0, 2):
        pictures = [picture(128, 64, 3, seed) for seed in range(4)]
        predictions = [prediction_of(a, seed) if condition else None for seed, a in enumerate(pictures)]
        fixed = make(condition, pictures, predictions)
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, 'x.mmodel')
            model_file.write(path, 'test', fixed.config, export.tensors(fixed))
            reference = integer.Reference(path)
            for a, prediction, level in zip(pictures, predictions, LEVELS):
                wrong, symbols = differing(fixed, reference, a, prediction, level)
                print('%d blocks for a prediction, level %g: z, y, pixels that differ: %s, %d symbols not 0' %
                      (condition, level, wrong, symbols))
                bad += any(wrong) or not symbols
                if condition:
                    bad += not compare(sys.argv[1], path, reference, a, prediction, level * 16 / 10.08, 1024)
            fixed.freeze_encoder()
            wrong, others = differing(fixed, reference, a, prediction, level)
            print('the same rounded as at effort 2: %s, %d symbols not 0' % (wrong, others))
            bad += any(wrong) or others in (0, symbols)
    sys.exit(1 if bad else 0)


if __name__ == '__main__':
    main()
