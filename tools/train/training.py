"""What training of pictures and of predicted frames has in common: settings, objective, the loop around batches, checkpoints.

Every picture or frame draws its own quality level; the Lagrangian of level q is lambda(q) * MSE + bpp with lambda geometric between
--lambda-low and --lambda-high, weighted by lambda^-1/2 so that no rate dominates the gradient. Checkpoints hold everything
needed to go on exactly where the run stopped.

With torchrun each process takes --batch, and gradients are averaged.
"""
import argparse
import json
import os
import time

import numpy as np
import torch
import torch.distributed as dist

import checkpoint
import model_file
import net
import perceptual
from net import LEVELS, kmacs_per_pixel
from optimizer import make_optimizer
from quantize import FixedCodec, outside_of_compiled
from restoration import ANCHORS, CLASSES, WEIGHTS
from restoration_layer import Restoration

PERCEPTUAL_UNIT = 9.5        # MSE that one unit of perceptual_loss is worth along the curve of S, so that rates stay


def file_to_write(path):
    """Rather than after the minutes until the first checkpoint."""
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise argparse.ArgumentTypeError('there is no folder %s' % folder)
    return path


def parser(description):
    """The settings that all runs have."""
    p = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--packed', required=True, help='folder written by data.py, and clips.py for predicted frames')
    p.add_argument('--out', required=True, type=file_to_write, help='checkpoint file')
    p.add_argument('--resume', action='store_true', help='go on from --out if it exists')
    p.add_argument('--init', help='start from the EMA weights of this checkpoint')
    p.add_argument('--validate', nargs='*', default=[], help='pictures or videos for the RD points that are printed')
    p.add_argument('--steps', type=int, default=30000)
    p.add_argument('--minutes', type=float, default=0, help='schedule by time instead of --steps')
    p.add_argument('--pause-after', type=float, default=0, help='minutes after which to save and exit, to be resumed')
    p.add_argument('--batch', type=int, default=16, help='pictures, or clips side by side, of each process')
    p.add_argument('--patch', type=int, default=128, help='side of a picture')
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
    p.add_argument('--fixed', action='store_true', help="train in libmica's integers; --init names a checkpoint")
    p.add_argument('--bits', default='{}', help='with --fixed: JSON, bits of the weights of layers that have not 8')
    p.add_argument('--scales', help='with --fixed: instead of calibration, the scales and bits of this checkpoint of the integer phase,'
                                    ' from which the float weights of --init were trained on')
    p.add_argument('--restoration', help='a model file, whose restoration filter stands behind the networks and is trained with them,'
                                         ' in place of that of the checkpoint')
    p.add_argument('--new-restoration', action='store_true', help='begin a restoration filter, which changes nothing yet, where neither'
                                                                  ' --restoration nor a checkpoint has one')
    p.add_argument('--frozen-encoder', action='store_true',
                   help='with --fixed: train the decoder and the entropy model alone, on symbols as effort 2 writes them')
    p.add_argument('--threads', type=int, default=2)
    p.add_argument('--seed', type=int, default=7)
    p.add_argument('--save-every', type=float, default=300, help='seconds')
    p.add_argument('--report-every', type=int, default=3, help='RD points after so many checkpoints')
    return p


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


class Lagrangian:
    """What an error of 1 (MSE, 0..255) is worth in bits per pixel, by level."""

    def __init__(self, args):
        self.low, self.ratio = args.lambda_low, args.lambda_high / args.lambda_low

    def __call__(self, q):
        return self.low * self.ratio ** (q / (LEVELS - 1))


class Objective(torch.nn.Module):
    """The loss of a batch, as one module so that it compiles as one graph."""

    def __init__(self, model, args):
        super().__init__()
        self.model = model
        self.lagrangian = Lagrangian(args)
        self.dtype = torch.bfloat16 if args.bf16 else None
        self.perceptual = args.perceptual
        self.perceptual_loss = perceptual.perceptual_loss
        if args.fixed and not next(model.parameters()).is_cuda:
            # torch 2.15 compiles a wrong gradient of it there: 1e8 times too large
            self.perceptual_loss = outside_of_compiled(self.perceptual_loss)

    def forward(self, x, q, prediction=None):
        """loss, what is decoded, and the means of loss, MSE (0..255), bits per pixel, bits per pixel of z, MSE of the prediction"""
        lam = self.lagrangian(q)
        y, y_bits, z_bits = self.model(x, q, prediction, dtype=self.dtype)
        pixels = x.shape[2] * x.shape[3]

        def mse(of):
            return ((of - x) ** 2).mean((1, 2, 3)) * 127.5 ** 2
        error, bpp = mse(y), (y_bits + z_bits) / pixels
        distortion = error.lerp(PERCEPTUAL_UNIT * self.perceptual_loss(x, y), self.perceptual) if self.perceptual else error
        loss = ((lam * distortion + bpp) * (0.01 / lam) ** .5).mean()
        figures = [loss, error.mean(), bpp.mean(), (z_bits / pixels).mean()]
        return loss, y.detach(), torch.stack(figures if prediction is None else [*figures, mse(prediction).mean()]).detach()


