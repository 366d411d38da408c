"""Rows of a tuning run: texts of which some tokens are learned, which of them share a row, in what order, and what fills a
row up: number for number those of `src/lab/train/supervised/conversation-source.ts`."""

import json

import numpy as np
from order import MASK, Rng

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

    def __init__(self, rows: list[tuple[Examples, list[int]]], length: int, fill: int):
        shape = (len(rows), length)
        self.tokens, self.targets = np.full(shape, fill, np.int64), np.full(shape, fill, np.int64)
        self.learned, self.owners = np.zeros(shape, np.float32), np.full(shape, -1, np.int64)
        self.positions = np.zeros(shape, np.int64)
        for row, (examples, members) in enumerate(rows):
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
