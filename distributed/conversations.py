"""What a tuning run learns: what assistants say (`Conversations`), or which of two answers is better (`Preferences`). Texts
come as tokens with a mask of those that are learned; rows, their order and what fills them up are those of
`src/lab/train/supervised/conversation-source.ts`, number for number."""

import contextlib
import json
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from held_out import reshard
from order import MASK, Rng
from problem import MoatError
from safetensors import SafetensorError
from safetensors.numpy import load_file

# of rows under construction, those that may still take an example
OPEN_ROWS = 64


class Examples:
    """Texts of one side of the records, one after another in a few arrays."""

    def __init__(self, arrays: dict[str, np.ndarray], side: str):
        self.tokens, self.mask = arrays[f"{side}.tokens"], arrays[f"{side}.mask"]
        self.ends = np.cumsum(arrays[f"{side}.lengths"], dtype=np.int64)
        self.origins = json.loads(arrays[f"{side}.origins"].tobytes())

    def __len__(self) -> int:
        return len(self.ends)

    def of(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        start = int(self.ends[index - 1]) if index > 0 else 0
        return self.tokens[start : self.ends[index]], self.mask[start : self.ends[index]]

    def sizes(self) -> list[int]:
        """Places of a row that each takes: its last token is only a target."""
        return (np.diff(self.ends, prepend=0) - 1).tolist()

    def learned(self, index: int) -> int:
        return int(self.of(index)[1][1:].sum())


def read_examples(file: Path, sides: list[str]) -> list[Examples]:
    try:
        arrays = load_file(str(file))
        return [Examples(arrays, side) for side in sides]
    except (SafetensorError, OSError, KeyError) as error:
        raise MoatError("bad-examples", f"{file}: {error}", "Submit the job again.") from None


def pack_rows(order: list[int], sizes: list[int], length: int) -> list[list[int]]:
    """First fit over the rows still open."""
    rows: list[list] = []
    open_rows: list[list] = []
    for index in order:
        row = next((each for each in open_rows if each[1] >= sizes[index]), None)
        if row is None:
            row = [[], length]
            rows.append(row)
            open_rows.append(row)
        row[0].append(index)
        row[1] -= sizes[index]
        if len(open_rows) > OPEN_ROWS:
            least = min(left for _, left in open_rows)
            open_rows = [each for each in open_rows if each[1] > least]
    return [members for members, _ in rows]


def epoch_rows(sizes: list[int], packed: bool, length: int, seed: int, epoch: int) -> list[list[int]]:
    """Examples that share a row, in the order of an epoch."""
    rng = Rng(((seed + 1) * 0x9E3779B1 & MASK) ^ ((epoch + 1) * 0x85EBCA6B & MASK))
    order = rng.shuffle(list(range(len(sizes))))
    return pack_rows(order, sizes, length) if packed else [[index] for index in order]


class RowOrder:
    """Rows drawn one after another, epoch after epoch, each epoch in an order of its own."""

    def __init__(self, rows_of, epoch: int, cursor: int):
        self.rows_of = rows_of
        self.epoch, self.cursor = epoch, cursor
        self.rows = rows_of(epoch)

    @property
    def position(self) -> dict:
        return {"epoch": self.epoch, "cursor": self.cursor}

    def take(self, count: int) -> list[list[int]]:
        taken = []
        for _ in range(count):
            if self.cursor >= len(self.rows):
                self.epoch, self.cursor = self.epoch + 1, 0
                self.rows = self.rows_of(self.epoch)
            taken.append(self.rows[self.cursor])
            self.cursor += 1
        return taken


class Rows:
    """Tokens, the token after each, whether that is learned, where each stands in its text, and whose it is (−1: nobody's):
    each `[rows, length]`."""

    def __init__(self, rows: list[list[int]], examples: Examples, length: int, fill: int):
        shape = (len(rows), length)
        self.tokens, self.targets = np.full(shape, fill, np.int64), np.full(shape, fill, np.int64)
        self.learned, self.owners = np.zeros(shape, np.float32), np.full(shape, -1, np.int64)
        self.positions = np.zeros(shape, np.int64)
        for row, members in enumerate(rows):
            at = 0
            for index in members:
                tokens, mask = examples.of(index)
                end = at + len(tokens) - 1
                self.tokens[row, at:end], self.targets[row, at:end] = tokens[:-1], tokens[1:]
                self.learned[row, at:end], self.owners[row, at:end] = mask[1:], index
                self.positions[row, at:end] = np.arange(end - at)
                at = end
            # what fills the row up is a text of its own
            self.positions[row, at:] = np.arange(length - at)


class Tuning:
    """What both objectives have in common. An item of a step is a row: the examples that share it."""

    measures_first = True
    sides: tuple[str, str]

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

    def rows(self, rows: list[list[int]], examples: Examples) -> Rows:
        return Rows(rows, examples, self.length, self.job["fillToken"])

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
    rows_per_item = 1

    def __init__(self, run):
        super().__init__(run)
        self.train, self.held_out = self.read(run, ["train", "heldOut"])
        self.packed = self.job["packed"]

    def order(self, batches: dict) -> RowOrder:
        return self.order_of(self.train, self.packed, batches)

    def count(self, rows: list[list[int]]) -> int:
        return sum(self.train.learned(index) for row in rows for index in row)

    def loss(self, run, rows: list[list[int]]) -> torch.Tensor:
        return self.nats(run, self.rows(rows, self.train), self.packed).sum()

    def measure(self, run) -> dict | None:
        """Nats a learned token, and those of each record."""
        if len(self.held_out) == 0:
            return None
        nats = torch.zeros(len(self.held_out), dtype=torch.float64, device=run.team.device)
        rows = epoch_rows(self.held_out.sizes(), self.packed, self.length, 0, 0)
        with measuring(run):
            for part in shared_out(run, rows, self.loop["batchSize"]):
                batch = self.rows(part or [[]], self.held_out)
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
        rows = [self.rows([[index] for index in indices], side) for side in pairs]
        both = Rows([], pairs[0], self.length, 0)
        for name in ("tokens", "targets", "learned"):
            setattr(both, name, np.concatenate([getattr(each, name) for each in rows]))
        return -self.nats(run, both, False).sum(1).view(2, len(indices)).T

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
