"""Who trains a run. Every start of its workers is an attempt, and takes the next number by creating a file that only one
can create: `attempts/00000003`. Where a higher number stands, an attempt is overtaken: it writes nothing more, and ends.
What it wrote in the moment between, readers let go: events of a lower number after those of a higher one, and checkpoints
that are further than where a higher one began (`src/lab/checkpoint/run-attempts.ts`)."""

import json
import secrets

from problem import MoatError

FOLDER = "attempts"


def _file(number: int) -> str:
    return f"{FOLDER}/{number:08d}"


def newest_attempt(place) -> int:
    """0 where there was none."""
    return max((int(name) for name in place.files_in(FOLDER) if name.isdigit()), default=0)


def read_attempt(place, number: int) -> dict:
    return json.loads(place.read(_file(number)) or b"{}")


class Attempt:
    def __init__(self, place, launch: str):
        """@param launch names the process that started the workers"""
        self.place = place
        self.record = {"launch": launch, "nonce": secrets.token_hex(8), "step": None}
        self.number = newest_attempt(place) + 1
        while not place.create(_file(self.number), self._content()):
            self.number += 1

    def _content(self) -> bytes:
        return json.dumps(self.record).encode() + b"\n"

    def begins_after(self, step: int) -> None:
        self.record["step"] = step
        self.place.write(_file(self.number), self._content())

    def is_overtaken(self) -> bool:
        return self.place.exists(_file(self.number + 1))

    def check(self) -> None:
        """@throws MoatError `overtaken`"""
        if self.is_overtaken():
            raise overtaken()


def overtaken() -> MoatError:
    return MoatError(
        "overtaken",
        "this run was begun anew elsewhere while these workers trained: they end, and leave it to the others",
    )


def overtaken_steps(place, attempts: dict[int, int | None]) -> set[int]:
    """@param attempts of the checkpoints, by step. @returns the steps of those that no longer belong to the run"""
    highest = newest_attempt(place)
    begun = {number: read_attempt(place, number).get("step") for number in range(1, highest + 1)}
    return {
        step
        for step, attempt in attempts.items()
        if attempt is not None
        and any(begun[later] is not None and begun[later] < step for later in range(attempt + 1, highest + 1))
    }