def restoration(args, *states):
    """The filter of --restoration, else that of the first checkpoint that has one, else a new one if it is asked for, or None."""
    if args.restoration:
        stored = model_file.read(args.restoration)[2].get('restoration')
        if stored is None:
            raise SystemExit('%s: has no restoration filter' % args.restoration)
        return Restoration(stored)
    found = next(filter(None, map(Restoration.of_checkpoint, filter(None, states))), None)
    if found is None and args.new_restoration:
        return Restoration(torch.zeros(ANCHORS, CLASSES, WEIGHTS))
    return found


def starting_model(args, codec, fresh, device, batches):
    """The model of a run that starts or is about to be resumed: a codec with the weights of --init, or fresh() without; in integers
    where they are asked for. batches(model): inputs to calibrate it with."""
    start = checkpoint.load(args.init) if args.init else None
    before = checkpoint.load(args.scales) if args.scales else start
    if start:
        model = codec(**start['config'])
        model.load_state_dict(checkpoint.float_weights(start))
    else:
        model = fresh()
    model = model.to(device).to(memory_format=torch.channels_last)
    if args.fixed:
        scales = checkpoint.scales(before) if before else {}
        if args.scales and not scales:
            raise SystemExit('%s: not a checkpoint of the integer phase' % args.scales)
        fixed = FixedCodec(model, json.loads(args.bits) or (before or {}).get('bits'))
        fixed.to(device)
        resumed = args.resume and os.path.exists(args.out)      # then everything comes from there
        if not resumed and (args.scales or not scales):
            fixed.calibrate(batches(model))
        if args.scales and not resumed:      # the weights have been trained on: what their streams hold may have grown
            asked = fixed.state_dict()
            scales = {k: torch.maximum(v, asked[k].cpu()) if k.startswith('stream_') else v for k, v in scales.items()}
        fixed.load_state_dict({**fixed.state_dict(), **scales})
        if args.frozen_encoder:
            fixed.freeze_encoder()
        model = fixed
    model.restoration = restoration(args, start, before)
    return model.to(device)


class Processes:
    """This process among those of torchrun, and what it computes on."""

    def __init__(self, args, kind='cuda'):
        """kind: the device that is wanted, if there is one."""
        self.world, self.rank = int(os.environ.get('WORLD_SIZE', 1)), int(os.environ.get('RANK', 0))
        self.device = torch.device('cpu')
        if kind == 'cuda' and torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get('LOCAL_RANK', 0)))
            self.device = torch.device('cuda', torch.cuda.current_device())
            torch.backends.cudnn.benchmark = True
            # TF32 keeps 10 bits of a factor: enough for the float phase, while the integers of the other need all 24.
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = not args.fixed
        if self.world > 1:
            dist.init_process_group('nccl' if self.device.type == 'cuda' else 'gloo')
        torch.set_num_threads(args.threads)
        torch.manual_seed(args.seed)                     # the same initial weights everywhere
        self.seed = args.seed + 1000 * self.rank         # of what each draws for itself

    def same(self, *numbers):
        """Those of the first process."""
        if self.world == 1:
            return numbers
        shared = torch.tensor(numbers, dtype=torch.float32, device=self.device)
        dist.broadcast(shared, 0)
        return shared.tolist()

    def average_gradients(self, parameters):
        if self.world > 1:
            flat = torch.cat([p.grad.reshape(-1) for p in parameters])
            dist.all_reduce(flat)
            torch._foreach_copy_([p.grad for p in parameters],
                                 [v.view_as(p) for v, p in zip((flat / self.world).split([p.numel() for p in parameters]), parameters)])

    def say(self, *words):
        if self.rank == 0:
            print(*words, flush=True)


