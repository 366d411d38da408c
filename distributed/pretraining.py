"""What a run on token shards learns: the token after each of a window, and how it does on documents that were held out."""

import torch.nn.functional as F
from held_out import held_out_loss
from order import WindowOrder
from storage import fetch_data
from task import Task
from tokens import TokenStream

NAMED_DOCUMENTS = 5


class Pretraining(Task):
    """An item is where a window starts."""

    def __init__(self, run):
        data, team = run.job["data"], run.team
        self.loop, self.seed = run.loop, run.job["config"]["seed"]
        splits = [data["train"], *([data["validation"]] if data["validation"] else [])]
        names = [name for split in splits for name in split["shards"]]
        folder = team.first_here(lambda: fetch_data(data["shards"], run.job_folder, names, run.scratch))

        def read(split: dict) -> TokenStream:
            return team.together(
                lambda: TokenStream(folder, split, run.job["config"]["tokenizerHash"], team.local_rank == 0)
            )

        self.stream = read(data["train"])
        has_validation = data["validation"] and data["validation"]["textBytes"] > 0
        self.validation = read(data["validation"]) if has_validation else None
        self.train_tokens = self.stream.token_count

    def order(self, batches: dict) -> WindowOrder:
        """@throws MoatError `corpus-too-small`"""
        length = self.loop["sequenceLength"]
        return WindowOrder(self.stream.token_count, length, self.seed, batches["epoch"], batches["cursor"])

    def count(self, starts: list[int]) -> int:
        return len(starts) * self.loop["sequenceLength"]

    def loss(self, run, starts: list[int]):
        length = self.loop["sequenceLength"]
        tokens, targets = self.stream.windows(starts, length)
        positions = self.stream.positions(starts, length) if self.loop["packDocuments"] else None
        smoothing = self.loop["labelSmoothing"]
        targets = run.tensor(targets).flatten()
        return F.cross_entropy(run.logits(tokens, positions), targets, reduction="sum", label_smoothing=smoothing)

    def measure(self, run) -> dict | None:
        if self.validation is None:
            return None
        loss, bits = held_out_loss(run, self.validation)
        return {"loss": loss, "bitsPerByte": bits}

    def describe(self, starts: list[int]) -> str:
        names = list(dict.fromkeys(self.stream.name_at(start) for start in starts))
        more = f" and {len(names) - NAMED_DOCUMENTS} more" if len(names) > NAMED_DOCUMENTS else ""
        return f"the documents {', '.join(names[:NAMED_DOCUMENTS])}{more}"
