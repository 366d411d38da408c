"""Makes the golden files beside it: tiny random BERT and T5 models of Hugging Face transformers with their outputs,
loss and every gradient. Run: python make.py  (needs torch and transformers; versions are written into each file)."""
import base64
import json
import pathlib

import torch
import transformers

FOLDER = pathlib.Path(__file__).parent
MADE_BY = f"tests/golden/encoders/make.py, torch {torch.__version__}, transformers {transformers.__version__}"


def pack(tensor):
    data = tensor.detach().to(torch.float32).contiguous().numpy().tobytes()
    return {"shape": list(tensor.shape), "base64": base64.b64encode(data).decode()}


def move_vectors(model):
    """Gains and biases away from 1 and 0, so that a forgotten one is seen."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 1:
                parameter.uniform_(0.5, 1.5) if "orm" in name and "bias" not in name else parameter.uniform_(-0.5, 0.5)


def save(name, model, config, values):
    golden = {
        "madeBy": MADE_BY,
        "config": config,
        **values,
        "parameters": {n: pack(p) for n, p in model.named_parameters()},
        "gradients": {n: pack(p.grad if p.grad is not None else torch.zeros_like(p)) for n, p in model.named_parameters()},
    }
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps(golden) + "\n")
    print(path.name, path.stat().st_size, "bytes, loss", values["loss"])


def described(model):
    config = json.loads(model.config.to_json_string(use_diff=False))
    config["architectures"] = [type(model).__name__]
    return config


def bert(name, class_name, activation):
    torch.manual_seed(7)
    config = transformers.BertConfig(vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=2,
                                     num_attention_heads=4, max_position_embeddings=12, hidden_act=activation,
                                     initializer_range=0.3)
    config._attn_implementation = "eager"
    model = getattr(transformers, class_name)(config).float().eval()
    move_vectors(model)
    tokens = torch.randint(1, 40, (3, 7))
    mask = torch.tensor([[1] * 7, [1] * 4 + [0] * 3, [1] * 6 + [0]])
    tokens = tokens * mask
    types = torch.tensor([[0] * 3 + [1] * 4, [0] * 2 + [1] * 2 + [0] * 3, [0] * 7])
    out = model(input_ids=tokens, attention_mask=mask, token_type_ids=types, output_hidden_states=True)
    values = {"tokens": tokens.tolist(), "mask": mask.tolist(), "types": types.tolist()}
    real = mask.bool().reshape(-1)
    losses = []
    if class_name == "BertModel":
        hidden, pooled = out.last_hidden_state, out.pooler_output
        losses += [(hidden.reshape(-1, 16)[real] ** 2).mean(), pooled.sum()]
        values["pooled"] = pack(pooled)
    else:
        hidden = out.hidden_states[-1]
    masked = out.prediction_logits if class_name == "BertForPreTraining" else getattr(out, "logits", None)
    if masked is not None:
        values["maskedLogits"] = pack(masked)
        values["targets"] = targets = torch.randint(1, 40, (21,)).tolist()
        nats = torch.nn.functional.cross_entropy(masked.reshape(-1, 40), torch.tensor(targets), reduction="none")
        losses.append(nats[real].mean())
    if class_name == "BertForPreTraining":
        values["pooled"] = pack(model.bert(input_ids=tokens, attention_mask=mask, token_type_ids=types).pooler_output)
        values["nextSentenceLogits"] = pack(out.seq_relationship_logits)
        losses.append(torch.nn.functional.cross_entropy(out.seq_relationship_logits, torch.tensor([0, 1, 1])))
        values["follows"] = [0, 1, 1]
    loss = sum(losses)
    loss.backward()
    save(name, model, described(model), {**values, "hidden": pack(hidden), "loss": loss.item()})


def t5(name, activation, tied):
    torch.manual_seed(11)
    config = transformers.T5Config(vocab_size=40, d_model=16, d_kv=6, d_ff=24, num_layers=2, num_decoder_layers=2,
                                   num_heads=3, relative_attention_num_buckets=8, relative_attention_max_distance=10,
                                   feed_forward_proj=activation, tie_word_embeddings=tied, decoder_start_token_id=0)
    config._attn_implementation = "eager"
    model = transformers.T5ForConditionalGeneration(config).float().eval()
    if not tied:  # this version of transformers ties always; the published v1.1 files hold two matrices
        model.lm_head.weight = torch.nn.Parameter(torch.randn(40, 16) * 0.3)
    move_vectors(model)
    with torch.no_grad():
        for stack in (model.encoder, model.decoder):
            stack.block[0].layer[0].SelfAttention.relative_attention_bias.weight.normal_(0, 1)
        if tied:  # or the tied model repeats a single token
            model.shared.weight.mul_(0.2)
        for parameter_name, parameter in model.named_parameters():
            if "block" in parameter_name and parameter.ndim == 2:
                parameter.mul_(2)
    mask = torch.tensor([[1] * 13, [1] * 9 + [0] * 4])
    source = torch.randint(2, 40, (2, 13)) * mask
    target = torch.randint(2, 40, (2, 6))
    shifted = torch.cat([torch.zeros(2, 1, dtype=torch.long), target[:, :-1]], 1)
    out = model(input_ids=source, attention_mask=mask, decoder_input_ids=shifted, use_cache=False)
    weights = torch.tensor([[1.0] * 6, [1.0] * 4 + [0.0] * 2])
    nats = torch.nn.functional.cross_entropy(out.logits.reshape(-1, 40), target.reshape(-1), reduction="none")
    loss = (nats.reshape(2, 6) * weights).sum() / weights.sum()
    loss.backward()
    model.generation_config.eos_token_id = None
    generated = model.generate(input_ids=source, attention_mask=mask, max_new_tokens=24, do_sample=False, eos_token_id=None)
    described_config = described(model)
    described_config["tie_word_embeddings"] = tied
    save(name, model, described_config, {
        "source": source.tolist(), "mask": mask.tolist(), "shifted": shifted.tolist(), "targets": target.tolist(),
        "weights": weights.tolist(), "hidden": pack(out.encoder_last_hidden_state), "logits": pack(out.logits),
        "loss": loss.item(), "greedy": generated[:, 1:].tolist(),
    })


def sentences():
    """Vectors of texts by a tiny BERT over the tokenizer of wordpiece/wordpiece.json, cut to 9 tokens."""
    import tokenizers
    torch.manual_seed(5)
    described_tokenizer = json.loads((FOLDER / "wordpiece" / "wordpiece.json").read_text())["uncased"]["file"]
    tokenizer = tokenizers.Tokenizer.from_str(json.dumps(described_tokenizer))
    tokenizer.enable_truncation(9)
    config = transformers.BertConfig(vocab_size=tokenizer.get_vocab_size(), hidden_size=12, intermediate_size=16,
                                     num_hidden_layers=1, num_attention_heads=3, max_position_embeddings=16,
                                     initializer_range=0.4)
    model = transformers.BertModel(config, add_pooling_layer=False).float().eval()
    move_vectors(model)
    texts = ["hello world", "the cafe", "running and running of a hello world naive", "你好", "", "the the", "a . b"]
    hidden = [model(torch.tensor([tokenizer.encode(text).ids])).last_hidden_state[0] for text in texts]
    unit = torch.nn.functional.normalize
    golden = {"madeBy": MADE_BY, "config": described(model), "texts": texts,
              "mean": [unit(h.mean(0), dim=0).tolist() for h in hidden], "first": [h[0].tolist() for h in hidden],
              "parameters": {n: pack(p) for n, p in model.named_parameters()}}
    path = FOLDER / "sentences.json"
    path.write_text(json.dumps(golden) + "\n")
    print(path.name, path.stat().st_size, "bytes")


def buckets():
    """The bucket of every distance from -300 to 300 (key minus query), both ways and looking back only."""
    from transformers.models.t5.modeling_t5 import T5Attention
    distances = torch.arange(-300, 301)
    cases = [{"bothWays": both, "buckets": count, "maxDistance": far, "expected": T5Attention._relative_position_bucket(
        distances, bidirectional=both, num_buckets=count, max_distance=far).tolist()}
        for both in (True, False) for count, far in ((32, 128), (8, 10), (16, 64), (32, 200))]
    (FOLDER / "t5-buckets.json").write_text(json.dumps({"madeBy": MADE_BY, "from": -300, "cases": cases}) + "\n")


buckets()
sentences()
bert("bert-pre-training", "BertForPreTraining", "gelu")
bert("bert-masked-lm", "BertForMaskedLM", "gelu_new")
bert("bert-model", "BertModel", "gelu")
t5("t5-relu-tied", "relu", True)
t5("t5-gated-gelu-untied", "gated-gelu", False)
