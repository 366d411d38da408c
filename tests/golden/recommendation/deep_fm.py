"""DeepFM by PyTorch, written from the paper: logits, loss and gradients. `python deep_fm.py > deep-fm.json`."""

import itertools
import json

import torch

torch.manual_seed(7)
buckets, word_columns, figure_columns, size, hidden, batch = 11, 3, 2, 4, [6, 5], 5
inner = [(word_columns + figure_columns) * size, *hidden, 1]
shapes = {"words.vectors": (buckets, size), "words.linear": (buckets, 1), "figures.vectors": (figure_columns, size),
          "figures.linear": (figure_columns, 1)}
for index, (into, out) in enumerate(itertools.pairwise(inner)):
    shapes[f"layers.{index}.weight"], shapes[f"layers.{index}.bias"] = (out, into), (out,)
p = {name: (torch.randn(shape) * 0.5).requires_grad_() for name, shape in shapes.items()}
words = torch.randint(0, buckets, (batch, word_columns))
figures = torch.randn(batch, figure_columns)
targets = torch.tensor([1.0, 0.0, 0.0, 1.0, 1.0])

vectors = torch.cat([p["words.vectors"][words], figures[:, :, None] * p["figures.vectors"]], 1)
linear = p["words.linear"][words].sum((1, 2)) + (figures @ p["figures.linear"])[:, 0]
pairs = sum((vectors[:, i] * vectors[:, j]).sum(-1) for i, j in itertools.combinations(range(vectors.shape[1]), 2))
x = vectors.reshape(batch, -1)
for index in range(len(hidden) + 1):
    x = x @ p[f"layers.{index}.weight"].T + p[f"layers.{index}.bias"]
    x = x.relu() if index < len(hidden) else x
logits = linear + pairs + x[:, 0]
loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets)
loss.backward()
config = {"bucketCount": buckets, "wordColumns": word_columns, "figureColumns": figure_columns, "vectorSize": size,
          "hiddenSizes": hidden, "dropout": 0}
flat = lambda tensor: tensor.detach().flatten().tolist()
print(json.dumps({"madeBy": f"deep_fm.py, torch {torch.__version__}", "config": config, "batch": batch,
                  "parameters": {n: flat(t) for n, t in p.items()}, "words": flat(words), "figures": flat(figures),
                  "targets": flat(targets), "logits": flat(logits), "loss": loss.item(),
                  "gradients": {n: flat(t.grad) for n, t in p.items()}}, separators=(",", ":")))
