"""The model as `transformers` has it, checked to be the one that the job means, and laid out over the workers."""

import contextlib
import json
import os
from pathlib import Path

import torch
import torch.distributed as dist
from problem import MoatError
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.nn.parallel import DistributedDataParallel
from transformers import AutoConfig, AutoModelForCausalLM

# written by older versions of transformers, and still understood
OLDER_KEYS = {
    "architectures",
    "torch_dtype",
    "rope_theta",
    "rope_scaling",
    "rope_local_base_freq",
    "sliding_window_pattern",
    "partial_rotary_factor",
    "max_position_embeddings",
}
# what is left for everything the estimate does not know
USABLE = 0.85


def build_model(job: dict, job_folder: Path) -> torch.nn.Module:
    config = AutoConfig.from_pretrained(job_folder)
    asked = json.loads((job_folder / "config.json").read_text())
    unknown = sorted(set(asked) - set(type(config)().to_dict()) - OLDER_KEYS)
    if unknown:
        raise MoatError(
            "cannot-distribute",
            f"config.json: transformers' {type(config).__name__} does not know {', '.join(unknown)}",
            "Train it here, without --on.",
        )
    # other kinds of attention leave soft-capping out, and draw their own masks
    by_hand = ("attn_logit_softcapping", "attention_dropout", "attn_pdrop")
    attention = "eager" if any(asked.get(name) for name in by_hand) else "sdpa"
    model = AutoModelForCausalLM.from_config(config, attn_implementation=attention, dtype=torch.float32)
    found = {name: list(parameter.shape) for name, parameter in model.named_parameters()}
    wanted = {spec["name"]: spec["shape"] for spec in job["parameters"]}
    if found != wanted:
        odd = next(name for name in [*wanted, *found] if found.get(name) != wanted.get(name))
        raise MoatError(
            "cannot-distribute",
            f'transformers\' {type(model).__name__} has "{odd}" as {found.get(odd)}, the run as {wanted.get(odd)}',
            "Install the versions of distributed/requirements.txt, or train it here, without --on.",
        )
    if job["config"]["loop"]["recompute"]:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    return model.train()


@torch.no_grad()
def draw_weights(job: dict, model: torch.nn.Module) -> None:
    """For models too large to be drawn where the job was made: the same distributions, other numbers."""
    parameters = dict(model.named_parameters())
    generator = torch.Generator().manual_seed(job["config"]["seed"])
    for spec in job["parameters"]:
        value, how = parameters[spec["name"]], spec["initializer"]
        if how["kind"] == "normal":
            value.normal_(0.0, how["standardDeviation"], generator=generator)
        elif how["kind"] == "uniform":
            value.uniform_(-how["bound"], how["bound"], generator=generator)
        else:
            value.fill_(1.0 if how["kind"] == "ones" else 0.0)


def memory_bytes(device: torch.device, local_workers: int) -> float:
    """What one worker may take."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / local_workers


def choose_sharding(job: dict, device: torch.device, local_workers: int) -> str:
    """`none`, `ddp` or `fsdp2`; all workers take what the first one finds."""
    if dist.get_world_size() == 1:
        return "none"
    if job["sharding"] != "auto":
        return job["sharding"]
    needed = job["memory"]["parameterBytes"] + job["memory"]["activationBytes"]
    chosen = ["fsdp2" if needed > USABLE * memory_bytes(device, local_workers) else "ddp"]
    dist.broadcast_object_list(chosen)
    return chosen[0]


def lay_out(model: torch.nn.Module, sharding: str, device: torch.device, precision: str) -> torch.nn.Module:
    if sharding == "fsdp2":
        # weights are sent as bf16; what is computed in it, autocast says, as under DDP
        half = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
        policy = half if precision == "bf16" else MixedPrecisionPolicy()
        mesh = dist.init_device_mesh(device.type, (dist.get_world_size(),))
        for block in blocks_of(model):
            fully_shard(block, mesh=mesh, mp_policy=policy)
        return fully_shard(model, mesh=mesh, mp_policy=policy)
    model.to(device)
    if sharding == "none":
        return model
    ids = [device.index] if device.type == "cuda" else None
    return DistributedDataParallel(model, device_ids=ids, forward_sync_buffers=False, gradient_as_bucket_view=True)


def blocks_of(model: torch.nn.Module) -> torch.nn.ModuleList:
    """The list of equal blocks: the longest list of modules there is."""
    return max((each for each in model.modules() if isinstance(each, torch.nn.ModuleList)), key=len)


def gathering(model: torch.nn.Module, last: bool):
    """Gradients meet with the last micro-batch of a step alone."""
    if isinstance(model, FSDPModule):
        model.set_requires_gradient_sync(last)
    elif isinstance(model, DistributedDataParallel) and not last:
        return model.no_sync()
    return contextlib.nullcontext()
