"""PyTorch's side of the masked-LM benchmark: transformers' BertForMaskedLM with the same configuration (dropout included),
the same batch shape, the same share of tokens in the loss, AdamW.

Reads one JSON line with the configuration, then answers every line "run" with the milliseconds of one whole step
(forward, backward, optimizer), so that the caller can interleave its own runs."""
import json
import sys
import time

import torch
import transformers

settings = json.loads(sys.stdin.readline())
torch.set_num_threads(settings["threads"])
torch.manual_seed(1)
config = transformers.BertConfig(**{k: v for k, v in settings["config"].items() if k not in ("model_type", "architectures")})
model = transformers.BertForMaskedLM(config).float().train()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0, fused=True)
tokens = torch.randint(1000, 30000, (settings["batchSize"], settings["sequenceLength"]))
mask = torch.ones_like(tokens)
labels = torch.where(torch.rand(tokens.shape) < settings["share"], tokens, -100)


def step():
    loss = model(input_ids=tokens, attention_mask=mask, labels=labels).loss
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


for _ in range(3):
    step()
print(json.dumps({"ready": True, "version": torch.__version__}), flush=True)
for line in sys.stdin:
    if line.strip() != "run":
        break
    started = time.perf_counter()
    step()
    print(json.dumps({"ms": (time.perf_counter() - started) * 1000}), flush=True)
