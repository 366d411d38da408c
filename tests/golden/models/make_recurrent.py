"""Makes the golden files of the recurrent language models beside it: tiny random models of torch.nn modules with their
logits, loss, every gradient, and a few parameters after one step of torch's AdamW.
Run: python make_recurrent.py [NAME ...]  (needs torch; the version used is written into each file)."""
import base64
import json
import pathlib
import sys

import torch
from torch import nn

VOCABULARY = 24
SIZES = dict(vocab_size=VOCABULARY, embedding_size=6, hidden_size=8, num_layers=1, max_position_embeddings=32, dropout=0.0)
CASES = {
    "text-generator": dict(model_type="text_generator", **{**SIZES, "num_layers": 2}),
    "gru": dict(model_type="gru", **{**SIZES, "num_layers": 2}),
    "rnn-tanh": dict(model_type="rnn", **SIZES, nonlinearity="tanh"),
    "rnn-relu": dict(model_type="rnn", **{**SIZES, "num_layers": 2}, nonlinearity="relu"),
    "big-model": dict(model_type="big_model", **SIZES, num_attention_heads=2, is_causal=True),
}


class LanguageModel(nn.Module):
    def __init__(self, config):
        super().__init__()
        kind = config["model_type"]
        sizes = (config["embedding_size"], config["hidden_size"], config["num_layers"])
        self.embedding = nn.Embedding(config["vocab_size"], config["embedding_size"])
        if kind == "gru":
            self.gru = nn.GRU(*sizes, batch_first=True)
        elif kind == "rnn":
            self.rnn = nn.RNN(*sizes, batch_first=True, nonlinearity=config["nonlinearity"])
        else:
            self.lstm = nn.LSTM(*sizes, batch_first=True)
        if kind == "big_model":
            self.attention = nn.MultiheadAttention(config["hidden_size"], config["num_attention_heads"], batch_first=True)
        self.fc = nn.Linear(config["hidden_size"], config["vocab_size"])
        self.kind = kind

    def forward(self, tokens):
        module = getattr(self, self.kind if self.kind in ("gru", "rnn") else "lstm")
        hidden, _ = module(self.embedding(tokens))
        if self.kind == "big_model":
            later = torch.ones(tokens.shape[1], tokens.shape[1], dtype=torch.bool).triu(1)
            hidden, _ = self.attention(hidden, hidden, hidden, attn_mask=later, need_weights=False)
        return self.fc(hidden)


def pack(tensor):
    data = tensor.detach().to(torch.float32).contiguous().numpy().tobytes()
    return {"shape": list(tensor.shape), "base64": base64.b64encode(data).decode()}


def decayed(parameters, decays):
    return [parameter for parameter in parameters if (parameter.ndim > 1) == decays]


for name, config in CASES.items():
    if sys.argv[1:] and name not in sys.argv[1:]:
        continue
    torch.manual_seed(7)
    model = LanguageModel(config)
    with torch.no_grad():  # every bias of its own, so that a forgotten or exchanged one is seen
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.uniform_(-0.5, 0.5)
            else:
                parameter.mul_(1.5)
    tokens = torch.randint(0, VOCABULARY, (2, 9))
    logits = model(tokens[:, :-1])
    loss = nn.functional.cross_entropy(logits.reshape(-1, VOCABULARY), tokens[:, 1:].reshape(-1))
    loss.backward()
    golden = {
        "madeBy": f"tests/golden/models/make_recurrent.py, torch {torch.__version__}",
        "config": config,
        "tokens": tokens.tolist(),
        "logits": pack(logits),
        "loss": loss.item(),
        "parameters": {n: pack(p) for n, p in model.named_parameters()},
        "gradients": {n: pack(p.grad) for n, p in model.named_parameters()},
    }
    parameters = list(model.parameters())
    torch.optim.AdamW([dict(params=decayed(parameters, True), weight_decay=0.1),
                       dict(params=decayed(parameters, False), weight_decay=0.0)],
                      lr=1e-2, betas=(0.9, 0.95), eps=1e-8).step()
    named = list(model.named_parameters())
    # Where the gradient is nothing but rounding (a key's bias moves all scores of a query alike), the first step is the
    # sign of that rounding: such elements are not compared.
    real = {n: (p.grad.abs() > 1e-6) | (p.grad == 0) for n, p in named}
    golden["stepped"] = {
        "learningRate": 1e-2,
        "weightDecay": 0.1,
        "absoluteSums": {n: p.detach()[real[n]].double().abs().sum().item() for n, p in named},
        "parameters": {n: pack(p) for n, p in [named[0], named[len(named) // 2], named[-1]]},
    }
    path = pathlib.Path(__file__).with_name(f"{name}.json")
    path.write_text(json.dumps(golden) + "\n")
    print(path.name, path.stat().st_size, "bytes, loss", loss.item())
