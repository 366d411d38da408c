"""Makes the golden files beside it: torch.nn.LSTM, GRU and RNN over rows of different lengths (packed sequences), in both
directions and two layers, from given states: outputs, last states, and every gradient of Σ outputs · weights.
Run: python make.py  (needs torch; the version used is written into each file)."""
import base64
import json
import pathlib

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

TIME, INPUT, HIDDEN, LAYERS = 5, 3, 4, 2
CASES = {
    "lstm-bidirectional-packed": ("lstm", nn.LSTM, {}, True, [5, 2, 4]),
    "gru-bidirectional-packed": ("gru", nn.GRU, {}, True, [3, 5, 1]),
    "tanh-bidirectional-packed": ("tanh", nn.RNN, dict(nonlinearity="tanh"), True, [1, 4, 5]),
    "relu-packed": ("relu", nn.RNN, dict(nonlinearity="relu"), False, [4, 5, 2]),
    "lstm-bidirectional": ("lstm", nn.LSTM, {}, True, None),
}


def pack(tensor):
    data = tensor.detach().to(torch.float32).contiguous().numpy().tobytes()
    return {"shape": list(tensor.shape), "base64": base64.b64encode(data).decode()}


for name, (cell, module, options, bidirectional, lengths) in CASES.items():
    torch.manual_seed(7)
    batch = 3
    layer = module(INPUT, HIDDEN, LAYERS, bidirectional=bidirectional, **options)
    directions = 2 if bidirectional else 1
    x = torch.randn(TIME, batch, INPUT, requires_grad=True)
    states = [torch.randn(LAYERS * directions, batch, HIDDEN, requires_grad=True) for _ in range(2 if cell == "lstm" else 1)]
    given = tuple(states) if cell == "lstm" else states[0]
    if lengths is None:
        outputs, last = layer(x, given)
    else:
        packed, last = layer(pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False), given)
        outputs, _ = pad_packed_sequence(packed, total_length=TIME)
    last = list(last) if cell == "lstm" else [last]
    weights = torch.randn_like(outputs)
    (outputs * weights).sum().backward()
    golden = {
        "madeBy": f"tests/golden/recurrent/make.py, torch {torch.__version__}",
        "cell": cell,
        "sizes": dict(inputSize=INPUT, hiddenSize=HIDDEN, layers=LAYERS, bidirectional=bidirectional),
        "lengths": lengths,
        "x": pack(x),
        "states": [pack(state) for state in states],
        "weights": pack(weights),
        "outputs": pack(outputs),
        "last": [pack(state) for state in last],
        "parameters": {n: pack(p) for n, p in layer.named_parameters()},
        "gradients": {
            "x": pack(x.grad),
            "states": [pack(state.grad) for state in states],
            **{n: pack(p.grad) for n, p in layer.named_parameters()},
        },
    }
    path = pathlib.Path(__file__).with_name(f"{name}.json")
    path.write_text(json.dumps(golden) + "\n")
    print(path.name, path.stat().st_size, "bytes")
