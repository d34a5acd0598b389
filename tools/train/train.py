"""Train one all-rate model. See docs/training.md; --help lists the settings.

Every picture of a batch draws its own quality level; the Lagrangian of level q is lambda(q) * MSE + bpp with lambda
geometric between --lambda-low and --lambda-high, weighted by lambda^-1/2 so that no rate dominates the gradient.
Checkpoints hold everything needed to go on exactly where the run stopped.
"""
import argparse
import json
import math
import os
import time

import numpy as np
import torch

import data
from net import Codec, LEVELS, dct_init, kmacs_per_pixel
from quantize import FixedCodec


def lambdas(args, q):
    return args.lambda_low * (args.lambda_high / args.lambda_low) ** (q / (LEVELS - 1))


def schedule(args, fraction, step):
    """Learning rate as a share of --lr: warm-up, plateau, linear decay to a hundredth."""
    warm = min(1.0, (step + 1) / args.warmup)
    if fraction < args.plateau:
        return warm
    return warm * max(args.final, 1 - (1 - args.final) * (fraction - args.plateau) / (1 - args.plateau))


@torch.no_grad()
def evaluate(model, pictures, levels, dtype=None):
    """Mean estimated bpp and RGB PSNR of the rounded 8-bit reconstruction at each level."""
    points = []
    for q in levels:
        bpp = psnr = 0
        for x in pictures:
            h, w = x.shape[2:]
            padded = torch.nn.functional.pad(x, (0, -w % 64, 0, -h % 64), mode='replicate')
            y, by, bz = model(padded, torch.full((1,), float(q), device=x.device), hard=True, dtype=dtype)
            bpp += (by + bz).item() / (h * w)
            y = ((y[:, :, :h, :w].clamp(-1, 1) + 1) * 127.5).round()
            psnr += 10 * math.log10(255 ** 2 / ((y - (x + 1) * 127.5) ** 2).mean().item())
        points.append((q, bpp / len(pictures), psnr / len(pictures)))
    return points


def load_pictures(paths, device):
    from PIL import Image
    out = []
    for p in paths:
        a = np.asarray(Image.open(p).convert('RGB')).transpose(2, 0, 1).astype(np.float32)
        out.append((torch.from_numpy(a)[None] * (2 / 255) - 1).to(device).contiguous(memory_format=torch.channels_last))
    return out