class Run:
    """A run of training. random: a numpy generator whose state belongs into checkpoints, as data is drawn by it."""

    def __init__(self, args, processes, model, random):
        self.args, self.processes, self.model, self.random = args, processes, model, random
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        torch.manual_seed(args.seed + processes.rank)    # different levels
        self.optimizer = make_optimizer(args.optimizer, model, args.lr, processes.device)
        self.ema = {k: v.detach().clone() for k, v in model.state_dict().items()}
        self.step, self.spent = 0, 0.0
        if args.resume and os.path.exists(args.out):
            self.load()
        self.objective = Objective(model, args)
        if args.compile:
            on_gpu = processes.device.type == 'cuda'
            net.SHIFTED_DEPTHWISE = on_gpu
            self.objective = torch.compile(self.objective, dynamic=False, mode='reduce-overhead' if on_gpu else 'default')

    def load(self):
        c = checkpoint.load(self.args.out)
        self.model.load_state_dict(c['model'])
        self.optimizer.load_state_dict(c['optimizer'])
        self.ema, self.step, self.spent = {k: v.to(self.processes.device) for k, v in c['ema'].items()}, c['step'], c['spent']
        if self.processes.rank == 0:
            checkpoint.set_random_state(c, self.random)
        else:                                            # only the first process's states are kept
            torch.manual_seed(self.args.seed + self.processes.rank + self.step)
            self.random.bit_generator.state = np.random.default_rng(self.processes.seed + self.step).bit_generator.state

    def save(self):
        if self.processes.rank == 0:
            checkpoint.save(self.args.out, dict(
                model=self.model.state_dict(), ema=self.ema, optimizer=self.optimizer.state_dict(), step=self.step, spent=self.spent,
                config=self.model.config, bits=getattr(self.model, 'bits', {}), args=vars(self.args), **checkpoint.random_state(self.random)))

    def report(self, measure, levels):
        """measure(model, levels): RD points; here of the moving averages."""
        if self.processes.rank or not self.args.validate:
            return
        live = {k: v.clone() for k, v in self.model.state_dict().items()}
        self.model.load_state_dict(self.ema)
        self.processes.say('RD step %d ' % self.step + ' '.join('%g:%.4f/%.2f' % v for v in measure(self.model, levels)))
        self.model.load_state_dict(live)

    def learn(self, loss, fraction):
        """One step of the optimizer and of the moving averages; the norm of the gradient."""
        args, parameters = self.args, self.parameters
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.processes.average_gradients(parameters)
        norm = torch.nn.utils.clip_grad_norm_(parameters, args.clip)
        for g in self.optimizer.param_groups:
            g['lr'] = args.lr * rate_factor(args, fraction, self.step)
        if self.processes.device.type == 'cuda' or torch.isfinite(norm):
            # On a GPU the processor must not wait for the norm of every step.
            for p in parameters:
                p.grad.nan_to_num_(0.0, 0.0, 0.0)
            self.optimizer.step()
        with torch.no_grad():
            decay = min(args.ema, self.step / (self.step + 50))
            state, keys = self.model.state_dict(), list(self.ema)
            torch._foreach_lerp_([self.ema[k] for k in keys], [state[k] for k in keys], 1 - decay)
        self.step += 1
        return norm

    def train(self, batch, measure, after=None):
        """batch(fraction of the run): inputs of the objective. measure: as report takes it. after(what was decoded)."""
        args, processes = self.args, self.processes
        processes.say('decoder %.2f kMAC/px, encoder %.2f, %.2f M parameters' % (
            *reversed(kmacs_per_pixel(self.model)), sum(v.numel() for v in self.parameters) / 1e6))
        began = time.time()
        started, saved, average, saves = began - self.spent, began, None, 0
        while True:
            self.spent = time.time() - started
            fraction = self.spent / (60 * args.minutes) if args.minutes else self.step / args.steps
            pause = args.pause_after and time.time() - began > 60 * args.pause_after
            fraction, pause = processes.same(fraction, float(pause))     # all must leave the loop at the same step
            if fraction >= 1 or pause:
                break
            loss, decoded, figures = self.objective(*batch(fraction))
            if after:
                after(decoded)
            norm = self.learn(loss, fraction)
            average = figures.clone() if average is None else average.lerp(figures, .01)
            if self.step % 200 == 0:
                processes.say('step %d %.0fs loss %.4f mse %.1f bpp %.4f (z %.4f)%s norm %.2f' % (
                    self.step, time.time() - started, *average[:4].tolist(),
                    ''.join(' prediction %.1f' % v for v in average[4:].tolist()), norm))
            if time.time() - saved > args.save_every:
                self.save()
                saves += 1
                if saves % args.report_every == 0:
                    self.report(measure, (0, 16, 32, 48, 63))
                saved = time.time()
        self.save()
        if fraction >= 1:
            self.report(measure, (0, 8, 16, 24, 32, 40, 48, 56, 63))
