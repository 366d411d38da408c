"""Makes the golden files beside it: tiny random models of Hugging Face transformers with their logits, loss and every
gradient. Run: python make.py  (needs torch and transformers; the versions used are written into each file)."""
import base64
import json
import pathlib

import torch
import transformers

COMMON = dict(vocab_size=48, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
              max_position_embeddings=32, rms_norm_eps=1e-5, initializer_range=0.3)
CASES = {
    "llama-tied-mha": ("LlamaConfig", dict(num_key_value_heads=4, tie_word_embeddings=True)),
    "llama-gqa": ("LlamaConfig", dict(num_key_value_heads=2, tie_word_embeddings=False)),
    "qwen3-gqa-head-dim": ("Qwen3Config", dict(num_key_value_heads=2, head_dim=8, tie_word_embeddings=False)),
    "qwen3-tied-mqa": ("Qwen3Config", dict(num_key_value_heads=1, head_dim=4, tie_word_embeddings=True)),
}


def pack(tensor):
    data = tensor.detach().to(torch.float32).contiguous().numpy().tobytes()
    return {"shape": list(tensor.shape), "base64": base64.b64encode(data).decode()}


for name, (config_class, options) in CASES.items():
    torch.manual_seed(7)
    config = getattr(transformers, config_class)(**COMMON, **options)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
    with torch.no_grad():  # gains away from 1, so that a forgotten one is seen
        for parameter_name, parameter in model.named_parameters():
            if parameter.ndim == 1:
                parameter.uniform_(0.5, 1.5)
    tokens = torch.randint(0, 48, (2, 7))
    logits = model(tokens[:, :-1]).logits
    loss = torch.nn.functional.cross_entropy(logits.reshape(-1, 48), tokens[:, 1:].reshape(-1))
    loss.backward()
    parameters = {n: pack(p) for n, p in model.named_parameters()}
    gradients = {n: pack(p.grad) for n, p in model.named_parameters()}
    golden = {
        "madeBy": f"tests/golden/models/make.py, torch {torch.__version__}, transformers {transformers.__version__}",
        "config": json.loads(config.to_json_string(use_diff=False)),
        "tokens": tokens.tolist(),
        "logits": pack(logits),
        "loss": loss.item(),
        "parameters": parameters,
        "gradients": gradients,
    }
    path = pathlib.Path(__file__).with_name(f"{name}.json")
    path.write_text(json.dumps(golden) + "\n")
    print(path.name, path.stat().st_size, "bytes, loss", loss.item())
