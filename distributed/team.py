"""The workers of a run, as one of them sees them."""

import errno
import socket

import torch
import torch.distributed as dist
from problem import MoatError


class Team:
    def __init__(self, device: torch.device, local_rank: int, local_size: int, hosts: int, names: str):
        self.device = device
        self.rank = dist.get_rank()
        self.size = dist.get_world_size()
        self.local_rank = local_rank
        self.local_size = local_size
        self.hosts = hosts
        self.names = names

    def total(self, *values: torch.Tensor) -> list[float]:
        """Sums over all workers."""
        sums = torch.stack([value.detach().double() for value in values])
        dist.all_reduce(sums)
        return sums.tolist()

    def told(self, *values: float) -> list[float]:
        """What the first worker says."""
        said = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.broadcast(said, 0)
        return said.tolist()

    def together(self, work):
        """What `work` gives on this worker. Where it fails on one of them, it fails on all, by that one's error: no worker
        is left waiting for another."""
        result = error = None
        try:
            result = work()
        except MoatError as caught:
            error = caught
        except OSError as caught:
            error = explained(caught)
        errors: list = [None] * self.size
        dist.all_gather_object(errors, None if error is None else (error.code, error.what, error.fix))
        for each in errors:
            if each is not None:
                raise MoatError(*each)
        return result

    def first(self, work):
        """Lets the first worker do it."""
        self.together(work if self.rank == 0 else lambda: None)

    def as_first(self, work):
        """What `work` gives on the first worker, on all of them."""
        found = [self.together(work if self.rank == 0 else lambda: None)]
        dist.broadcast_object_list(found)
        return found[0]

    def first_here(self, work):
        """Lets the first worker of each machine do it, before the others do the same and find it done."""
        self.together(work if self.local_rank == 0 else lambda: None)
        return self.together(work)


def explained(error: OSError) -> MoatError:
    if error.errno == errno.ENOSPC:
        fix = "Free some space and go on with --resume; the last checkpoint is whole."
        return MoatError("disk-full", f"{error.filename}: the disk is full", fix)
    return MoatError(
        "worker-storage", f"{socket.gethostname()}: {error}", "Look at the storage, then go on with --resume."
    )
