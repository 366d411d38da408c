"""Dropout by the masks of the local trainer, number for number (`src/lab/train/dropout-masks.ts`): whether an element of a
micro-batch is kept, a hash of its place says, so a worker draws those of its rows alone, and they are the same for any
number of workers."""

import contextlib
import math

import torch
import torch.nn.functional as F

PROBABILITIES = ("attention_dropout", "attn_pdrop", "embd_pdrop", "resid_pdrop")


def _signed(number: int) -> int:
    """As 32 bits with a sign."""
    return (number + (1 << 31)) % (1 << 32) - (1 << 31)


def micro_seed(seed: int, step: int, micro: int) -> int:
    """@param step from 1 @param micro of the step's micro-batches, from 0"""
    return _signed((seed + 1) * 0x9E3779B1) ^ _signed(step * 0x85EBCA6B) ^ _signed(micro * 0xC2B2AE35)


def keep_mask(seed: int, first: int, count: int, keep: float, device) -> torch.Tensor:
    """Of the elements `first` … of a site: MurmurHash3's finaliser of the place's half, 16 bits for each."""
    place = torch.arange(first, first + count, dtype=torch.int32, device=device)
    x = (place >> 1) * _signed(0x9E3779B1) + _signed(seed)
    x = (x ^ ((x >> 16) & 0xFFFF)) * _signed(0x85EBCA6B)
    x = (x ^ ((x >> 13) & 0x7FFFF)) * _signed(0xC2B2AE35)
    x = x ^ ((x >> 16) & 0xFFFF)
    return ((x >> (16 * (place & 1))) & 0xFFFF) < min(65535, math.floor(keep * 65536 + 0.5))


class Dropout:
    """Takes the place of PyTorch's own, for models that call it in the order in which the local trainer does."""

    def __init__(self, seed: int):
        self.seed = seed
        self.sites = 0
        self.rows: list[tuple[int, int]] = []

    def begin(self, step: int, rows: list[int], micro_rows: int) -> None:
        """Before a forward pass of these rows of a step. @param micro_rows in each of its micro-batches"""
        self.sites = 0
        self.rows = [(micro_seed(self.seed, step, row // micro_rows), row % micro_rows) for row in rows]

    def __call__(self, x: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> torch.Tensor:
        if not training or p == 0:
            return x
        site, count = self.sites, x.numel() // len(self.rows)
        self.sites += 1
        masks = [
            keep_mask(_signed(seed * 0x2545F491) + site, row * count, count, 1 - p, x.device) for seed, row in self.rows
        ]
        return torch.where(torch.stack(masks).view(x.shape), x * (1 / (1 - p)), 0.0)

    def context(self):
        """Of a part of the model that is computed again in the backward pass: the second time, the same sites."""
        began = []

        @contextlib.contextmanager
        def first():
            began.append(self.sites)
            yield

        @contextlib.contextmanager
        def again():
            ahead, self.sites = self.sites, began[0]
            try:
                yield
            finally:
                self.sites = ahead

        return first(), again()


def take_over(job: dict, model: torch.nn.Module) -> Dropout | None:
    """@returns what is told of every forward pass; None for a model that drops nothing"""
    if not any(getattr(model.config, name, 0) for name in PROBABILITIES):
        return None
    dropout = Dropout(job["config"]["seed"])
    F.dropout = dropout
    if job["config"]["loop"]["recompute"]:
        model.gradient_checkpointing_enable({"use_reentrant": False, "context_fn": dropout.context})
    return dropout
