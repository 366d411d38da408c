"""PyTorch's side of the optimizer benchmark: fused AdamW over one parameter. Answers every line "run" with the
milliseconds of one step (the fastest of five, as on the other side)."""
import json
import sys
import time

import torch

settings = json.loads(sys.stdin.readline())
torch.set_num_threads(settings["threads"])
parameter = torch.nn.Parameter(torch.randn(settings["count"]))
parameter.grad = torch.randn(settings["count"])
optimizer = torch.optim.AdamW([parameter], lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=True)


def milliseconds():
    started = time.perf_counter()
    optimizer.step()
    return (time.perf_counter() - started) * 1000


milliseconds()
print(json.dumps({"ready": True, "version": torch.__version__}), flush=True)
for line in sys.stdin:
    if line.strip() != "run":
        break
    print(json.dumps({"ms": min(milliseconds() for _ in range(5))}), flush=True)
