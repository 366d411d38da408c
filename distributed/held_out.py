"""The loss on documents the model was not trained on (`src/lab/train/held-out-loss.ts`): one stream through windows that
overlap by half, so that all but the first tokens have half a window of context. The windows are shared out."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch.distributed.fsdp import FSDPModule


def cut_windows(token_count: int, length: int) -> list[tuple[int, int]]:
    """Where each starts (−1: at the end-of-text before the first token), and the first position that counts."""
    half = max(1, length // 2)
    windows, start = [(-1, 0)], half - 1
    while start + length - half < token_count:
        windows.append((start, length - half))
        start += half
    return windows


@torch.no_grad()
def held_out_loss(run, validation) -> tuple[float, float]:
    """@returns nats a token and bits a byte, of the weights that a checkpoint would hold"""
    length, batch, team = run.loop["sequenceLength"], run.loop["batchSize"], run.team
    end_of_text, count = run.job["data"]["endOfText"], validation.token_count
    stream = np.concatenate([[end_of_text], validation.read(0, count), np.full(length + 1, end_of_text)])
    windows = cut_windows(count, length)
    mine = windows[team.rank :: team.size]
    rounds = math.ceil(math.ceil(len(windows) / team.size) / batch)
    total = torch.zeros((), dtype=torch.float64, device=team.device)
    run.model.eval()
    swap_in_average(run)
    for index in range(rounds):
        part = mine[index * batch : (index + 1) * batch] or [(-1, length)]  # the last one counts for nothing
        rows = np.stack([stream[start + 1 : start + 2 + length] for start, _ in part])
        nats = F.cross_entropy(run.logits(rows[:, :-1]), run.tensor(rows[:, 1:]).flatten(), reduction="none").view(
            len(part), length
        )
        targets = np.array([start for start, _ in part])[:, None] + 1 + np.arange(length)
        counts = (np.arange(length) >= np.array([first for _, first in part])[:, None]) & (targets < count)
        total += nats.double()[torch.from_numpy(counts)].sum()
    reshard(run.model)
    swap_in_average(run)
    run.model.train()
    (nats,) = team.total(total)
    return nats / count, nats / math.log(2) / run.job["data"]["validation"]["textBytes"]


def reshard(model: torch.nn.Module) -> None:
    """Without a backward pass, FSDP keeps what it put together, and would go on with these weights."""
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


def swap_in_average(run) -> None:
    """The average in the weights' place, or back."""
    for name, average in (run.average or {}).items():
        parameter = run.parameters[name]
        held = parameter.clone()
        parameter.copy_(average)
        average.copy_(held)
