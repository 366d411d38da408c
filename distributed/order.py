"""The order in which a run sees its tokens: what `src/lab/train/batches.ts` draws, number for number, so that a run goes
on here where it stopped there. It depends on the seed and on how many windows were drawn, never on the workers."""

from problem import MoatError

MASK = 0xFFFFFFFF


class Rng:
    """xoshiro128** (Blackman & Vigna 2018), seeded by SplitMix32: `src/base/rng.ts`."""

    def __init__(self, seed: int):
        state = []
        s = seed & MASK
        for _ in range(4):
            s = (s + 0x9E3779B9) & MASK
            z = ((s ^ (s >> 16)) * 0x21F0AAAD) & MASK
            z = ((z ^ (z >> 15)) * 0x735A2D97) & MASK
            state.append(z ^ (z >> 15))
        self.a, self.b, self.c, d = state
        self.d = d | 1

    def uint32(self) -> int:
        b = self.b
        product = (b * 5) & MASK
        result = ((((product << 7) | (product >> 25)) & MASK) * 9) & MASK
        c = self.c ^ self.a
        d = self.d ^ b
        self.b = b ^ c
        self.a ^= d
        self.c = c ^ ((b << 9) & MASK)
        self.d = ((d << 11) | (d >> 21)) & MASK
        return result

    def below(self, limit: int) -> int:
        """An integer in [0, limit), without modulo bias."""
        reject_from = 4294967296 - 4294967296 % limit
        while True:
            drawn = self.uint32()
            if drawn < reject_from:
                return drawn % limit

    def shuffle(self, items: list) -> list:
        """In place (Fisher–Yates)."""
        for i in range(len(items) - 1, 0, -1):
            j = self.below(i + 1)
            items[i], items[j] = items[j], items[i]
        return items


class WindowOrder:
    """Every epoch cuts the stream into windows at a fresh offset and visits them in a shuffled order."""

    def __init__(self, token_count: int, sequence_length: int, seed: int, epoch: int = 0, cursor: int = 0):
        self.window_count = (token_count - 1) // sequence_length - 1
        if self.window_count < 1:
            raise MoatError(
                "corpus-too-small",
                f"the corpus has {token_count} training tokens, fewer than two windows of {sequence_length}",
                "Add data or lower train.sequenceLength.",
            )
        self.sequence_length = sequence_length
        self.seed = seed
        self.cursor = cursor
        self._begin(epoch)

    def _begin(self, epoch: int) -> None:
        self.epoch = epoch
        rng = Rng((self.seed + 1) * 0x9E3779B1 & MASK ^ (epoch + 1) * 0x85EBCA6B & MASK)
        self.offset = rng.below(self.sequence_length)
        self.windows = rng.shuffle(list(range(self.window_count)))

    @property
    def position(self) -> dict:
        return {"epoch": self.epoch, "cursor": self.cursor}

    def take(self, count: int) -> list[int]:
        """Where the next `count` windows start in the stream."""
        starts = []
        for _ in range(count):
            if self.cursor == self.window_count:
                self.cursor = 0
                self._begin(self.epoch + 1)
            starts.append(self.offset + self.windows[self.cursor] * self.sequence_length)
            self.cursor += 1
        return starts
