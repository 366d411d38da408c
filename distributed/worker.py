"""Trains a run on PyTorch: `python worker.py --job job.json --launcher ray` on a Ray cluster, or under torchrun with
`--launcher torchrun`. The job's folder holds all that it needs (`src/lab/distributed/job-spec.ts`)."""

import argparse
import json
import os
import platform
import sys
from datetime import timedelta
from pathlib import Path

JOB_VERSION = 1


def read_job(file: Path) -> dict:
    from problem import MoatError

    job = json.loads(file.read_text())
    if job["version"] != JOB_VERSION:
        raise MoatError(
            "job-version",
            f"{file}: version {job['version']}; this worker reads {JOB_VERSION}",
            "Let the worker and moat be of one version.",
        )
    return job


def train(job: dict, folder: Path, local_rank: int, local_size: int, hosts: int, launcher: str) -> None:
    """What every worker does, in a process group that stands. @throws MoatError, on all of them"""
    import torch
    import torch.distributed as dist
    from probe import check_probe
    from problem import MoatError
    from team import Team
    from trainer import Run

    cuda = job["device"] != "cpu" and torch.cuda.is_available() and dist.get_backend() == "nccl"
    device = torch.device("cuda", local_rank % torch.cuda.device_count()) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)
    else:
        torch.set_num_threads(job["threadsPerWorker"] or max(1, (os.cpu_count() or 1) // local_size))
    what = torch.cuda.get_device_name(device) if cuda else f"{platform.machine()} processors"
    size = dist.get_world_size()
    names = f"{launcher}: {size} worker{'s' if size > 1 else ''} on {hosts} machine{'s' if hosts > 1 else ''}, {what}"
    team = Team(device, local_rank, local_size, hosts, names)
    team.together(check_probe)
    run = Run(job, folder, team)
    try:
        run.train_on()
    except torch.OutOfMemoryError as error:
        # the others wait for this one: it says why, and dies
        what = f"worker {team.rank} of {size}: {str(error).splitlines()[0]}"
        print(MoatError("out-of-memory", what, "Lower train.batchSize, or take more workers.").line, flush=True)
        raise
    finally:
        run.clean_up()


def under_torchrun(job: dict, folder: Path) -> int:
    """Exit status 0 also when the run was refused: torchrun would start anew what can only be refused again."""
    import torch
    import torch.distributed as dist
    from problem import MoatError

    # Gloo's workers now and then wait for each other for ever when they connect: then they die, and torchrun starts them again.
    dist.init_process_group(
        "nccl" if job["device"] != "cpu" and torch.cuda.is_available() else "gloo", timeout=timedelta(seconds=60)
    )
    dist.set_timeout(timedelta(minutes=30))
    local_rank, local_size = int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"])
    try:
        train(job, folder, local_rank, local_size, dist.get_world_size() // local_size, "torchrun")
    except MoatError as error:
        if dist.get_rank() == 0:
            print(error.line, flush=True)
    dist.destroy_process_group()
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--job", type=Path, required=True)
    parser.add_argument("--launcher", choices=["ray", "torchrun"], required=True)
    parser.add_argument(
        "--again", action="store_true", help="the run was begun by this very job, which the cluster lost"
    )
    options = parser.parse_args()
    from problem import MoatError

    folder = options.job.resolve().parent
    try:
        job = read_job(options.job)
        if options.launcher == "torchrun":
            return under_torchrun(job, folder)
        from on_ray import run_on_ray

        return run_on_ray(job, folder, options.again)
    except MoatError as error:
        print(error.line, flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
