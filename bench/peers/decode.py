"""transformers.generate's side of the decoding benchmark: greedy, batch 1, with its key-value cache.

Reads one JSON line with the configuration, then answers every line "run" with tokens per second."""
import json
import sys
import time

import torch
import transformers

settings = json.loads(sys.stdin.readline())
torch.set_num_threads(settings["threads"])
torch.manual_seed(1)
config = transformers.AutoConfig.for_model(**settings["config"])
model = transformers.AutoModelForCausalLM.from_config(config).float().eval()
prompt = torch.randint(0, config.vocab_size, (1, settings["promptTokens"]))
count = settings["newTokens"]


def generate():
    with torch.inference_mode():
        out = model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=count, min_new_tokens=count,
                             do_sample=False, pad_token_id=0)
    assert out.shape[1] == settings["promptTokens"] + count


generate()
print(json.dumps({"ready": True, "version": transformers.__version__}), flush=True)
for line in sys.stdin:
    if line.strip() != "run":
        break
    started = time.perf_counter()
    generate()
    print(json.dumps({"tokensPerSecond": count / (time.perf_counter() - started)}), flush=True)
