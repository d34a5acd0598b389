"""A smaller codec of predicted frames that starts with the weights of a larger one: blocks are left out, the one first whose absence
costs the least, and the nets of the context get narrower, without the channels that matter least. To be trained on with
train_video.py --init.
"""
import argparse
import json
import os

import torch

import checkpoint
import motion
from net import Codec
from train_video import Chains, KeyFrames, arguments as training_arguments
from training import Lagrangian, Objective


def loss_of(model, args, batches):
    objective = Objective(model, args)
    return sum(objective(*batch)[0].item() for batch in batches) / len(batches)


def drop_blocks(model, part, keep, args, batches):
    while len(getattr(model, part)) > keep:
        blocks = getattr(model, part)

        def without(i):
            rest = type(blocks)(1, 0)
            rest.extend(b for k, b in enumerate(blocks) if k != i)
            return rest
        losses = []
        for i in range(len(blocks)):
            setattr(model, part, without(i))
            losses.append(loss_of(model, args, batches))
        least = min(range(len(losses)), key=losses.__getitem__)
        print('%s: without block %d the loss is %.4f' % (part, least, losses[least]), flush=True)
        setattr(model, part, without(least))


def inputs_of(model, modules, batches):
    """Root mean square of the input channels of some modules."""
    sums, hooks = {}, []
    for m in modules:
        def hook(_, inputs, m=m):
            x = inputs[0].detach().float().transpose(0, 1).flatten(1)
            sums.setdefault(m, []).append((x ** 2).mean(1))
        hooks.append(m.register_forward_pre_hook(hook))
    for batch in batches:
        model(*batch, hard=True)
    for h in hooks:
        h.remove()
    return {m: torch.stack(v).mean(0).sqrt() for m, v in sums.items()}


def most(importance, count):
    return importance.argsort(descending=True)[:count].sort()[0]


def narrow_context(model, width, batches):
    """Keep `width` channels of the stream and of the hidden tensors in each step."""
    for step in model.context:
        block = step.blocks[0]
        rms = inputs_of(model, [block.a, block.b, block.e, block.f], batches)
        out = step.weight.detach().abs().sum((0, 1))
        stream = most((rms[block.e] + rms[block.a]) * (out + block.a.weight.abs().sum(0) + block.e.weight.abs().sum(0)), width)
        first = most(rms[block.b] * block.b.weight.abs().sum(0), width)
        second = most(rms[block.f] * block.f.weight.abs().sum(0), width)

        def keep(pointwise, rows=None, columns=None):
            w, b = pointwise.weight.data, pointwise.bias.data
            if columns is not None:
                w = w[:, columns]
            if rows is not None:
                w, b = w[rows], b[rows]
            pointwise.weight.data, pointwise.bias.data = w.clone(), b.clone()
        keep(step.enter, stream)
        keep(block.a, first, stream)
        block.dw.weight.data, block.dw.bias.data = block.dw.weight.data[first].clone(), block.dw.bias.data[first].clone()
        keep(block.b, stream, first)
        keep(block.e, second, stream)
        keep(block.f, stream, second)
        step.weight.data = step.weight.data[:, :, stream].clone()


@torch.no_grad()
def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('checkpoint')
    p.add_argument('out')
    p.add_argument('--intra', required=True)
    p.add_argument('--packed', required=True)
    p.add_argument('--config', required=True, help='JSON: analysis, synthesis, condition, context, where they are to be smaller')
    p.add_argument('--batches', type=int, default=12)
    a = p.parse_args()
    args = training_arguments(['--packed', a.packed, '--out', a.out, '--intra', a.intra])
    state = checkpoint.load(a.checkpoint)
    model = Codec(**state['config'])
    model.load_state_dict(checkpoint.float_weights(state))
    torch.manual_seed(args.seed)
    chains = Chains(args, args.seed, KeyFrames(a.intra), motion.build(os.path.dirname(os.path.abspath(a.out))))
    batches = chains.batches(model, Lagrangian(args), a.batches)
    print('loss %.4f' % loss_of(model, args, batches), flush=True)
    config = json.loads(a.config)
    for part in ('condition', 'synthesis', 'analysis'):
        if part in config:
            drop_blocks(model, part, config[part], args, batches)
    if 'context' in config:
        narrow_context(model, config['context'], batches)
    small = Codec(**dict(state['config'], **config))
    small.load_state_dict(model.state_dict())
    print('loss %.4f' % loss_of(small, args, batches))
    checkpoint.save(a.out, dict(ema=small.state_dict(), config=small.config, step=0))


if __name__ == '__main__':
    main()
