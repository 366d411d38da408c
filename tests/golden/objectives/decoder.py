"""Makes decoder.json: what two objectives of a decoder come to in PyTorch, on the weights of ../models/qwen3-gqa-head-dim.json.
The layouts are written here from the papers: filling in the middle (arXiv:2207.14255, PSM and the joint form of SPM; every token
counts) and sentence permutation (arXiv:1910.13461; only the restored text counts). Loss = sum of w * nats, w = 1 / counted.
Run: python decoder.py  (needs torch and transformers; the versions used are written into the file)."""
import base64
import json
import pathlib

import numpy
import torch
import transformers

here = pathlib.Path(__file__).parent
golden = json.loads((here.parent / "models" / "qwen3-gqa-head-dim.json").read_text())
config = transformers.Qwen3Config(**{k: v for k, v in golden["config"].items() if k not in ("transformers_version", "dtype")})
model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
state = {name: torch.from_numpy(numpy.frombuffer(base64.b64decode(p["base64"]), dtype=numpy.float32).copy()).reshape(p["shape"])
         for name, p in golden["parameters"].items()}
model.load_state_dict(state, strict=False)

PREFIX, SUFFIX, MIDDLE, SHUFFLED, RESTORED, SENTENCE_END, END = 25, 26, 27, 28, 29, 9, 31
TEXT = [3, 4, 5, 9, 6, 7, 8, 10, 9, 11, 12, 13]


def psm(a, b):
    return [PREFIX, *TEXT[:a], SUFFIX, *TEXT[b:], MIDDLE, *TEXT[a:b], END]


def spm(a, b):
    return [PREFIX, SUFFIX, *TEXT[b:], MIDDLE, *TEXT[:a], *TEXT[a:b], END]


def order(sentences):
    cut = [[3, 4, 5, 9], [6, 7, 8, 10, 9], [11, 12, 13]]
    asked = [SHUFFLED, *[token for index in sentences for token in cut[index]], RESTORED]
    return [*asked, *TEXT, END], [0] * (len(asked) - 1) + [1] * (len(TEXT) + 1)


def case(name, tokens, counted=None):
    counted = counted or [1] * (len(tokens) - 1)
    ids = torch.tensor([tokens])
    weights = torch.tensor(counted, dtype=torch.float32) / sum(counted)
    nats = torch.nn.functional.cross_entropy(model(ids[:, :-1]).logits[0], ids[0, 1:], reduction="none")
    loss = (nats * weights).sum()
    model.zero_grad()
    loss.backward()
    watched = ["lm_head.weight", "model.embed_tokens.weight", "model.layers.0.self_attn.q_proj.weight"]
    norms = {name: state.grad.norm().item() for name, state in model.named_parameters() if name in watched}
    return dict(name=name, tokens=tokens, counted=counted, loss=loss.item(), gradientNorms=norms)


shuffled, counted = order([2, 0, 1])
result = dict(
    madeBy=f"decoder.py with torch {torch.__version__.split('+')[0]}, transformers {transformers.__version__}",
    special=dict(prefix=PREFIX, suffix=SUFFIX, middle=MIDDLE, shuffled=SHUFFLED, restored=RESTORED, sentenceEnd=SENTENCE_END,
                 endOfText=END),
    text=TEXT,
    cases=[case("PSM", psm(3, 8)), case("SPM", spm(2, 9)), case("order", shuffled, counted)])
(here / "decoder.json").write_text(json.dumps(result, indent=1) + "\n")
print([(c["name"], c["loss"]) for c in result["cases"]])
