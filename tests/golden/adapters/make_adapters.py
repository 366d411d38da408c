"""Adapters of the PEFT library on tiny models, with the logits and gradients PyTorch computes for them.

Made with Python 3.11, torch 2.15.0, transformers 5.23.0, peft 0.21.2:  python make_adapters.py
Also checks an adapter folder of ours:  python make_adapters.py check BASE ADAPTER EXPECTED.safetensors
"""
import json
import pathlib
import shutil
import sys

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

HERE = pathlib.Path(__file__).parent
TOKENS = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6], [5, 3, 5, 8, 9, 7, 9, 3]])
LORA = dict(task_type="CAUSAL_LM", bias="none", lora_dropout=0.0)
CASES = {
    "lora": ("llama", dict(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"])),
    "rslora-all-linear": ("llama", dict(r=3, lora_alpha=6, target_modules="all-linear", use_rslora=True)),
    "dora": ("llama", dict(r=4, lora_alpha=8, target_modules=["o_proj", "down_proj"], use_dora=True)),
    "head-saved": ("llama", dict(r=2, lora_alpha=4, target_modules=["up_proj"], modules_to_save=["lm_head"])),
    "gpt2-lora": ("gpt2", dict(r=4, lora_alpha=8, target_modules=["c_attn", "c_fc"], fan_in_fan_out=True)),
    "gpt2-dora": ("gpt2", dict(r=4, lora_alpha=8, target_modules=["c_proj"], use_dora=True, fan_in_fan_out=True)),
}


def bases():
    llama = LlamaConfig(
        vocab_size=24, hidden_size=16, intermediate_size=20, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=16, tie_word_embeddings=False, bos_token_id=0, eos_token_id=0,
    )
    gpt2 = GPT2Config(
        vocab_size=24, n_positions=16, n_embd=16, n_layer=2, n_head=4, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        bos_token_id=0, eos_token_id=0,
    )
    return {"llama": LlamaForCausalLM(llama), "gpt2": GPT2LMHeadModel(gpt2)}


def spread(model):
    """Far from what fresh weights are, so that every path shows in the logits."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.copy_(torch.randn_like(parameter) * 0.3)


def loss_of(model):
    logits = model(input_ids=TOKENS).logits
    nats = torch.nn.functional.cross_entropy(logits[:, :-1].reshape(-1, logits.shape[-1]), TOKENS[:, 1:].reshape(-1))
    return logits, nats


def make():
    torch.manual_seed(6)
    for name, model in bases().items():
        spread(model)
        model.save_pretrained(HERE / name)
        (HERE / name / "generation_config.json").unlink(missing_ok=True)
    for case, (base, options) in CASES.items():
        folder = HERE / case
        shutil.rmtree(folder, ignore_errors=True)
        model = get_peft_model(AutoModelForCausalLM.from_pretrained(HERE / base), LoraConfig(**LORA, **options))
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "lora_B" in name:
                    parameter.copy_(torch.randn_like(parameter) * 0.2)
                if "magnitude" in name or "modules_to_save" in name:
                    parameter.mul_(1 + 0.1 * torch.randn_like(parameter))
        model.eval()
        logits, nats = loss_of(model)
        nats.backward()
        # save_pretrained names the base by its path: a name stands for it here
        model.peft_config["default"].base_model_name_or_path = base
        model.save_pretrained(folder)
        (folder / "README.md").unlink(missing_ok=True)
        names = {name.replace(".default", "").replace(".modules_to_save", ""): parameter.grad
                 for name, parameter in model.named_parameters() if parameter.requires_grad}
        names = {n[: -len(".weight")] if n.endswith("magnitude_vector.weight") else n: g for n, g in names.items()}
        gradients = {f"gradient:{name}": gradient.contiguous() for name, gradient in names.items()}
        save_file({"logits": logits.detach(), "loss": nats.detach(), **gradients}, folder / "expected.safetensors")
        print(case, float(nats), sorted(load_file(folder / "adapter_model.safetensors"))[:3])


def check(base, adapter, expected):
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter).eval()
    wanted = load_file(expected)
    with torch.no_grad():
        logits = model(input_ids=wanted["tokens"]).logits
    print(json.dumps({"largestDifference": float((logits - wanted["logits"]).abs().max()), "logits": list(logits.shape)}))


if __name__ == "__main__":
    check(*sys.argv[2:5]) if sys.argv[1:2] == ["check"] else make()
