"""The training loop of `src/lab/train/trainer.ts`, shared out: every worker takes its part of the sequences of each step,
and the sum of their gradients is what one trainer alone would have. The first worker writes events and checkpoints."""

import math
import shutil
import tempfile
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from attempts import Attempt, overtaken
from checkpoints import Tensors, choose_checkpoint, prune, read_state, save_checkpoint, verify, verify_start
from dropout import take_over
from events import EventLog, now
from held_out import held_out_loss
from model import build_model, choose_sharding, draw_weights, gathering, lay_out
from optimizer import Optimizer, like, whole
from order import WindowOrder
from problem import MoatError
from schedule import learning_rate_scale
from storage import fetch_data, fetch_start, open_place
from team import Team
from tokens import TokenStream
from torch.nn.utils import get_total_norm

RECENT_STEPS = 20
NAMED_DOCUMENTS = 5
STOP_FILE = "stop"
BEGINNING = {
    "step": 0,
    "elapsedSeconds": 0.0,
    "tokensSeen": 0,
    "batches": {"epoch": 0, "cursor": 0},
    "best": None,
    "bestCheckpoints": [],
}


class Run:
    def __init__(self, job: dict, job_folder: Path, team: Team):
        self.job, self.job_folder, self.team = job, job_folder, team
        self.loop = job["config"]["loop"]
        self.place = team.together(lambda: open_place(job["runDirectory"]))
        self.scratch = Path(tempfile.gettempdir()) / f"moat-{job['id']}"
        self._read_data()
        self._make_model()
        self._begin()

    def _read_data(self) -> None:
        data, team = self.job["data"], self.team
        splits = [data["train"], *([data["validation"]] if data["validation"] else [])]
        names = [name for split in splits for name in split["shards"]]
        folder = team.first_here(lambda: fetch_data(data["shards"], self.job_folder, names, self.scratch))

        def read(split: dict) -> TokenStream:
            return team.together(
                lambda: TokenStream(folder, split, self.job["config"]["tokenizerHash"], team.local_rank == 0)
            )

        self.train = read(data["train"])
        self.validation = (
            read(data["validation"]) if data["validation"] and data["validation"]["textBytes"] > 0 else None
        )

    def _make_model(self) -> None:
        job, team = self.job, self.team
        precision = job["precision"]
        self.precision = ("bf16" if team.device.type == "cuda" else "float32") if precision == "auto" else precision
        model = team.together(lambda: build_model(job, self.job_folder))
        self.dropout = take_over(job, model)
        if job["startWeights"] is None and job["resume"] is None:
            draw_weights(job, model)
        self.sharding = choose_sharding(job, team.device, team.local_size)
        self.model = lay_out(model, self.sharding, team.device, self.precision)
        parameters = dict(model.named_parameters())  # of the layout, under their own names
        self.parameters = {spec["name"]: parameters[spec["name"]] for spec in job["parameters"]}
        self.optimizer = Optimizer(job["config"]["optimizer"], job["parameters"], self.parameters)
        self.average = (
            {name: torch.zeros_like(p) for name, p in self.parameters.items()}
            if self.loop["averageDecay"] > 0
            else None
        )

    def _begin(self) -> None:
        """Weights, optimizer and place in the data: of the checkpoint to go on from, or the first ones."""
        launch = self.job.get("launch", self.job["id"])
        self.attempt = self.team.together(lambda: Attempt(self.place, launch) if self.team.rank == 0 else None)
        self.log = EventLog(self.place, self.attempt) if self.attempt is not None else None
        # one looks: an attempt that is overtaken may still save
        name = self.team.as_first(lambda: choose_checkpoint(self.place, self.job))
        self.progress = dict(BEGINNING)
        if name is not None:
            folder = self.team.first_here(lambda: self.place.fetch(f"checkpoints/{name}", self.scratch))
            self.team.together(lambda: verify(folder) if self.team.local_rank == 0 else None)
            self.team.together(lambda: self._restore(folder))
        elif self.job["startWeights"] is not None:
            where, sha256 = self.job["startWeights"], self.job["startSha256"]
            file = self.team.first_here(lambda: fetch_start(where, self.job_folder, self.scratch))
            self.team.together(lambda: verify_start(file, sha256) if self.team.local_rank == 0 else None)
            self.team.together(lambda: self._load(Tensors(file), self.parameters))
        self.team.first(lambda: self.attempt.begins_after(self.progress["step"]))
        batches, seed = self.progress["batches"], self.job["config"]["seed"]
        self.order = self.team.together(
            lambda: WindowOrder(
                self.train.token_count, self.loop["sequenceLength"], seed, batches["epoch"], batches["cursor"]
            )
        )

    def _restore(self, folder: Path) -> None:
        kept = read_state(folder)
        self.progress = {key: kept.get(key, value) for key, value in BEGINNING.items()}
        weights, further = Tensors(folder / "model.safetensors"), Tensors(folder / "optimizer.safetensors")
        self._load(weights, self.parameters if self.average is None else self.average)
        if self.average is not None:
            self._load(further, self.parameters, "weights.")
        shapes = {spec["name"]: spec["shape"] for spec in self.job["parameters"]}
        self.optimizer.restore(self.progress["step"], lambda key: further.read(key, shapes[key.rsplit(".", 1)[0]]))

    @torch.no_grad()
    def _load(self, tensors: Tensors, into: dict, prefix: str = "") -> None:
        for name, target in into.items():
            target.copy_(like(tensors.read(prefix + name, target.shape).to(target.device), target))

    def clean_up(self) -> None:
        """Copies of what lies in a store."""
        if self.team.local_rank == 0:
            shutil.rmtree(self.scratch, ignore_errors=True)

    def fraction_done(self) -> float:
        """By steps or by time, whichever is further."""
        steps, seconds = self.loop.get("maxSteps"), self.loop.get("maxSeconds")
        by_steps = self.progress["step"] / steps if steps else 0.0
        by_time = self.progress["elapsedSeconds"] / seconds if seconds else 0.0
        return min(1.0, max(by_steps, by_time))

    def converged(self) -> bool:
        patience, best = self.loop.get("patience"), self.progress["best"]
        return patience is not None and best is not None and self.progress["step"] - best["step"] >= patience

    def train_on(self) -> dict:
        """Until the budget is used or someone says stop. @returns the `done` event"""
        started = mark = time.monotonic()
        self._emit_start()
        recent: list[float] = []
        saved_at = self.progress["step"]
        stopped = bool(self.team.told(float(self._asked_to_stop()))[0])
        while self.fraction_done() < 1 and not self.converged() and not stopped:
            loss, norm, scale = self._step()
            seconds, stop, late = self.team.told(
                time.monotonic() - mark, float(self._asked_to_stop()), float(self._is_overtaken())
            )
            if late:
                raise overtaken()
            stopped = bool(stop)
            self.progress["elapsedSeconds"] += seconds
            recent = [*recent, loss][-RECENT_STEPS:]
            self._emit_step(loss, norm, scale, seconds)
            step, last = self.progress["step"], self.fraction_done() >= 1
            saving = last or step % self.loop["checkpointEvery"] == 0
            if last or step % self.loop["evalEvery"] == 0 or (saving and self.loop["keepBest"] > 0):
                self._evaluate(saving)
            if saving:
                self._save()
                saved_at = step
            mark = time.monotonic()  # evaluation and saving are not training time
        if self.progress["step"] > saved_at:
            self._save()
        reason = "finished" if self.fraction_done() >= 1 else "converged" if self.converged() else "stopped"
        self.team.first(lambda: (self.attempt.check(), self.place.remove(STOP_FILE)))
        done = {
            "type": "done",
            "time": now(),
            "step": self.progress["step"],
            "reason": reason,
            "loss": sum(recent) / len(recent) if recent else None,
            "elapsedSeconds": time.monotonic() - started,
            "tokensSeen": self.progress["tokensSeen"],
        }
        self._emit(done)
        return done

    def _is_overtaken(self) -> bool:
        return self.log is not None and self.log.overtaken

    def _asked_to_stop(self) -> bool:
        return self.team.rank == 0 and self.place.is_asked(STOP_FILE)

    def _step(self) -> tuple[float, float, float]:
        loop, team = self.loop, self.team
        step = self.progress["step"] + 1
        scale = learning_rate_scale(loop["schedule"], step, self.fraction_done())
        rows = loop["batchSize"] * loop["gradientAccumulation"]
        starts = self.order.take(rows)
        (loss,) = team.total(self._gradients(starts))
        gradients = [parameter.grad for parameter in self.parameters.values()]
        norm = float(whole(get_total_norm(gradients)))
        if not math.isfinite(loss) or not math.isfinite(norm):
            raise MoatError(
                "non-finite-loss",
                f"step {step}: the loss is {loss} and the gradient's norm {norm}; the batch held {self._held(starts)}",
                "The last checkpoint is whole: look at these documents, or resume with a lower train.learningRate.",
            )
        self._clip()
        self.optimizer.step(scale)
        self._follow(step)
        self.progress.update(
            step=step,
            tokensSeen=self.progress["tokensSeen"] + rows * loop["sequenceLength"],
            batches=self.order.position,
        )
        return loss, norm, scale

    def _gradients(self, starts: list[int]) -> torch.Tensor:
        """Of this worker's part of a step's sequences. @returns its part of the mean loss"""
        size, micro, length = self.team.size, self.loop["batchSize"], self.loop["sequenceLength"]
        mine = starts[self.team.rank :: size]
        numbers = range(self.team.rank, len(starts), size)
        per_worker = math.ceil(len(starts) / size)
        micro = min(micro, per_worker)
        rounds = math.ceil(per_worker / micro)
        total = torch.zeros((), device=self.team.device)
        for parameter in self.parameters.values():
            parameter.grad = None
        for index in range(rounds):
            part = mine[index * micro : (index + 1) * micro]
            if self.dropout is not None:
                rows = list(numbers[index * micro : (index + 1) * micro]) or [0]
                self.dropout.begin(self.progress["step"] + 1, rows, self.loop["batchSize"])
            with gathering(self.model, last=index == rounds - 1):
                # a worker with nothing left still takes part in what all do together
                nats = self.nats(part or starts[:1])
                share = nats.sum() / (len(starts) * length) * (1.0 if part else 0.0)
                (share * size).backward()  # what is gathered is divided by the workers
            total += share.detach()
        return total

    def nats(self, starts: list[int]) -> torch.Tensor:
        """The loss of each token of these windows, as it is trained on: `[rows · time]`."""
        length = self.loop["sequenceLength"]
        tokens, targets = self.train.windows(starts, length)
        positions = self.train.positions(starts, length) if self.loop["packDocuments"] else None
        logits = self.logits(tokens, positions)
        return F.cross_entropy(
            logits, self.tensor(targets).flatten(), reduction="none", label_smoothing=self.loop["labelSmoothing"]
        )

    def logits(self, tokens, positions=None) -> torch.Tensor:
        """`[rows · time, vocabulary]`. Where positions begin anew, transformers keeps documents apart."""
        with torch.autocast(self.team.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            placed = {} if positions is None else {"position_ids": self.tensor(positions)}
            output = self.model(input_ids=self.tensor(tokens), use_cache=False, **placed)
        return output.logits.flatten(0, 1).float()

    def tensor(self, array) -> torch.Tensor:
        return torch.from_numpy(array.copy()).to(self.team.device)

    def _clip(self) -> None:
        limit, clipped = self.loop["clipNorm"], self.optimizer.clipped()
        if limit <= 0 or not clipped:
            return
        gradients = [parameter.grad for parameter in clipped]
        norm = float(whole(get_total_norm(gradients)))
        if norm > limit:
            torch._foreach_mul_(gradients, limit / norm)

    @torch.no_grad()
    def _follow(self, step: int) -> None:
        """The moving average of the weights: quicker in the beginning (`src/lab/train/weight-average.ts`)."""
        if self.average is None:
            return
        kept = min(self.loop["averageDecay"], (1 + step) / (10 + step)) if step > 1 else 0.0
        for name, average in self.average.items():
            average.lerp_(self.parameters[name].detach(), 1 - kept)

    def _evaluate(self, saving: bool) -> None:
        if self.validation is None:
            return
        loss, bits = held_out_loss(self)
        step, best = self.progress["step"], self.progress["best"]
        self._emit({"type": "eval", "time": now(), "step": step, "loss": loss, "bitsPerByte": bits})
        measured = {"loss": loss, "step": step}
        ranked = sorted(
            [*self.progress["bestCheckpoints"], *([measured] if saving else [])], key=lambda each: each["loss"]
        )
        self.progress["bestCheckpoints"] = ranked[: self.loop["keepBest"]]
        if best is None or loss < best["loss"]:
            self.progress["best"] = measured

    @torch.no_grad()
    def _save(self) -> None:
        """Sharded tensors are put together one after another; only the first worker keeps them."""
        started = time.monotonic()
        keep = self.team.rank == 0
        gather = lambda named: {
            name: full.contiguous() for name, value in named if (full := whole(value).cpu()) is not None and keep
        }
        model = gather((self.average or self.parameters).items())
        further = gather(self.optimizer.state())
        if self.average is not None:
            further.update(gather((f"weights.{name}", value) for name, value in self.parameters.items()))

        def write() -> None:
            path, size = save_checkpoint(
                self.place, self.job, self.job_folder, model, further, self.progress, self.attempt
            )
            self._emit(
                {
                    "type": "checkpoint",
                    "time": now(),
                    "step": self.progress["step"],
                    "path": path,
                    "bytes": size,
                    "seconds": time.monotonic() - started,
                }
            )
            self.attempt.check()
            prune(
                self.place,
                self.job["config"]["keepCheckpoints"],
                [each["step"] for each in self.progress["bestCheckpoints"]],
            )

        self.team.first(write)

    def _held(self, starts: list[int]) -> str:
        names = list(dict.fromkeys(self.train.name_at(start) for start in starts))
        more = f" and {len(names) - NAMED_DOCUMENTS} more" if len(names) > NAMED_DOCUMENTS else ""
        return f"the documents {', '.join(names[:NAMED_DOCUMENTS])}{more}"

    def _emit(self, event: dict) -> None:
        if self.log is not None:
            self.log.append(event)

    def _emit_start(self) -> None:
        parameters = sum(math.prod(spec["shape"]) for spec in self.job["parameters"])
        steps = self.loop.get("maxSteps")
        layout = {"none": "", "ddp": ", DDP", "fsdp2": ", FSDP2"}[self.sharding]
        self._emit(
            {
                "type": "start",
                "time": now(),
                "runName": self.job["runName"],
                "architecture": self.job["architecture"],
                "parameterCount": parameters,
                **({} if steps is None else {"totalSteps": steps}),
                "tokensPerStep": self._tokens_per_step(),
                "trainTokens": self.train.token_count,
                "device": f"{self.team.names}, {self.precision}{layout}",
                "resumedFromStep": self.progress["step"],
                "machines": self.team.hosts,
            }
        )

    def _tokens_per_step(self) -> int:
        return self.loop["batchSize"] * self.loop["gradientAccumulation"] * self.loop["sequenceLength"]

    def _emit_step(self, loss: float, norm: float, scale: float, seconds: float) -> None:
        tokens, elapsed, done = self._tokens_per_step(), self.progress["elapsedSeconds"], self.fraction_done()
        self._emit(
            {
                "type": "step",
                "time": now(),
                "step": self.progress["step"],
                "loss": loss,
                "learningRateScale": scale,
                "gradientNorm": norm,
                "tokens": tokens,
                "tokensPerSecond": tokens / max(seconds, 1e-9),
                "elapsedSeconds": elapsed,
                "remainingSeconds": elapsed * (1 - done) / done if done > 0 else 0.0,
            }
        )
