"""Holds the logits of dump-logits.ts against transformers' on the same checkpoint:
    python tests/golden/checkpoint/compare.py CHECKPOINT OUT.json
Exits 1 when they differ by more than 1e-4 of the largest logit."""
import json
import sys

import torch
import transformers

directory, dumped = sys.argv[1:]
ours = json.load(open(dumped))
model = transformers.AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
with torch.inference_mode():
    theirs = model(torch.tensor(ours["tokens"])).logits
mine = torch.tensor(ours["logits"]).reshape(theirs.shape)
difference = ((mine - theirs).abs().max() / theirs.abs().max()).item()
print(f"{type(model).__name__}, {sum(p.numel() for p in model.parameters())} parameters: largest relative difference {difference:.2e}")
sys.exit(0 if difference <= 1e-4 else 1)
