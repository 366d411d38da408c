"""What a tuning run learns: what assistants say (`Conversations`), or which of two answers is better (`Preferences`). Both
deal in rows of texts (`rows.py`), and learn what the objectives of `src/lab/train/supervised/` do."""

import contextlib
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from held_out import reshard
from problem import MoatError
from rows import Examples, RowOrder, Rows, epoch_rows
from safetensors import SafetensorError
from safetensors.numpy import load_file
from task import Task


def read_examples(file: Path, sides: list[str]) -> list[Examples]:
    try:
        arrays = load_file(str(file))
        return [Examples(arrays, side) for side in sides]
    except (SafetensorError, OSError, KeyError) as error:
        raise MoatError("bad-examples", f"{file}: {error}", "Submit the job again.") from None


class Tuning(Task):
    """What both objectives have in common. An item is a row: the examples that share it."""

    measures_first = True

    def __init__(self, run):
        self.job, self.loop = run.job["tuning"], run.loop
        self.length, self.seed = run.loop["sequenceLength"], run.job["config"]["seed"]
        self.train_tokens = self.job["learnedTokens"]

    def read(self, run, sides: list[str]) -> list[Examples]:
        return run.team.together(lambda: read_examples(run.job_folder / self.job["examples"], sides))

    def order_of(self, examples: Examples, packed: bool, batches: dict) -> RowOrder:
        sizes = examples.sizes()
        rows_of = lambda epoch: epoch_rows(sizes, packed, self.length, self.seed, epoch)
        return RowOrder(rows_of, batches["epoch"], batches["cursor"])

    def rows(self, rows: list[tuple[Examples, list[int]]]) -> Rows:
        return Rows(rows, self.length, self.job["fillToken"])

    def nats(self, run, rows: Rows, packed: bool) -> torch.Tensor:
        """Of every learned token, 0 elsewhere: `[rows, length]`."""
        logits = run.logits(rows.tokens, rows.positions if packed else None)
        nats = F.cross_entropy(logits, run.tensor(rows.targets).flatten(), reduction="none")
        return nats.view(rows.tokens.shape) * run.tensor(rows.learned)


@contextlib.contextmanager
def measuring(run):
    """Weights as they are, nothing dropped, nothing learned."""
    run.model.eval()
    with torch.no_grad():
        yield
    reshard(run.model)
    run.model.train()


def shared_out(run, items: list, batch: int):
    """This worker's part, batch by batch. All workers see equally many: the last ones may see nothing."""
    team = run.team
    mine = items[team.rank :: team.size]
    for index in range(math.ceil(math.ceil(len(items) / team.size) / batch)):
        yield mine[index * batch : (index + 1) * batch]


class Conversations(Tuning):
    def __init__(self, run):
        super().__init__(run)
        self.train, self.held_out = self.read(run, ["train", "heldOut"])
        self.packed = self.job["packed"]

    def order(self, batches: dict) -> RowOrder:
        return self.order_of(self.train, self.packed, batches)

    def count(self, rows: list[list[int]]) -> int:
        return sum(self.train.learned(index) for row in rows for index in row)

    def loss(self, run, rows: list[list[int]]) -> torch.Tensor:
        return self.nats(run, self.rows([(self.train, row) for row in rows]), self.packed).sum()

    def measure(self, run) -> dict | None:
        """Nats a learned token, and those of each record."""
        if len(self.held_out) == 0:
            return None
        nats = torch.zeros(len(self.held_out), dtype=torch.float64, device=run.team.device)
        rows = epoch_rows(self.held_out.sizes(), self.packed, self.length, 0, 0)
        with measuring(run):
            for part in shared_out(run, rows, self.loop["batchSize"]):
                batch = self.rows([(self.held_out, row) for row in part or [[]]])
                owners = run.tensor(batch.owners).flatten()
                told = self.nats(run, batch, self.packed).flatten().double()
                nats.index_add_(0, owners.clamp(min=0), told * (owners >= 0))
        of_each = run.team.summed(nats).tolist()
        loss = sum(of_each) / sum(self.held_out.learned(index) for index in range(len(self.held_out)))
        bytes_each = self.job["heldOutBytesPerUnit"]
        bits = {} if bytes_each is None else {"bitsPerByte": loss / math.log(2) / bytes_each}
        return {"loss": loss, **bits, "kept": {"loss": loss, "preferred": None, "nats": of_each}}

    def describe(self, rows: list[list[int]]) -> str:
        return ", ".join(self.train.origins[row[0]] for row in rows)


class Preferences(Tuning):
    """Direct preference optimisation: `src/lab/train/supervised/dpo.ts`. What the model gave to the answers before it learned
    is found by the workers, from the weights the run begins with."""

    rows_per_item = 2
    looks_at_beginning = True

    def __init__(self, run):
        super().__init__(run)
        train = self.read(run, ["train.chosen", "train.rejected"])
        held_out = self.read(run, ["heldOut.chosen", "heldOut.rejected"])
        self.train, self.held_out = train, held_out
        self.beta = self.job["objective"]["beta"]

    def order(self, batches: dict) -> RowOrder:
        return self.order_of(self.train[0], False, batches)

    def look_at_beginning(self, run) -> None:
        self.references = [self._log_probabilities_of_all(run, pairs) for pairs in (self.train, self.held_out)]

    def _log_probabilities_of_all(self, run, pairs: list[Examples]) -> torch.Tensor:
        """`[pairs, 2]`, the chosen first."""
        found = torch.zeros(len(pairs[0]), 2, dtype=torch.float64, device=run.team.device)
        with measuring(run):
            for part in shared_out(run, list(range(len(pairs[0]))), self.loop["batchSize"]):
                told = self._log_probabilities(run, pairs, part or [0]).double()
                if part:
                    found[part] = told
        return run.team.summed(found)

    def _log_probabilities(self, run, pairs: list[Examples], indices: list[int]) -> torch.Tensor:
        rows = self.rows([(side, [index]) for side in pairs for index in indices])
        return -self.nats(run, rows, False).sum(1).view(2, len(indices)).T

    def _margins(self, run, pairs: list[Examples], reference: torch.Tensor, indices: list[int]) -> torch.Tensor:
        gains = self._log_probabilities(run, pairs, indices) - reference[indices].float()
        return self.beta * (gains[:, 0] - gains[:, 1])

    def count(self, rows: list[list[int]]) -> int:
        return len(rows)

    def loss(self, run, rows: list[list[int]]) -> torch.Tensor:
        margins = self._margins(run, self.train, self.references[0], [row[0] for row in rows])
        return F.softplus(-margins).sum()

    def measure(self, run) -> dict | None:
        count = len(self.held_out[0])
        if count == 0:
            return None
        totals = torch.zeros(2, dtype=torch.float64, device=run.team.device)
        with measuring(run):
            for part in shared_out(run, list(range(count)), self.loop["batchSize"]):
                margins = self._margins(run, self.held_out, self.references[1], part or [0])
                if part:
                    totals += torch.stack([F.softplus(-margins).sum(), (margins > 0).sum()]).double()
        loss, preferred = (run.team.summed(totals) / count).tolist()
        return {"loss": loss, "kept": {"loss": loss, "preferred": preferred, "nats": []}}

    def describe(self, rows: list[list[int]]) -> str:
        return ", ".join(self.train[0].origins[row[0]] for row in rows)
