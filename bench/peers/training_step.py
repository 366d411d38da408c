"""PyTorch's side of the training-step benchmark: the same architecture from transformers, the same batch shape, AdamW.

Reads one JSON line with the configuration, then answers every line "run" with the milliseconds of one whole step
(forward, backward, optimizer) and the most memory the process has held, so that the caller can interleave its own
runs."""
import json
import pathlib
import re
import sys
import time

import torch
import transformers

settings = json.loads(sys.stdin.readline())
torch.set_num_threads(settings["threads"])
torch.manual_seed(1)
config = transformers.AutoConfig.for_model(**settings["config"])
model = transformers.AutoModelForCausalLM.from_config(config).float().train()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), fused=settings["fused"])
bfloat16 = settings["mode"] == "bfloat16+compile"
forward = torch.compile(model) if bfloat16 else model
tokens = torch.randint(0, config.vocab_size, (settings["batchSize"], settings["sequenceLength"] + 1))


def peak_bytes():
    status = pathlib.Path("/proc/self/status")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) * 1024 if status.exists() else None


def step():
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
        logits = forward(tokens[:, :-1], use_cache=False).logits
        loss = torch.nn.functional.cross_entropy(logits.float().reshape(-1, config.vocab_size), tokens[:, 1:].reshape(-1))
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
    ms = (time.perf_counter() - started) * 1000
    print(json.dumps({"ms": ms, "peakBytes": peak_bytes()}), flush=True)
