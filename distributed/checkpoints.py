"""Checkpoints in the local trainer's layout (`src/lab/checkpoint/`): Hugging Face files and `model.safetensors`,
`optimizer.safetensors`, `trainer-state.json`, and the manifest that says what all of them must be."""

import hashlib
import json
import os
import re
import time
from pathlib import Path

import torch
from attempts import overtaken_steps
from problem import MoatError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from storage import MANIFEST

NAME = re.compile(r"step-(\d{8,15})(\.replaced)?")
HOLD = re.compile(r"step-(\d{8,15})\.held(?:-until-(\d{1,15})-\d+)?")


def _sha256(file: Path) -> str:
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def list_checkpoints(place) -> dict[int, str]:
    """Folder names by step, the lowest first; `.replaced` counts only where the newer save is not in place."""
    found: dict[int, str] = {}
    for name in place.folders("checkpoints"):
        match = NAME.fullmatch(name)
        if match is not None and (match[2] is None or int(match[1]) not in found):
            found[int(match[1])] = name
    return dict(sorted(found.items()))


def state_of(place, name: str) -> dict:
    return json.loads(place.read(f"checkpoints/{name}/trainer-state.json") or b"{}")


def read_state(folder: Path) -> dict:
    return json.loads((folder / "trainer-state.json").read_text())


def choose_checkpoint(place, job: dict) -> str | None:
    """What to go on from: this job's own last checkpoint where its workers were restarted, else what the job says."""
    found = list_checkpoints(place)
    states = {step: state_of(place, name) for step, name in found.items()}
    late = overtaken_steps(place, {step: state.get("attempt") for step, state in states.items()})
    valid = [step for step in reversed(found) if step not in late]
    for step in valid:
        if states[step].get("job") == job["id"]:
            return found[step]
    if job["resume"] is None:
        return None
    wanted = job["resume"]["fromStep"]
    name = found.get(wanted if wanted is not None else next(iter(valid), -1))
    if name is None:
        which = "yet" if wanted is None else f"at step {wanted}"
        fix = f"There are steps {', '.join(map(str, found))}." if found else "Start the run anew under another --name."
        raise MoatError("no-checkpoint", f"{job['runDirectory']}: there is no checkpoint {which}", fix)
    return name


def verify(folder: Path) -> None:
    """Every file against the manifest."""
    earlier = "Use an earlier checkpoint with --from-step."
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        for name, record in manifest["files"].items():
            file, wanted = folder / name, record["bytes"]
            size = file.stat().st_size
            if size != wanted:
                raise MoatError("checkpoint-truncated", f"{file}: {size} of {wanted} bytes", earlier)
            if _sha256(file) != record["sha256"]:
                raise MoatError("checkpoint-corrupt", f"{file}: corrupt, it is not what was saved", earlier)
    except FileNotFoundError as error:
        raise MoatError("checkpoint-missing", f"{error.filename}: missing from the checkpoint", earlier) from None


def verify_start(file: Path, sha256: str) -> None:
    try:
        found = _sha256(file)
    except FileNotFoundError:
        found = None
    if found != sha256:
        what = "is missing" if found is None else "is not what was written"
        raise MoatError("start-damaged", f"{file}: the file of the first weights {what}", "Start the run again.")


class Tensors:
    """A safetensors file, read tensor by tensor."""

    def __init__(self, file: Path):
        self.file = file
        try:
            self.source = safe_open(str(file), "pt")
        except (SafetensorError, OSError) as error:
            raise MoatError("bad-safetensors", f"{file}: {error}") from None

    def read(self, name: str, shape) -> torch.Tensor:
        try:
            tensor = self.source.get_tensor(name)
        except SafetensorError:
            raise self._foreign(name, "is missing") from None
        if tuple(tensor.shape) != tuple(shape):
            raise self._foreign(name, f"has shape {list(tensor.shape)}, not {list(shape)}")
        return tensor.float()

    def _foreign(self, name: str, what: str) -> MoatError:
        fix = "It belongs to another model or optimizer; start a new run under another --name."
        return MoatError("bad-checkpoint", f'{self.file}: tensor "{name}" {what}', fix)


def save_checkpoint(
    place, job: dict, job_folder: Path, model: dict, further: dict, progress: dict, attempt
) -> tuple[str, int]:
    """@returns its path in the run directory, and the bytes of all its files. @throws MoatError `overtaken`"""
    name = f"checkpoints/step-{progress['step']:08d}"
    folder = place.new_folder(name)
    (folder / "config.json").write_bytes((job_folder / "config.json").read_bytes())
    for each in job["files"]:
        (folder / each).write_bytes((job_folder / "files" / each).read_bytes())
    save_file(model, str(folder / "model.safetensors"), {"format": "pt"})
    save_file(further, str(folder / "optimizer.safetensors"))
    state = {**progress, "job": job["id"], "attempt": attempt.number}
    (folder / "trainer-state.json").write_text(json.dumps(state, indent=2) + "\n")
    files = sorted(folder.iterdir())
    records = {file.name: {"bytes": file.stat().st_size, "sha256": _sha256(file)} for file in files}
    (folder / MANIFEST).write_text(json.dumps({"step": progress["step"], "files": records}, indent=2) + "\n")
    for file in [*files, folder / MANIFEST]:
        descriptor = os.open(file, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    # as late as can be: from here on it counts
    attempt.check()
    place.put_folder(folder, name)
    return name, sum(record["bytes"] for record in records.values())


def prune(place, keep_last: int, keep_steps: list[int]) -> None:
    """All but the newest, those kept for their validation loss, and those that are promoted or being exported
    (`src/lab/checkpoint/checkpoint-holds.ts`); and what overtaken attempts have left."""
    found = list_checkpoints(place)
    late = overtaken_steps(place, {step: state_of(place, name).get("attempt") for step, name in found.items()})
    valid = [step for step in found if step not in late]
    now = time.time() * 1000
    holds = [match for match in map(HOLD.fullmatch, place.folders("checkpoints")) if match is not None]
    held = {int(match[1]) for match in holds if match[2] is None or int(match[2]) > now}
    for step in [*late, *(step for step in valid[:-keep_last] if step not in keep_steps and step not in held)]:
        place.remove_folder(f"checkpoints/{found[step]}")
