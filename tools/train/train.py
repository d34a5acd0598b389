"""Train one all-rate model. See docs/training.md; --help lists the settings.

Every picture of a batch draws its own quality level; the Lagrangian of level q is lambda(q) * MSE + bpp with lambda
geometric between --lambda-low and --lambda-high, weighted by lambda^-1/2 so that no rate dominates the gradient.
Checkpoints hold everything needed to go on exactly where the run stopped.

On several GPUs: torchrun --nproc-per-node N train.py ...; --batch is what each of them takes.
"""
import argparse
import json
import os
import time

import numpy as np
import torch
import torch.distributed as dist

import checkpoint
import data
import net
from net import Codec, LEVELS, dct_init, kmacs_per_pixel
from optimizer import make_optimizer
from perceptual import perceptual_loss
from quantize import FixedCodec
from validate import evaluate, load_pictures

PERCEPTUAL_UNIT = 9.5        # MSE that one unit of perceptual_loss is worth along the curve of S, so that rates stay


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--packed', required=True, help='folder written by data.py')
    p.add_argument('--out', required=True, help='checkpoint file')
    p.add_argument('--resume', action='store_true', help='go on from --out if it exists')
    p.add_argument('--init', help='start from the EMA weights of this checkpoint')
    p.add_argument('--validate', nargs='*', default=[], help='pictures for the RD points that are printed')
    p.add_argument('--config', default='{}', help='JSON of the Codec constructor')
    p.add_argument('--steps', type=int, default=30000)
    p.add_argument('--minutes', type=float, default=0, help='schedule by time instead of --steps')
    p.add_argument('--pause-after', type=float, default=0, help='minutes after which to save and exit, to be resumed')
    p.add_argument('--batch', type=int, default=16)
    p.add_argument('--patch', type=int, default=128)
    p.add_argument('--large-from', type=float, default=0.75, help='share of the run after which patches double in size')
    p.add_argument('--optimizer', choices=('adam', 'muon'), default='muon')
    p.add_argument('--lr', type=float, default=1.5e-3)
    p.add_argument('--warmup', type=int, default=200)
    p.add_argument('--plateau', type=float, default=0.4)
    p.add_argument('--final', type=float, default=0.01)
    p.add_argument('--ema', type=float, default=0.999)
    p.add_argument('--clip', type=float, default=1.0)
    p.add_argument('--lambda-low', type=float, default=0.0005)
    p.add_argument('--lambda-high', type=float, default=0.3)
    p.add_argument('--perceptual', type=float, default=0, help='share of perceptual_loss in the distortion, 0..1')
    p.add_argument('--bf16', action='store_true')
    p.add_argument('--compile', action='store_true', help='torch.compile, with CUDA graphs on a GPU')
    p.add_argument('--fixed', action='store_true', help="train in libmica's integers; --init names a float checkpoint")
    p.add_argument('--bits', default='{}', help='with --fixed: JSON, bits of the weights of layers that have not 8')
    p.add_argument('--frozen-encoder', action='store_true',
                   help='with --fixed: train the decoder and the entropy model alone, on symbols as effort 2 writes them')
    p.add_argument('--threads', type=int, default=2)
    p.add_argument('--seed', type=int, default=7)
    p.add_argument('--save-every', type=float, default=300, help='seconds')
    p.add_argument('--report-every', type=int, default=3, help='RD points after so many checkpoints')
    return p.parse_args()


def rate_factor(args, fraction, step):
    """Learning rate as a share of --lr: warm-up, plateau, linear decay to --final."""
    warm = min(1.0, (step + 1) / args.warmup)
    if fraction < args.plateau:
        return warm
    return warm * max(args.final, 1 - (1 - args.final) * (fraction - args.plateau) / (1 - args.plateau))


def draw_levels(count):
    """Uniform, with a tenth of the pictures at the two ends."""
    q = torch.rand(count) * (LEVELS - 1)
    return torch.where(torch.rand(count) < .1, torch.randint(0, 2, (count,)) * (LEVELS - 1.0), q)


class Objective(torch.nn.Module):
    """The loss of a batch, as one module so that it compiles as one graph."""

    def __init__(self, model, args):
        super().__init__()
        self.model = model
        self.low, self.ratio = args.lambda_low, args.lambda_high / args.lambda_low
        self.dtype = torch.bfloat16 if args.bf16 else None
        self.perceptual = args.perceptual

    def forward(self, x, q):
        """loss, and the means of MSE (0..255), bits per pixel, bits per pixel of z"""
        lam = self.low * self.ratio ** (q / (LEVELS - 1))
        y, y_bits, z_bits = self.model(x, q, dtype=self.dtype)
        pixels = x.shape[2] * x.shape[3]
        mse = ((y - x) ** 2).mean((1, 2, 3)) * 127.5 ** 2
        bpp = (y_bits + z_bits) / pixels
        distortion = mse
        if self.perceptual:
            distortion = mse.lerp(PERCEPTUAL_UNIT * perceptual_loss(x, y), self.perceptual)
        loss = ((lam * distortion + bpp) * (0.01 / lam) ** .5).mean()
        return loss, torch.stack([loss, mse.mean(), bpp.mean(), (z_bits / pixels).mean()]).detach()


def build(args, device, crops):
    """The model of a run that starts or is about to be resumed."""
    start = checkpoint.load(args.init) if args.init else None
    model = Codec(**(start['config'] if start else json.loads(args.config)))
    dct_init(model)
    if start:
        model.load_state_dict(checkpoint.float_weights(start))
    model = model.to(device).to(memory_format=torch.channels_last)
    if args.fixed:
        bits = json.loads(args.bits) or (start or {}).get('bits')
        model = FixedCodec(model, bits).to(device)
        if start and checkpoint.is_fixed(start):
            model.load_state_dict(start['ema'])
        elif not (args.resume and os.path.exists(args.out)):
            levels = torch.linspace(0, LEVELS - 1, args.batch, device=device)
            model.calibrate([(crops.batch(args.batch, args.patch), levels) for _ in range(32)])
        if args.frozen_encoder:
            model.freeze_encoder()
    return model


