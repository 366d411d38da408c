"""The local trainer's optimizers on PyTorch's tensors, whole or sharded: which trains what, with which rate, and their
state under the names that the checkpoints of both sides use (`src/lab/train/optimizers.ts`, `muon.ts`)."""

import math

import torch
from torch.distributed.tensor import DTensor, distribute_tensor

MUON_BETAS = (0.8, 0.95)
ADAM_BETAS = (0.9, 0.95)
# p(x) = a·x + b·x³ + c·x⁵ of each Newton–Schulz step (Polar Express, arXiv:2505.16932)
POLYNOMIALS = (
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
)


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """All of it; of a sharded one every worker must ask."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def like(full: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """This worker's part of `full`, as `target` is cut; nothing is sent."""
    if not isinstance(target, DTensor):
        return full
    return distribute_tensor(full, target.device_mesh, target.placements, src_data_rank=None)


class Optimizer:
    def __init__(self, settings: dict, specs: list[dict], parameters: dict[str, torch.nn.Parameter]):
        self.kind = settings["kind"]
        self.parameters = parameters
        muon = self.kind == "muon"
        matrices = [spec["name"] for spec in specs if muon and spec["role"] == "matrix"]
        self.names = [name for name in parameters if name not in matrices]
        self.muon = Muon(settings, {name: parameters[name] for name in matrices}) if muon else None
        rates = {
            "matrix": settings["learningRate"],
            "embedding": settings["embeddingLearningRate"],
            "head": settings["headLearningRate"],
            "vector": settings["vectorLearningRate"],
            # Muon's rate is meant for orthogonal updates; what Adam trains beside it wants Adam's
            "kernel": settings["vectorLearningRate" if muon else "learningRate"],
        }
        by_role: dict[str, list] = {}
        for spec in specs:
            if spec["name"] not in matrices:
                by_role.setdefault(spec["role"], []).append(parameters[spec["name"]])
        groups = [
            {
                "params": members,
                "lr": rates[role],
                "peak": rates[role],
                "weight_decay": 0.0 if muon or role == "vector" else settings["weightDecay"],
            }
            for role, members in by_role.items()
        ]
        self.torch = self._inner(settings, groups)

    def _inner(self, settings: dict, groups: list[dict]) -> torch.optim.Optimizer:
        if self.kind == "sgd":
            return torch.optim.SGD(groups, momentum=settings.get("momentum", 0.9))
        betas = tuple(settings.get("betas") or (MUON_BETAS if self.muon else ADAM_BETAS))
        # `adam` couples the decay, as PyTorch's does
        kind = torch.optim.Adam if self.kind == "adam" else torch.optim.AdamW
        return kind(groups, betas=betas, eps=1e-8, fused=True)

    def clipped(self) -> list[torch.nn.Parameter]:
        """Gradients clipped together: not Muon's, whose update has the same size whatever the gradient."""
        return [self.parameters[name] for name in self.names]

    @torch.no_grad()
    def step(self, learning_rate_scale: float) -> None:
        for group in self.torch.param_groups:
            group["lr"] = group["peak"] * learning_rate_scale
        self.torch.step()
        if self.muon is not None:
            self.muon.step(learning_rate_scale)

    def _kept(self) -> list[tuple[str, str]]:
        """Names of the state of each parameter: PyTorch's, and the checkpoint's."""
        if self.kind == "sgd":
            return [("momentum_buffer", "momentum_buffer")]
        return [("exp_avg", "exp_avg"), ("exp_avg_sq", "exp_avg_sq")]

    def state(self):
        """Every tensor of the state by the checkpoint's name, one after another, zeros before the first step."""
        for name in self.names:
            kept = self.torch.state.get(self.parameters[name], {})
            for key, suffix in self._kept():
                value = kept.get(key)
                yield f"{name}.{suffix}", torch.zeros_like(self.parameters[name]) if value is None else value
        for name, momentum in self.muon.momentum.items() if self.muon else ():
            yield f"{name}.momentum", momentum

    def restore(self, step: int, read) -> None:
        """`read(name)` gives a whole tensor of the checkpoint."""
        for name in self.names:
            parameter = self.parameters[name]
            kept = {key: like(read(f"{name}.{suffix}").to(parameter.device), parameter) for key, suffix in self._kept()}
            if self.kind != "sgd":
                kept["step"] = torch.tensor(float(step), device=parameter.device)
            self.torch.state[parameter] = kept
        for name, momentum in self.muon.momentum.items() if self.muon else ():
            momentum.copy_(like(read(f"{name}.momentum").to(momentum.device), momentum))


class Muon:
    """Muon (Jordan et al. 2024): momentum whose update is orthogonalised before it is applied. Matrices of one shape go
    through Newton–Schulz together; every worker does all of them, so that nothing but shards has to be sent."""

    def __init__(self, settings: dict, matrices: dict[str, torch.nn.Parameter]):
        self.rate = settings["learningRate"]
        self.factor = settings.get("momentum", 0.95)
        self.decay = settings["weightDecay"]
        self.momentum = {name: torch.zeros_like(parameter) for name, parameter in matrices.items()}
        self.stacks: dict[tuple, list[tuple[str, torch.nn.Parameter]]] = {}
        for name, parameter in matrices.items():
            self.stacks.setdefault(tuple(parameter.shape), []).append((name, parameter))

    def step(self, learning_rate_scale: float) -> None:
        for (rows, columns), members in self.stacks.items():
            updates = torch.stack([whole(self._update(name, parameter)) for name, parameter in members])
            orthogonal = orthogonalize(updates)
            rate = self.rate * learning_rate_scale * math.sqrt(max(1.0, rows / columns))
            for (_, parameter), update in zip(members, orthogonal):
                parameter.mul_(1 - self.decay * rate).add_(like(update, parameter), alpha=-rate)

    def _update(self, name: str, parameter: torch.nn.Parameter) -> torch.Tensor:
        """Nesterov's look ahead."""
        momentum = self.momentum[name]
        momentum.mul_(self.factor).add_(parameter.grad, alpha=1 - self.factor)
        return parameter.grad * (1 - self.factor) + momentum * self.factor


def orthogonalize(updates: torch.Tensor) -> torch.Tensor:
    """`[matrices, rows, columns]`: singular values are pushed towards 1. Products are taken on the shorter side."""
    norms = updates.square().sum((1, 2), keepdim=True).sqrt()
    x = updates / (norms * 1.01 + 1e-7)
    tall = x.shape[1] > x.shape[2]
    for a, b, c in POLYNOMIALS:
        gram = x.mT @ x if tall else x @ x.mT
        polynomial = b * gram + c * (gram @ gram)
        x = a * x + (x @ polynomial if tall else polynomial @ x)
    return x
