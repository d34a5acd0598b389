"""Muon for the matrices of the network, Adam for everything else."""
import torch
import torch.distributed as dist


def bfloat16_is_fast(device):
    """Whether products of matrices in bfloat16 are no slower than in float32: on a processor without instructions for
    them they take 10 to 20 times as long."""
    if device.type != 'cpu':
        return True
    supported = getattr(torch.ops.mkldnn, '_is_mkldnn_bf16_supported', None)
    return supported is not None and supported()


def orthogonal(m, steps=5):
    """The nearest semi-orthogonal matrices of (..., rows, columns), by Newton-Schulz iteration with the quintic
    coefficients of K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024)."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = m.shape[-2] > m.shape[-1]
    x = m.transpose(-2, -1) if tall else m
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    # The iteration does not need more than bfloat16, and small ones are not faster for it.
    if min(x.shape[-2:]) >= 96 and bfloat16_is_fast(x.device):
        x = x.bfloat16()
    for _ in range(steps):
        g = x @ x.transpose(-2, -1)
        x = a * x + (b * g + c * (g @ g)) @ x
    return (x.transpose(-2, -1) if tall else x).to(m.dtype)


class Muon(torch.optim.Optimizer):
    """Momentum whose update is made orthogonal, scaled to the RMS that Adam's updates have (0.2 lr; Liu et al., "Muon is
    scalable for LLM training", arXiv 2502.16982), so that Adam and Muon share one learning rate. Matrices of one shape
    are handled together."""

    def __init__(self, parameters, lr, momentum=0.95):
        super().__init__(parameters, dict(lr=lr, momentum=momentum))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            shapes = {}
            for p in group['params']:
                if p.grad is not None:
                    shapes.setdefault(p.shape, []).append(p)
            ahead = []
            for same in shapes.values():
                for p in same:
                    if not self.state[p]:
                        self.state[p]['momentum'] = torch.zeros_like(p)
                grads, momenta = [p.grad for p in same], [self.state[p]['momentum'] for p in same]
                torch._foreach_lerp_(momenta, grads, 1 - group['momentum'])
                # Nesterov: one step ahead of the momentum
                ahead.append(torch.stack(torch._foreach_lerp(grads, momenta, group['momentum'])))
            for same, updates in zip(shapes.values(), shared_out(orthogonal, ahead)):
                torch._foreach_add_(same, updates.unbind(), alpha=-0.2 * max(same[0].shape[-2:]) ** .5 * group['lr'])


def shared_out(function, stacks):
    """function of each of the stacks of matrices (n, ...), the work shared out among the processes of a distributed run, all of which
    have the same stacks."""
    if not dist.is_initialized():
        return [function(s) for s in stacks]
    rank, world, before = dist.get_rank(), dist.get_world_size(), 0
    results = torch.zeros(sum(s.numel() for s in stacks), dtype=stacks[0].dtype, device=stacks[0].device)
    parts = [part.view_as(s) for part, s in zip(results.split([s.numel() for s in stacks]), stacks)]
    for s, part in zip(stacks, parts):
        first = (rank - before) % world
        if first < len(s):
            part[first::world] = function(s[first::world])
        before += len(s)
    dist.all_reduce(results)
    return parts


class Both:
    """Several optimizers over parts of the parameters, as one."""

    def __init__(self, *parts):
        self.parts = parts

    @property
    def param_groups(self):
        return [g for part in self.parts for g in part.param_groups]

    def zero_grad(self, set_to_none=True):
        for part in self.parts:
            part.zero_grad(set_to_none)

    def step(self):
        for part in self.parts:
            part.step()

    def state_dict(self):
        return [part.state_dict() for part in self.parts]

    def load_state_dict(self, states):
        for part, state in zip(self.parts, states):
            part.load_state_dict(state)


def is_matrix(name, parameter):
    """Weights of the pointwise layers and of the context heads; the stem and the head of the picture and its filter stay with Adam."""
    parts = name.split('.')
    return parts[-1] == 'weight' and parts[-2] not in ('stem', 'head', 'dw', 'restoration') and parameter.ndim >= 2


def make_optimizer(name, model, lr, device):
    fused = dict(fused=True) if device.type == 'cuda' else {}
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]

    def adam(parameters):
        return torch.optim.Adam(parameters, lr, betas=(.9, .98), **fused)
    if name == 'adam':
        return adam([p for _, p in named])
    return Both(Muon([p for n, p in named if is_matrix(n, p)], lr), adam([p for n, p in named if not is_matrix(n, p)]))
