"""Makes safetensors.json beside it: whether the reference reader accepts each file of a corpus of good and bad ones, the
values it reads of every type, and the bytes it writes.
Run: python make.py  (needs safetensors, torch and numpy; the version used is written into the file)."""
import base64
import json
import pathlib
import struct
import tempfile

import safetensors
import torch
from safetensors.torch import save

F32 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
DATA = bytes(range(8))


def pack(header, data=b"", length=None):
    header = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


ONE = json.dumps(F32).encode()
CORPUS = {
    "valid": pack({"x": F32}, DATA),
    "metadata": pack({"__metadata__": {"format": "pt"}, "x": F32}, DATA),
    "zero-size": pack({"x": entry(shape=[0, 3], offsets=[0, 0])}),
    "scalar": pack({"x": entry(shape=[], offsets=[0, 4])}, DATA[:4]),
    "no tensors": pack({}),
    "space-padded": pack(json.dumps({"x": F32}).encode() + b"     ", DATA),
    "unordered": pack({"b": entry(shape=[1], offsets=[4, 8]), "a": entry(shape=[1], offsets=[0, 4])}, DATA),
    "unicode name": pack({"\u5c42.\U0001f600": F32}, DATA),
    "unknown field": pack({"x": {**F32, "note": 1}}, DATA),
    "duplicate name": pack(b'{"x":' + ONE + b',"x":' + ONE + b"}", DATA),
    "__proto__ name": pack(b'{"__proto__":' + ONE + b"}", DATA),
    "empty file": b"",
    "7 bytes": b"\0" * 7,
    "length only": b"\0" * 8,
    "length 2^63": pack({"x": F32}, DATA, 2**63),
    "length 2^64 - 1": pack({"x": F32}, DATA, 2**64 - 1),
    "length over 100 MB": pack({"x": F32}, DATA, 100_000_001),
    "length over the file": pack({"x": F32}, DATA, 1000),
    "bad JSON": pack(b'{"x":', DATA),
    "two objects": pack(b"{}{}"),
    "an array": pack(b"[]"),
    "null": pack(b"null"),
    "leading space": pack(b' {"x":' + ONE + b"}", DATA),
    "byte order mark": pack(b'\xef\xbb\xbf{"x":' + ONE + b"}", DATA),
    "bad UTF-8": pack(b'{"\xff":' + ONE + b"}", DATA),
    "lone surrogate": pack(b'{"\\ud800":' + ONE + b"}", DATA),
    "truncated": pack({"x": F32}, DATA[:5]),
    "trailing bytes": pack({"x": F32}, DATA + b"\0"),
    "overlap": pack({"a": F32, "b": entry(shape=[1], offsets=[4, 8])}, DATA),
    "hole": pack({"a": entry(shape=[1], offsets=[0, 4]), "b": entry(shape=[1], offsets=[8, 12])}, DATA + DATA[:4]),
    "hole at the start": pack({"a": entry(shape=[1], offsets=[4, 8])}, DATA),
    "start after end": pack({"x": entry(shape=[0], offsets=[8, 0])}, DATA),
    "shape mismatch": pack({"x": entry(shape=[3])}, DATA),
    "shape overflow": pack({"x": entry(shape=[2**62, 4])}, DATA),
    "shape overflow with zero": pack({"x": entry(shape=[2**62, 4, 0], offsets=[0, 0])}),
    "negative dimension": pack({"x": entry(shape=[-2])}, DATA),
    "fractional dimension": pack(b'{"x":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}', DATA),
    "exponent": pack(b'{"x":{"dtype":"F32","shape":[2e0],"data_offsets":[0,8]}}', DATA),
    "unknown dtype": pack({"x": entry(dtype="F31")}, DATA),
    "dtype constructor": pack({"x": entry(dtype="constructor")}, DATA),
    "no dtype": pack({"x": {"shape": [2], "data_offsets": [0, 8]}}, DATA),
    "three offsets": pack({"x": entry(offsets=[0, 8, 8])}, DATA),
    "entry is a number": pack({"x": 1}, DATA),
    "non-string metadata": pack({"__metadata__": {"a": 1}, "x": F32}, DATA),
    "metadata is a list": pack({"__metadata__": [], "x": F32}, DATA),
    "nested 5000 deep": pack(b'{"x":' + b"[" * 5000 + b"]" * 5000 + b"}", DATA),
}


def accepted(data):
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        try:
            with safetensors.safe_open(file.name, "pt") as reader:
                for key in reader.keys():
                    reader.get_tensor(key)
            return True
        except Exception:  # SafetensorError, or what torch says of a shape
            return False


torch.manual_seed(0)
FLOATS = torch.tensor([0.0, -0.0, 1.0, -2.5, 65504.0, 6e-8, 3.14159, float("inf"), float("-inf"), 1e-40])
TYPES = {
    "bf16": FLOATS.bfloat16(), "f16": FLOATS.half(), "f32": FLOATS, "f64": FLOATS.double(),
    "i64": torch.tensor([-(2**63), 2**63 - 1, 0, -1]), "i32": torch.tensor([-(2**31), 2**31 - 1], dtype=torch.int32),
    "u8": torch.tensor([0, 255], dtype=torch.uint8), "i8": torch.tensor([-128, 127], dtype=torch.int8),
    "bool": torch.tensor([True, False, True]),
}
WRITTEN = {
    "b.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.tensor([0.5]), "steps": torch.tensor([7]),
    "mask": torch.tensor([1, 0, 1], dtype=torch.uint8), "ids": torch.tensor([3, -3], dtype=torch.int32),
    "scalar": torch.tensor(2.0), "empty": torch.zeros(0, 4), "\u5c42": torch.tensor([1.0]),
}
golden = dict(
    safetensors=safetensors.__version__,
    corpus=[dict(name=n, base64=base64.b64encode(b).decode(), accepted=accepted(b)) for n, b in CORPUS.items()],
    types=dict(base64=base64.b64encode(save(TYPES)).decode(),
               values={n: [str(v) for v in t.double().tolist()] if t.is_floating_point() else
                       [str(int(v)) for v in t.tolist()] for n, t in TYPES.items()}),
    written=dict(base64=base64.b64encode(save(WRITTEN, {"format": "pt"})).decode(),
                 tensors={n: dict(dtype=str(t.dtype), shape=list(t.shape), values=t.flatten().tolist())
                          for n, t in WRITTEN.items()}),
)
pathlib.Path(__file__).with_name("safetensors.json").write_text(json.dumps(golden, indent=1) + "\n")
