"""PyTorch's side of the recurrent benchmarks: the same model written with torch.nn, the same batch shape, AdamW.

Reads one JSON line with the configuration, then answers every line "run" with the milliseconds of one whole step
(forward, backward, optimizer), so that the caller can interleave its own runs."""
import json
import sys
import time

import torch
from torch import nn

settings = json.loads(sys.stdin.readline())
config = settings["config"]
torch.set_num_threads(settings["threads"])
torch.manual_seed(1)
batch, length = settings["batchSize"], settings["sequenceLength"]
VOCABULARY = config["vocab_size"]


class LanguageModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, config["embedding_size"])
        self.lstm = nn.LSTM(config["embedding_size"], config["hidden_size"], config["num_layers"], batch_first=True)
        heads = config.get("num_attention_heads")
        self.attention = heads and nn.MultiheadAttention(config["hidden_size"], heads, batch_first=True)
        self.fc = nn.Linear(config["hidden_size"], VOCABULARY)
        self.register_buffer("later", torch.ones(length, length, dtype=torch.bool).triu(1))

    def forward(self, tokens):
        hidden, _ = self.lstm(self.embedding(tokens))
        if self.attention:
            hidden, _ = self.attention(hidden, hidden, hidden, attn_mask=self.later, need_weights=False)
        return self.fc(hidden)


model = LanguageModel().train()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0, fused=True)
tokens = torch.randint(0, VOCABULARY, (batch, length + 1))


def step():
    logits = model(tokens[:, :-1])
    loss = nn.functional.cross_entropy(logits.reshape(-1, VOCABULARY), tokens[:, 1:].reshape(-1))
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
