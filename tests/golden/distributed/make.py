"""Makes order.json beside it: what the worker's Python draws and computes, for the local trainer to be held against.
Run: python make.py, or python make.py --check to hold the Python against the file (needs numpy)."""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parents[2] / "distributed"))

import numpy as np  # noqa: E402
from order import Rng, WindowOrder  # noqa: E402
from rows import Examples, RowOrder, Rows, epoch_rows  # noqa: E402
from schedule import learning_rate_scale  # noqa: E402
from tokens import TokenStream  # noqa: E402

ORDERS = [(300, 8, 3, 5, 20), (1000, 16, 0, 4, 40), (70, 8, -5, 3, 12), (5000, 32, 2147483647, 64, 8)]
SCHEDULES = [
    dict(kind=kind, warmupSteps=warmup, decayFraction=decay, finalScale=0.02)
    for kind in ("wsd", "cosine")
    for warmup, decay in ((0, 0.4), (5, 1.0), (10, 0.0))
]
DOCUMENTS = [0, 3, 4, 5, 17, 30, 31, 60]


def order(tokens, length, seed, rows, steps):
    drawn = WindowOrder(tokens, length, seed)
    batches = [dict(starts=drawn.take(rows), position=drawn.position) for _ in range(steps)]
    return dict(tokens=tokens, length=length, seed=seed, rows=rows, batches=batches)


def positions(starts, length):
    stream = TokenStream.__new__(TokenStream)
    stream.document_starts = np.array(DOCUMENTS)
    return dict(starts=starts, length=length, positions=stream.positions(starts, length).ravel().tolist())


def examples():
    """150 texts of 2 to 18 tokens, so many that rows are closed; every third token is learned."""
    sizes = [2 + index * 7 % 17 for index in range(150)]
    tokens = np.arange(sum(sizes), dtype=np.int32) % 97
    origins = np.frombuffer(b"[]", np.uint8)
    arrays = {"a.tokens": tokens, "a.mask": (tokens % 3 == 0), "a.lengths": np.array(sizes), "a.origins": origins}
    return Examples(arrays, "a")


def rows(packed, length, seed, count, steps):
    texts = examples()
    sizes = texts.sizes()
    drawn = RowOrder(lambda epoch: epoch_rows(sizes, packed, length, seed, epoch), 0, 0)
    batches = [dict(rows=drawn.take(count), position=drawn.position) for _ in range(steps)]
    first = Rows([(texts, members) for members in batches[0]["rows"]], length, 5)
    flat = {name: getattr(first, name).ravel().tolist() for name in ("tokens", "targets", "learned", "positions")}
    return dict(packed=packed, length=length, seed=seed, count=count, batches=batches, first=flat)


def golden():
    rng = Rng(12345)
    return dict(
        numbers=[rng.uint32() for _ in range(32)],
        below=[rng.below(limit) for limit in range(1, 40)] + [rng.below(4294967296), rng.below(3000000000)],
        orders=[order(*case) for case in ORDERS],
        schedules=[
            dict(
                settings=settings,
                scales=[learning_rate_scale(settings, step, (step - 1) / 40) for step in range(1, 41)],
            )
            for settings in SCHEDULES
        ],
        documents=DOCUMENTS,
        texts=[examples().of(index)[0].tolist() for index in range(150)],
        rows=[rows(True, 20, 3, 8, 14), rows(True, 64, 2147483647, 5, 9), rows(False, 18, 0, 32, 6)],
        packing=[positions([0, 2, 3, 4, 16, 29], 12), positions([40, 1], 20), positions([5], 60)],
    )


file = HERE / "order.json"
if "--check" in sys.argv:
    assert json.loads(file.read_text()) == json.loads(json.dumps(golden())), "order.json says otherwise"
else:
    file.write_text(json.dumps(golden()) + "\n")
