"""Makes the golden files beside it with Hugging Face transformers: what its logits processors leave of random logits, and
what its beam search answers with the tiny models of ../models. Run: python make.py (needs torch and transformers; the
versions used are written into each file)."""
import base64
import json
import pathlib

import numpy
import torch
import transformers
from transformers import generation

HERE = pathlib.Path(__file__).parent
MADE_BY = f"tests/golden/sampling/make.py, torch {torch.__version__}, transformers {transformers.__version__}"
VOCABULARY = 40


def write(name, content):
    text = json.dumps({"madeBy": MADE_BY, **content}, separators=(",", ":"))
    (HERE / f"{name}.json").write_text(text + "\n")


def processors(case):
    """In the order of transformers' generate()."""
    if case["repetitionPenalty"] != 1:
        yield generation.RepetitionPenaltyLogitsProcessor(case["repetitionPenalty"])
    yield generation.TemperatureLogitsWarper(case["temperature"])
    if case["topK"] > 0:
        yield generation.TopKLogitsWarper(case["topK"])
    if case["topP"] < 1:
        yield generation.TopPLogitsWarper(case["topP"])
    if case["minP"] > 0:
        yield generation.MinPLogitsWarper(case["minP"])


def make_distributions():
    torch.manual_seed(3)
    neutral = dict(temperature=1.0, topK=0, topP=1.0, minP=0.0, repetitionPenalty=1.0)
    changes = [{}, dict(temperature=0.7), dict(topK=5), dict(topP=0.8), dict(minP=0.1), dict(repetitionPenalty=1.3),
               dict(temperature=1.5, topK=12, topP=0.9), dict(temperature=0.6, topP=0.95, minP=0.05),
               dict(topK=20, minP=0.2, repetitionPenalty=0.8), dict(temperature=2.0, topK=9, topP=0.7, minP=0.3, repetitionPenalty=1.7)]
    cases = []
    for change in changes:
        case = {**neutral, **change}
        history = torch.randint(0, VOCABULARY, (7,))
        logits = torch.randn(VOCABULARY) * 3
        scores = logits[None].clone()
        for processor in processors(case):
            scores = processor(history[None], scores)
        cases.append({**case, "history": history.tolist(), "logits": logits.tolist(),
                      "probabilities": torch.softmax(scores[0].double(), -1).tolist()})
    write("distributions", {"cases": cases})


def load(name):
    golden = json.loads((HERE.parent / "models" / f"{name}.json").read_text())
    config = transformers.AutoConfig.for_model(**golden["config"])
    model = transformers.AutoModelForCausalLM.from_config(config).float().eval()
    weights = {key: torch.from_numpy(numpy.frombuffer(base64.b64decode(value["base64"]), numpy.float32).copy()).reshape(value["shape"])
               for key, value in golden["parameters"].items()}
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert not unexpected and all("lm_head" in key for key in missing), (missing, unexpected)
    model.tie_weights()
    return model


def make_beams():
    cases = []
    for name in ["llama-gqa", "qwen3-gqa-head-dim", "qwen2"]:
        model = load(name)
        for prompt, beams, length_penalty, ends, new_tokens in [
            ([5, 9, 17], 2, 1.0, [2], 12), ([5, 9, 17], 4, 1.0, [2], 12), ([30, 4], 3, 0.0, [2], 14), ([8], 5, 2.0, [2], 10),
            ([11, 12, 13, 14], 4, 1.0, [2, 7, 21], 14), ([1], 3, 1.0, [19], 8), ([3, 3, 3], 8, 1.0, [2, 25], 12),
            ([5, 9, 17], 3, 1.0, [8, 4, 26], 12), ([5, 9, 17], 3, 0.5, [8, 26, 10, 30], 12), ([8], 4, 1.5, [12, 26, 3, 18], 12),
        ]:
            answer = model.generate(torch.tensor([prompt]), num_beams=beams, do_sample=False, max_new_tokens=new_tokens,
                                    length_penalty=length_penalty, eos_token_id=ends, pad_token_id=0, early_stopping=False)
            tokens = answer[0, len(prompt):].tolist()
            cases.append(dict(model=name, prompt=prompt, beams=beams, lengthPenalty=length_penalty, endTokens=ends,
                              maxTokens=new_tokens, tokens=tokens))
    write("beams", {"cases": cases})


make_distributions()
make_beams()
