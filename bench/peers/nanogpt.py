"""PyTorch's side of the time-to-loss benchmark: a GPT as nanoGPT writes it (learned positions, LayerNorm, GELU, tied
head), bfloat16 autocast and torch.compile, fused AdamW with warm-up and cosine decay.

Reads one JSON line with the settings, then answers every line "run" with the milliseconds of the next `chunk` steps
and, after the last one, the held-out loss in nats a token, measured as Moat measures it: windows that overlap by half,
each token judged once."""
import json
import math
import sys
import time

import numpy
import torch
import torch.nn.functional as F
from torch import nn

settings = json.loads(sys.stdin.readline())
torch.set_num_threads(settings["threads"])
torch.manual_seed(settings["seed"])
WIDTH, HEADS, LAYERS, VOCABULARY = (settings[k] for k in ("width", "heads", "layers", "vocabulary"))
BATCH, TIME, STEPS = (settings[k] for k in ("batchSize", "sequenceLength", "steps"))
WARMUP = 40
train = torch.from_numpy(numpy.fromfile(settings["trainFile"], dtype=numpy.uint16).astype(numpy.int64))
heldout = torch.from_numpy(numpy.fromfile(settings["heldOutFile"], dtype=numpy.uint16).astype(numpy.int64))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attn, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.fc, self.out = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        batch, time_, _ = x.shape
        split = self.attn(self.ln_1(x)).view(batch, time_, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(*split, is_causal=True).transpose(1, 2).reshape(batch, time_, WIDTH)
        x = x + self.proj(seen)
        return x + self.out(F.gelu(self.fc(self.ln_2(x))))


class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(TIME, WIDTH)
        self.blocks, self.norm = nn.ModuleList(Block() for _ in range(LAYERS)), nn.LayerNorm(WIDTH)
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif parameter.ndim == 2:
                residual = name.endswith(("proj.weight", "out.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * LAYERS) if residual else 0.02)

    def forward(self, tokens):
        hidden = self.tokens(tokens) + self.positions.weight[: tokens.shape[1]]
        for block in self.blocks:
            hidden = block(hidden)
        return F.linear(self.norm(hidden), self.tokens.weight)


model = GPT()
compiled = torch.compile(model)
decayed = [p for p in model.parameters() if p.ndim == 2]
others = [p for p in model.parameters() if p.ndim != 2]
groups = [dict(params=decayed, weight_decay=0.1), dict(params=others, weight_decay=0.0)]
optimizer = torch.optim.AdamW(groups, lr=settings["learningRate"], betas=(0.9, 0.95), fused=True)
windows = torch.Generator().manual_seed(settings["seed"])


def loss_of(network, tokens, targets, reduction="mean"):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network(tokens)
    return F.cross_entropy(logits.float().view(-1, VOCABULARY), targets.reshape(-1), reduction=reduction)


def rate(step):
    if step < WARMUP:
        return (step + 1) / WARMUP
    return 0.1 + 0.45 * (1 + math.cos(math.pi * (step - WARMUP) / (STEPS - WARMUP)))


def take(step):
    starts = torch.randint(0, len(train) - TIME - 1, (BATCH,), generator=windows)
    tokens = torch.stack([train[i : i + TIME] for i in starts])
    targets = torch.stack([train[i + 1 : i + TIME + 1] for i in starts])
    loss_of(compiled, tokens, targets).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for group in optimizer.param_groups:
        group["lr"] = settings["learningRate"] * rate(step)
    optimizer.step()
    optimizer.zero_grad()


@torch.no_grad()
def held_out_loss():
    stream = torch.cat([torch.tensor([settings["endOfText"]]), heldout])
    half, total, start, counted = TIME // 2, 0.0, 0, 0
    while counted < len(heldout):
        tokens, targets = stream[start : start + TIME], stream[start + 1 : start + TIME + 1]
        nats = loss_of(model, tokens[: len(targets)][None], targets[None], reduction="none")
        fresh = nats[counted - start :]
        total, counted, start = total + fresh.sum().item(), counted + len(fresh), start + half
    return total / len(heldout)


# compile both passes before the clock starts; the weights stay as they were
loss_of(compiled, train[: BATCH * TIME].view(BATCH, TIME), train[: BATCH * TIME].view(BATCH, TIME)).backward()
optimizer.zero_grad()
print(json.dumps({"ready": True, "version": torch.__version__}), flush=True)
taken = 0
for line in sys.stdin:
    if line.strip() != "run":
        break
    started = time.perf_counter()
    for _ in range(min(settings["chunk"], STEPS - taken)):
        take(taken)
        taken += 1
    answer = {"ms": (time.perf_counter() - started) * 1000, "steps": taken}
    if taken == STEPS:
        answer["loss"] = held_out_loss()
    print(json.dumps(answer), flush=True)
