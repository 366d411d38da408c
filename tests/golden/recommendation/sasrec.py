"""SASRec by PyTorch 2.15, written from the paper: scores, loss and gradients. `python sasrec.py > sasrec.json`."""

import json
import math

import torch

torch.manual_seed(5)
items, length, width, blocks, heads, batch = 9, 5, 8, 2, 2, 3
shapes = {"items.weight": (items, width), "positions.weight": (length, width), "norm.weight": (width,), "norm.bias": (width,)}
for b in range(blocks):
    for part in ["attention_norm", "feed_forward_norm"]:
        shapes[f"blocks.{b}.{part}.weight"] = shapes[f"blocks.{b}.{part}.bias"] = (width,)
    for part in ["query", "key", "value", "output", "inner", "outer"]:
        shapes[f"blocks.{b}.{part}.weight"] = (width, width)
        shapes[f"blocks.{b}.{part}.bias"] = (width,)
p = {n: (torch.randn(s) * 0.4 + (1.0 if "norm.weight" in n else 0.0)).requires_grad_() for n, s in shapes.items()}
rows = torch.tensor([[0, 0, 3, 1, 7], [2, 4, 6, 8, 1], [0, 5, 5, 2, 3]])
targets = torch.tensor([[0, 0, 1, 7, 2], [4, 6, 8, 1, 5], [0, 5, 2, 3, 8]])
mask = (rows > 0).float()


def norm(x, name):
    return torch.nn.functional.layer_norm(x, (width,), p[f"{name}.weight"], p[f"{name}.bias"], 1e-8)


def dense(x, name):
    return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]


x = (p["items.weight"][rows] * math.sqrt(width) + p["positions.weight"]) * mask[:, :, None]
hidden_future = torch.triu(torch.ones(length, length, dtype=torch.bool), 1)
for b in range(blocks):
    n = norm(x, f"blocks.{b}.attention_norm")
    q, k, v = [dense(n, f"blocks.{b}.{part}").view(batch, length, heads, -1).transpose(1, 2) for part in ["query", "key", "value"]]
    scores = q @ k.transpose(-1, -2) / math.sqrt(width / heads)
    scores = scores + torch.where(hidden_future, -1e9, 0.0) + torch.where(mask > 0, 0.0, -1e9)[:, None, None, :]
    joined = (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, length, width)
    x = x + dense(joined, f"blocks.{b}.output")
    inner = dense(norm(x, f"blocks.{b}.feed_forward_norm"), f"blocks.{b}.inner").relu()
    x = x + dense(inner, f"blocks.{b}.outer")
logits = norm(x, "norm") @ p["items.weight"].T
nats = torch.nn.functional.cross_entropy(logits.reshape(-1, items), targets.reshape(-1), reduction="none")
loss = (nats * mask.reshape(-1)).sum() / mask.sum()
loss.backward()
print(
    json.dumps(
        {
            "config": {"itemCount": items, "maxLength": length, "width": width, "blocks": blocks, "heads": heads, "dropout": 0},
            "batch": batch,
            "parameters": {n: t.detach().flatten().tolist() for n, t in p.items()},
            "items": rows.flatten().tolist(),
            "targets": targets.flatten().tolist(),
            "loss": loss.item(),
            "lastScores": logits[:, -1].detach().flatten().tolist(),
            "gradients": {n: t.grad.flatten().tolist() for n, t in p.items()},
        },
        separators=(",", ":"),
    )
)
