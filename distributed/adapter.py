"""The low-rank adapter of a run, as `peft` computes it, under the names that adapters have in files."""

import re

import torch
from problem import MoatError


def add_adapter(model: torch.nn.Module, adapter: dict) -> torch.nn.Module:
    """All but the adapter's own numbers stays as it is. @throws MoatError `python-packages`, `no-such-module`"""
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        fix = "Install distributed/requirements.txt there."
        raise MoatError("python-packages", f"the workers' Python cannot train adapters: {error}", fix) from None
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=adapter["rank"],
        lora_alpha=adapter["alpha"],
        lora_dropout=adapter["dropout"],
        target_modules=adapter["modules"],
        fan_in_fan_out=adapter["fanInFanOut"],
        use_dora=adapter["dora"],
    )
    try:
        return get_peft_model(model, config)
    except ValueError as error:  # a module that is not there, or of a kind peft cannot adapt
        what = str(error).splitlines()[0]
        raise MoatError("no-such-module", f"peft: {what}", "Choose other --lora-modules.") from None


def name_in_peft(name: str) -> str:
    """A model may hold several adapters there; in files it is alone."""
    return re.sub(r"\.(lora_[AB]|lora_magnitude_vector)(\.weight)?$", r".\1.default.weight", name)
