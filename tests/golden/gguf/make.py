"""Makes blocks.json and file.json beside it, with the reference implementation (the Python package `gguf`):
blocks.json  random blocks of every type with the float32 values they stand for, and rows of floats with the blocks
             that quantising them gives;
file.json    a small file with a key of every type and tensors of several, and what it holds.
Run: python make.py  (needs gguf and numpy; the versions used are written into the files)."""
import base64
import importlib.metadata
import json
import pathlib
import tempfile

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Kind

HERE = pathlib.Path(__file__).parent
VERSIONS = {name: importlib.metadata.version(name) for name in ("gguf", "numpy")}
random = np.random.default_rng(7)


def text(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def halves(count):
    """Scales of every size that a half has, subnormal ones included."""
    return (random.standard_normal(count) * 10.0 ** random.integers(-7, 4, count)).astype(np.float16)


# where the half-precision numbers stand in a block, in bytes
HALVES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
    "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
}  # fmt: skip


def random_blocks(name, count):
    elements, size = gguf.GGML_QUANT_SIZES[Kind[name]]
    if name in ("F16", "BF16"):
        return np.arange(0, 65536, 97, dtype=np.uint16)[: 32 * 20].view(np.uint8)
    if name == "F32":
        return random.standard_normal(64).astype(np.float32).view(np.uint8)
    blocks = random.integers(0, 256, (count, size), dtype=np.uint8)
    for place in HALVES[name]:
        blocks[:, place : place + 2] = halves(count).view(np.uint8).reshape(count, 2)
    return blocks.reshape(-1)


def decoded(name):
    raw = random_blocks(name, 6 if name.endswith("K") else 12)
    values = gguf.quants.dequantize(raw, Kind[name]).astype(np.float32)
    return {"type": name, "bytes": text(raw), "values": text(values)}


def rows():
    normal = random.standard_normal((24, 32)).astype(np.float32)
    return np.concatenate([
        normal * (10.0 ** random.integers(-6, 4, (24, 1))).astype(np.float32),
        np.zeros((1, 32), np.float32),
        np.full((1, 32), 1.5, np.float32),
        # both signs of the largest magnitude: the first one counts
        np.tile(np.array([2, -2], np.float32), (1, 16)),
        np.tile(np.array([-2, 2], np.float32), (1, 16)),
        # halfway between two steps
        (np.arange(32, dtype=np.float32).reshape(1, 32) - 16) / 2,
        (np.arange(32, dtype=np.float32).reshape(1, 32) - 16) * np.float32(127 / 16),
        # halves: subnormal, the largest, halfway between two
        random.standard_normal((4, 32)).astype(np.float32) * np.float32(1e-7),
        np.full((1, 32), 65504, np.float32),
        (np.arange(32, dtype=np.float32).reshape(1, 32) + np.float32(2048)) + np.float32(0.5),
    ]).astype(np.float32)  # fmt: skip


def encoded(name, values):
    return {"type": name, "bytes": text(gguf.quants.quantize(values, Kind[name]))}


values = rows()
types = ["F32", "F16", "BF16", *HALVES]
(HERE / "blocks.json").write_text(json.dumps({
    "versions": VERSIONS,
    "decode": [decoded(name) for name in types],
    "encode": {"values": text(values), "types": [encoded(name, values) for name in ("F16", "BF16", "Q8_0", "Q4_0")]},
}) + "\n")  # fmt: skip

KEYS = [
    ("test.uint8", "uint8", 200), ("test.int8", "int8", -100), ("test.uint16", "uint16", 60000),
    ("test.int16", "int16", -30000), ("test.uint32", "uint32", 4_000_000_000), ("test.int32", "int32", -2_000_000_000),
    ("test.uint64", "uint64", 2**63 + 1), ("test.int64", "int64", -(2**62)), ("test.float32", "float32", 0.5),
    ("test.float64", "float64", 0.1), ("test.bool", "bool", True), ("test.string", "string", "层 \U0001f600"),
]  # fmt: skip
ARRAYS = {"test.strings": ["", "a", "é"], "test.integers": [1, -2, 3], "test.floats": [0.5, -1.5], "test.bools": [True, False]}

with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder) / "small.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    for key, kind, value in KEYS:
        getattr(writer, f"add_{kind}")(key, value)
    for key, value in ARRAYS.items():
        writer.add_array(key, value)
    tensors = {"vector": ("F32", (5,)), "matrix": ("Q4_0", (3, 64)), "half": ("F16", (2, 3, 4)), "bytes": ("Q8_0", (2, 32))}
    contents = {}
    for name, (kind, shape) in tensors.items():
        floats = random.standard_normal(shape).astype(np.float32)
        raw = gguf.quants.quantize(floats, Kind[kind])
        # the writer takes 16-bit floats as such, blocks as bytes
        writer.add_tensor(name, raw if kind[0] == "Q" else raw.view(np.float16 if kind == "F16" else np.float32).reshape(shape), raw_dtype=Kind[kind])
        contents[name] = {"type": kind, "shape": list(shape), "values": text(gguf.quants.dequantize(raw, Kind[kind]))}
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    (HERE / "file.json").write_text(json.dumps({
        "versions": VERSIONS,
        "file": base64.b64encode(path.read_bytes()).decode(),
        "keys": [[key, kind, str(value) if kind.endswith("64") and kind != "float64" else value] for key, kind, value in KEYS],
        "arrays": ARRAYS,
        "tensors": contents,
    }) + "\n")  # fmt: skip
