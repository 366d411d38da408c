"""Token shards as one stream, and the windows cut from it. The format is told in `src/lab/tokenizer/shard-format.ts`."""

import json
import struct
import zlib
from pathlib import Path

import numpy as np
from problem import MoatError

MAGIC = b"MOATTOKS"
HEADER = struct.Struct("<8sIIQQQ32sI")
HEADER_BYTES = 128
CHECKSUM_AT = 72
BLOCK_BYTES = 1 << 22


def _damaged(file: Path, what: str) -> MoatError:
    return MoatError("shard-damaged", f"{file}: {what}", "Make the token shards again, and copy all of them.")


class _Shard:
    def __init__(self, file: Path, tokenizer_hash: str, check: bool):
        try:
            size = file.stat().st_size
            with file.open("rb") as source:
                header = source.read(HEADER_BYTES)
        except FileNotFoundError:
            raise _damaged(file, "the file is not there, as this worker sees it") from None
        if len(header) < HEADER_BYTES or header[:8] != MAGIC:
            raise _damaged(file, "not a token shard")
        _, version, width, tokens, documents, names, tokenizer, checksum = HEADER.unpack_from(header)
        if version != 2 or width not in (2, 4):
            raise _damaged(file, f"version {version}, {width} bytes a token; this worker reads version 2")
        if tokenizer.hex() != tokenizer_hash:
            raise MoatError(
                "shard-other-tokenizer",
                f"{file}: made with another tokenizer than the run's",
                "Make the token shards again.",
            )
        index_at = HEADER_BYTES + (tokens * width + 3) // 4 * 4
        if size != index_at + 8 * documents + names:
            raise _damaged(file, f"{size} bytes, not {index_at + 8 * documents + names}")
        if check and _checksum(file) != checksum:
            raise _damaged(file, "its content does not match its checksum")
        dtype = "<u2" if width == 2 else "<u4"
        # an empty map is an error
        self.tokens = np.memmap(file, dtype, "r", HEADER_BYTES, (tokens,)) if tokens else np.zeros(0, dtype)
        with file.open("rb") as source:
            source.seek(index_at)
            self.starts = np.frombuffer(source.read(4 * documents), "<u4").astype(np.int64)
            source.seek(4 * documents, 1)
            self.names = source.read(names)


def _checksum(file: Path) -> int:
    """Of everything but the magic and the checksum itself."""
    with file.open("rb") as source:
        source.seek(len(MAGIC))
        total = zlib.crc32(source.read(CHECKSUM_AT - len(MAGIC)))
        source.seek(CHECKSUM_AT + 4)
        while block := source.read(BLOCK_BYTES):
            total = zlib.crc32(block, total)
    return total


class TokenStream:
    """The shards of a split, read where they lie: workers of one machine share its page cache."""

    def __init__(self, folder: Path, split: dict, tokenizer_hash: str, check: bool):
        self.shards = [_Shard(folder / name, tokenizer_hash, check) for name in split["shards"]]
        ends = np.cumsum([0, *(len(shard.tokens) for shard in self.shards)])
        self.bases = ends[:-1]
        self.token_count = int(ends[-1])
        self.document_starts = np.concatenate(
            [np.zeros(0, np.int64), *(base + shard.starts for base, shard in zip(self.bases, self.shards))]
        )
        if self.token_count != split["tokens"] or len(self.document_starts) != split["documents"]:
            raise MoatError(
                "shard-damaged",
                f"{folder}: the shards do not add up to what the job lists",
                "Make the token shards again.",
            )

    def read(self, start: int, count: int) -> np.ndarray:
        """Tokens from `start` on; `start + count` may not pass the end. `[count]` int64."""
        parts = []
        index = int(np.searchsorted(self.bases, start, side="right")) - 1
        while count > 0:
            at = start - int(self.bases[index])
            part = self.shards[index].tokens[at : at + count].astype(np.int64)
            parts.append(part)
            start += len(part)
            count -= len(part)
            index += 1
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def windows(self, starts: list[int], length: int) -> tuple[np.ndarray, np.ndarray]:
        """Tokens and the token after each, both `[len(starts), length]` int64."""
        rows = np.stack([self.read(start, length + 1) for start in starts])
        return rows[:, :-1], rows[:, 1:]

    def positions(self, starts: list[int], length: int) -> np.ndarray:
        """Where each token of a window stands in its document, `[len(starts), length]`: `src/lab/train/packing.ts`.
        A document begins with the end-of-text in front of it."""
        begins = self.document_starts - 1
        rows = np.empty((len(starts), length), np.int64)
        for row, start in enumerate(starts):
            inside = (
                begins[np.searchsorted(begins, start, side="right") : np.searchsorted(begins, start + length)] - start
            )
            last = np.zeros(length, np.int64)
            last[inside] = inside
            rows[row] = np.arange(length) - np.maximum.accumulate(last)
        return rows

    def name_at(self, token: int) -> str:
        """Of the document a token belongs to."""
        index = int(np.searchsorted(self.bases, token, side="right")) - 1
        shard = self.shards[index]
        document = max(0, int(np.searchsorted(shard.starts, token - int(self.bases[index]), side="right")) - 1)
        return json.loads(shard.names)[document]