def average_gradients(parameters, world):
    if world > 1:
        flat = torch.cat([p.grad.reshape(-1) for p in parameters])
        dist.all_reduce(flat)
        torch._foreach_copy_([p.grad for p in parameters],
                             [v.view_as(p) for v, p in zip((flat / world).split([p.numel() for p in parameters]), parameters)])


def main():
    args = arguments()
    world, rank = int(os.environ.get('WORLD_SIZE', 1)), int(os.environ.get('RANK', 0))
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get('LOCAL_RANK', 0)))
        device = torch.device('cuda', torch.cuda.current_device())
        torch.backends.cudnn.benchmark = True
        # TF32 keeps 10 bits of a factor: enough for the float phase, while the integers of the other need all 24.
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = not args.fixed
    else:
        device = torch.device('cpu')
    if world > 1:
        dist.init_process_group('nccl' if device.type == 'cuda' else 'gloo')
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)                     # the same initial weights everywhere
    crops = data.Crops(args.packed, args.seed + 1000 * rank, device=device)
    pictures = load_pictures(args.validate, device) if rank == 0 else []
    model = build(args, device, crops)
    torch.manual_seed(args.seed + rank)              # different levels and noise
    optimizer = make_optimizer(args.optimizer, model, args.lr, device)
    ema = {k: v.detach().clone() for k, v in model.state_dict().items()}
    step, spent = 0, 0.0
    if args.resume and os.path.exists(args.out):
        c = checkpoint.load(args.out)
        model.load_state_dict(c['model'])
        optimizer.load_state_dict(c['optimizer'])
        ema, step, spent = {k: v.to(device) for k, v in c['ema'].items()}, c['step'], c['spent']
        if rank == 0:
            checkpoint.set_random_state(c, crops)
        else:                                        # only the first process's states are kept
            torch.manual_seed(args.seed + rank + step)
            crops.rng = np.random.default_rng(args.seed + 1000 * rank + step)
    objective = Objective(model, args)
    if args.compile:
        net.SHIFTED_DEPTHWISE = device.type == 'cuda'
        objective = torch.compile(objective, dynamic=False, mode='reduce-overhead' if device.type == 'cuda' else 'default')
    kmacs, parameters = kmacs_per_pixel(model), [p for p in model.parameters() if p.requires_grad]

    def say(*words):
        if rank == 0:
            print(*words, flush=True)
    say('decoder %.2f kMAC/px, encoder %.2f, %.2f M parameters' % (kmacs[1], kmacs[0], sum(v.numel() for v in parameters) / 1e6))

    def save():
        if rank == 0:
            checkpoint.save(args.out, dict(
                model=model.state_dict(), ema=ema, optimizer=optimizer.state_dict(), step=step, spent=spent,
                config=model.config, bits=getattr(model, 'bits', {}), args=vars(args), **checkpoint.random_state(crops)))

    def report(levels):
        if not pictures:
            return
        live = {k: v.clone() for k, v in model.state_dict().items()}
        model.load_state_dict(ema)
        say('RD step %d ' % step + ' '.join('%g:%.3f/%.2f' % v for v in evaluate(model, pictures, levels)))
        model.load_state_dict(live)

    began = time.time()
    started, saved, average, saves = began - spent, began, None, 0
    keys = list(ema)
    while True:
        spent = time.time() - started
        fraction = spent / (60 * args.minutes) if args.minutes else step / args.steps
        pause = args.pause_after and time.time() - began > 60 * args.pause_after
        if world > 1:                                # all must leave the loop at the same step
            shared = torch.tensor([fraction, float(pause)], device=device)
            dist.broadcast(shared, 0)
            fraction, pause = shared.tolist()
        if fraction >= 1 or pause:
            break
        large = fraction >= args.large_from
        size, count = (args.patch * 2, max(1, args.batch // 4)) if large else (args.patch, args.batch)
        loss, figures = objective(crops.batch(count, size), draw_levels(count).to(device))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        average_gradients(parameters, world)
        norm = torch.nn.utils.clip_grad_norm_(parameters, args.clip)
        for g in optimizer.param_groups:
            g['lr'] = args.lr * rate_factor(args, fraction, step)
        if device.type == 'cuda' or torch.isfinite(norm):
            # On a GPU the processor must not wait for the norm of every step.
            for p in parameters:
                p.grad.nan_to_num_(0.0, 0.0, 0.0)
            optimizer.step()
        with torch.no_grad():
            decay = min(args.ema, step / (step + 50))
            state = model.state_dict()
            torch._foreach_lerp_([ema[k] for k in keys], [state[k] for k in keys], 1 - decay)
        average = figures.clone() if average is None else average.lerp(figures, .01)
        step += 1
        if step % 200 == 0:
            say('step %d %.0fs loss %.4f mse %.1f bpp %.3f (z %.3f) norm %.2f' % (
                step, time.time() - started, *average.tolist(), norm))
        if time.time() - saved > args.save_every:
            save()
            saves += 1
            if saves % args.report_every == 0:
                report((0, 16, 32, 48, 63))
            saved = time.time()
    save()
    if fraction >= 1:
        report((0, 8, 16, 24, 32, 40, 48, 56, 63))


if __name__ == '__main__':
    main()
