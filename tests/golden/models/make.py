"""Makes the golden files beside it: tiny random models of Hugging Face transformers with their logits, loss, every
gradient, and a few parameters after one step of torch's AdamW.
Run: python make.py [NAME ...]  (needs torch and transformers; the versions used are written into each file)."""
import base64
import json
import pathlib
import sys

import torch
import transformers

VOCABULARY = 32
COMMON = dict(vocab_size=VOCABULARY, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
              num_key_value_heads=2, max_position_embeddings=32, initializer_range=0.3)
FAMILY = dict(**COMMON, rms_norm_eps=1e-5)
WINDOWED = dict(use_sliding_window=True, sliding_window=3)
GEMMA = dict(**{**COMMON, "num_hidden_layers": 3, "hidden_size": 12}, head_dim=4, query_pre_attn_scalar=6,
             pad_token_id=None)
GPT2 = dict(vocab_size=VOCABULARY, n_positions=24, n_embd=16, n_layer=2, n_head=4, initializer_range=0.3, bos_token_id=1, eos_token_id=2)


def rope(kind, **options):
    return dict(rope_parameters=dict(rope_type=kind, rope_theta=10000.0, **options))


CASES = {
    "llama-tied-mha": ("LlamaConfig", dict(**{**FAMILY, "num_key_value_heads": 4}, tie_word_embeddings=True)),
    "llama-gqa": ("LlamaConfig", dict(**FAMILY)),
    "llama-llama3-biases": ("LlamaConfig", dict(
        **FAMILY, head_dim=8, attention_bias=True, mlp_bias=True,
        **rope("llama3", factor=8.0, low_freq_factor=0.2, high_freq_factor=2.0, original_max_position_embeddings=16))),
    "llama-linear": ("LlamaConfig", dict(**FAMILY, **rope("linear", factor=4.0), hidden_act="gelu_pytorch_tanh")),
    "llama-dynamic": ("LlamaConfig", dict(**{**FAMILY, "num_hidden_layers": 1}, **rope("dynamic", factor=4.0))),
    "llama-yarn": ("LlamaConfig", dict(
        **FAMILY, head_dim=16, **rope("yarn", factor=2.0, original_max_position_embeddings=16, beta_fast=4.0))),
    "mistral-window": ("MistralConfig", dict(**FAMILY, sliding_window=3)),
    "qwen2": ("Qwen2Config", dict(**FAMILY, tie_word_embeddings=True)),
    "qwen2-window": ("Qwen2Config", dict(**FAMILY, **WINDOWED, max_window_layers=1)),
    "qwen3-gqa-head-dim": ("Qwen3Config", dict(**FAMILY, head_dim=8)),
    "qwen3-tied-mqa": ("Qwen3Config", dict(**{**FAMILY, "num_key_value_heads": 1}, head_dim=4,
                                           tie_word_embeddings=True)),
    "qwen3-window": ("Qwen3Config", dict(**FAMILY, **WINDOWED, head_dim=4,
                                         layer_types=["sliding_attention", "full_attention"])),
    "gemma3-window": ("Gemma3TextConfig", dict(**GEMMA, sliding_window=3, sliding_window_pattern=2)),
    "gemma3-caps": ("Gemma3TextConfig", dict(
        **GEMMA, sliding_window=4, layer_types=["full_attention", "sliding_attention", "full_attention"],
        attn_logit_softcapping=2.0, final_logit_softcapping=3.0,
        rope_parameters=dict(full_attention=dict(rope_type="linear", factor=2.0, rope_theta=50000.0),
                             sliding_attention=dict(rope_type="default", rope_theta=1000.0)))),
    "gpt2": ("GPT2Config", dict(**GPT2)),
    "gpt2-untied-erf": ("GPT2Config", dict(**GPT2, n_inner=20, activation_function="gelu", tie_word_embeddings=False)),
}


def pack(tensor):
    data = tensor.detach().to(torch.float32).contiguous().numpy().tobytes()
    return {"shape": list(tensor.shape), "base64": base64.b64encode(data).decode()}


def decayed(parameters, decays):
    return [parameter for parameter in parameters if (parameter.ndim > 1) == decays]


for name, (config_class, options) in CASES.items():
    if sys.argv[1:] and name not in sys.argv[1:]:
        continue
    torch.manual_seed(7)
    config = getattr(transformers, config_class)(**options)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
    with torch.no_grad():  # gains away from 1 and biases away from 0, so that a forgotten one is seen
        for parameter_name, parameter in model.named_parameters():
            if parameter.ndim == 1:
                parameter.uniform_(0.5, 1.5)
    tokens = torch.randint(0, VOCABULARY, (2, 9))
    # Gemma3Attention reads attn_logit_softcapping but does not hand it on; its attention function takes it as `softcap`
    cap = getattr(config, "attn_logit_softcapping", None)
    logits = model(tokens[:, :-1], **({} if cap is None else {"softcap": cap})).logits
    loss = torch.nn.functional.cross_entropy(logits.reshape(-1, VOCABULARY), tokens[:, 1:].reshape(-1))
    loss.backward()
    golden = {
        "madeBy": f"tests/golden/models/make.py, torch {torch.__version__}, transformers {transformers.__version__}",
        "config": json.loads(config.to_json_string(use_diff=False)),
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
    # Where the gradient is nothing but rounding (a key's bias in GPT-2 moves all scores of a query alike), the first
    # step is the sign of that rounding: such elements are not compared.
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