def load(path):
    # torch 2.6 and later refuse by default to unpickle the generator state of a checkpoint
    return torch.load(path, map_location='cpu', **({} if torch.__version__ < '2' else {'weights_only': False}))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--packed', required=True, help='folder written by data.py')
    p.add_argument('--out', required=True, help='checkpoint file')
    p.add_argument('--resume', action='store_true', help='go on from --out if it exists')
    p.add_argument('--init', help='start from the EMA weights of this checkpoint')
    p.add_argument('--validate', nargs='*', default=[], help='pictures for the RD points that are printed')
    p.add_argument('--config', default='{}', help='JSON of the Codec constructor')
    p.add_argument('--steps', type=int, default=30000)
    p.add_argument('--minutes', type=float, default=0, help='schedule by time instead of --steps')
    p.add_argument('--batch', type=int, default=16)
    p.add_argument('--patch', type=int, default=128)
    p.add_argument('--large-from', type=float, default=0.75, help='share of the run after which patches double in size')
    p.add_argument('--lr', type=float, default=1.5e-3)
    p.add_argument('--warmup', type=int, default=200)
    p.add_argument('--plateau', type=float, default=0.4)
    p.add_argument('--final', type=float, default=0.01)
    p.add_argument('--ema', type=float, default=0.999)
    p.add_argument('--clip', type=float, default=1.0)
    p.add_argument('--lambda-low', type=float, default=0.0005)
    p.add_argument('--lambda-high', type=float, default=0.3)
    p.add_argument('--bf16', action='store_true')
    p.add_argument('--fixed', action='store_true', help="train in libmica's integers; --init names a float checkpoint")
    p.add_argument('--threads', type=int, default=2)
    p.add_argument('--seed', type=int, default=7)
    p.add_argument('--save-every', type=float, default=300, help='seconds')
    args = p.parse_args()

    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    dtype = torch.bfloat16 if args.bf16 else None
    if args.fixed:
        # TF32 keeps 10 bits of a factor: the integers of this phase need all 24.
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    crops = data.Crops(args.packed, args.seed)
    pictures = load_pictures(args.validate, device)
    start = load(args.init) if args.init else None
    model = Codec(**(start['config'] if start else json.loads(args.config)))
    dct_init(model)
    if start and not any(k.startswith('net.') for k in start['ema']):
        model.load_state_dict(start['ema'])
    model = model.to(device).to(memory_format=torch.channels_last)
    if args.fixed:
        model = FixedCodec(model).to(device)
        if start and any(k.startswith('net.') for k in start['ema']):
            model.load_state_dict(start['ema'])
        elif not (args.resume and os.path.exists(args.out)):
            levels = torch.linspace(0, LEVELS - 1, args.batch, device=device)
            model.calibrate([(crops.batch(args.batch, args.patch).to(device), levels) for _ in range(32)])
    optimizer = torch.optim.Adam(model.parameters(), args.lr, betas=(.9, .98))
    ema = {k: v.detach().clone() for k, v in model.state_dict().items()}
    step, spent = 0, 0.0
    if args.resume and os.path.exists(args.out):
        c = load(args.out)
        model.load_state_dict(c['model'])
        optimizer.load_state_dict(c['optimizer'])
        ema, step, spent = {k: v.to(device) for k, v in c['ema'].items()}, c['step'], c['spent']
        crops.rng.bit_generator.state = c['rng']
        torch.set_rng_state(c['torch_rng'])
        if device == 'cuda' and c.get('cuda_rng'):
            torch.cuda.set_rng_state_all(c['cuda_rng'])
    kmacs = kmacs_per_pixel(model)
    print('decoder %.2f kMAC/px, encoder %.2f, %.2f M parameters' % (kmacs[1], kmacs[0], sum(v.numel() for v in model.parameters()) / 1e6), flush=True)

    def save():
        tmp = args.out + '.tmp'
        torch.save(dict(model=model.state_dict(), ema=ema, optimizer=optimizer.state_dict(), step=step, spent=spent,
                        rng=crops.rng.bit_generator.state, torch_rng=torch.get_rng_state(), config=model.config,
                        cuda_rng=torch.cuda.get_rng_state_all() if device == 'cuda' else None,
                        args=vars(args)), tmp)
        os.replace(tmp, args.out)

    def report(levels):
        if not pictures:
            return
        live = {k: v.clone() for k, v in model.state_dict().items()}
        model.load_state_dict(ema)
        print('RD step %d ' % step + ' '.join('%g:%.3f/%.2f' % v for v in evaluate(model, pictures, levels)), flush=True)
        model.load_state_dict(live)

    started, saved, average, evaluations = time.time() - spent, time.time(), None, 0
    parameters = [v for v in model.parameters()]
    while True:
        spent = time.time() - started
        fraction = spent / (60 * args.minutes) if args.minutes else step / args.steps
        if fraction >= 1:
            break
        large = fraction >= args.large_from
        size, count = (args.patch * 2, max(1, args.batch // 4)) if large else (args.patch, args.batch)
        x = crops.batch(count, size).to(device)
        q = torch.rand(count) * (LEVELS - 1)
        q = torch.where(torch.rand(count) < .1, torch.randint(0, 2, (count,)) * (LEVELS - 1.0), q).to(device)
        lam = lambdas(args, q)
        y, y_bits, z_bits = model(x, q, dtype=dtype)
        mse = ((y - x) ** 2).mean((1, 2, 3)) * 127.5 ** 2
        bpp = (y_bits + z_bits) / size ** 2
        loss = ((lam * mse + bpp) * (0.01 / lam) ** .5).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, args.clip)
        for g in optimizer.param_groups:
            g['lr'] = args.lr * schedule(args, fraction, step)
        if math.isfinite(norm.item()):
            optimizer.step()
        with torch.no_grad():
            decay = min(args.ema, step / (step + 50))
            for k, v in model.state_dict().items():
                ema[k].mul_(decay).add_(v, alpha=1 - decay)
        value = loss.item()
        average = value if average is None else .99 * average + .01 * value
        step += 1
        if step % 200 == 0:
            print('step %d %.0fs loss %.4f mse %.1f bpp %.3f (z %.3f) norm %.2f' % (step, time.time() - started, average,
                  mse.mean(), bpp.mean(), (z_bits / size ** 2).mean(), norm), flush=True)
        if time.time() - saved > args.save_every:
            save()
            evaluations += 1
            if evaluations % 3 == 0:
                report((0, 16, 32, 48, 63))
            saved = time.time()
    save()
    report((0, 8, 16, 24, 32, 40, 48, 56, 63))


if __name__ == '__main__':
    main()
