"""Train one all-rate model of pictures. See docs/training.md; --help lists the settings.

On several GPUs or processor cores: torchrun --nproc-per-node N train.py ...
"""
import json

import torch

import data
import training
from net import LEVELS, Codec, dct_init
from validate import evaluate, load_pictures


def arguments():
    p = training.parser(__doc__)
    p.add_argument('--config', default='{}', help='JSON of the Codec constructor')
    p.add_argument('--halve', type=float, default=0,
                   help='share of the crops that are halved in size first; costs bits where pictures are reduced already')
    p.add_argument('--reduce', type=float, default=0,
                   help='share of the crops that are reduced first, to a random size between half and all of it')
    p.add_argument('--large-from', type=float, default=0.75, help='share of the run after which patches double in size')
    return p.parse_args()


def main():
    args = arguments()
    processes = training.Processes(args)
    device = processes.device
    crops = data.Crops(args.packed, processes.seed, args.halve, device, args.reduce)
    pictures = load_pictures(args.validate, device) if processes.rank == 0 else []

    def fresh():
        model = Codec(**json.loads(args.config))
        dct_init(model)
        return model

    def calibration(model):
        levels = torch.linspace(0, LEVELS - 1, args.batch, device=device)
        return [(crops.batch(args.batch, args.patch), levels) for _ in range(32)]
    run = training.Run(args, processes, training.starting_model(args, Codec, fresh, device, calibration), crops.rng)

    def batch(fraction):
        large = fraction >= args.large_from
        size, count = (args.patch * 2, max(1, args.batch // 4)) if large else (args.patch, args.batch)
        return crops.batch(count, size), training.draw_levels(count).to(device)
    run.train(batch, lambda model, levels: evaluate(model, pictures, levels))


if __name__ == '__main__':
    main()
