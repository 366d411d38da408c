"""Makes multi-task.json: a class of the text and a tag of each token on one BERT, in PyTorch, on the weights of
../encoders/bert-pre-training.json, without dropout: losses, uncertainty weighting (arXiv:1705.07115, eq. 10, s = log sigma^2) and one
step of GradNorm (arXiv:1711.02257) with the gradient of its own loss by autograd.
Run: python multi_task.py  (needs torch and transformers; the versions used are written into the file)."""
import base64
import json
import pathlib

import numpy
import torch
import transformers

here = pathlib.Path(__file__).parent
golden = json.loads((here.parent / "encoders" / "bert-pre-training.json").read_text())
config = transformers.BertConfig(**{k: v for k, v in golden["config"].items() if k not in ("transformers_version", "dtype")})
model = transformers.BertForPreTraining._from_config(config, attn_implementation="eager").float().eval()
state = {name: torch.from_numpy(numpy.frombuffer(base64.b64decode(p["base64"]), dtype=numpy.float32).copy()).reshape(p["shape"])
         for name, p in golden["parameters"].items()}
model.load_state_dict(state, strict=False)
bert = model.bert

PAD = 0
TEXTS = {"opinion": [[1, 10, 11, 12, 2, 0], [1, 20, 21, 22, 23, 2]], "names": [[1, 30, 31, 2, 0, 0], [1, 5, 6, 7, 8, 2]]}
LABELS = [2, 0]
# place in the flattened batch and tag, of the words that count
TAGS = [[1, 1], [2, 0], [7, 3], [8, 4], [10, 0]]
CLASSES, TAG_COUNT, WIDTH = 3, 5, config.hidden_size


def wave(*shape):
    """Weights that any language can make again."""
    count = int(numpy.prod(shape))
    return torch.tensor([0.3 * numpy.sin(0.7 * i + 1) for i in range(count)], dtype=torch.float32).reshape(shape).requires_grad_()


heads = {"heads.opinion.weight": wave(CLASSES, WIDTH), "heads.opinion.bias": wave(CLASSES),
         "heads.names.weight": wave(TAG_COUNT, WIDTH), "heads.names.bias": wave(TAG_COUNT)}
variances = torch.tensor([0.3, -0.4], requires_grad=True)


def losses():
    result = []
    for name, rows in TEXTS.items():
        ids = torch.tensor(rows)
        mask = (ids != PAD).long()
        hidden = bert(input_ids=ids, attention_mask=mask).last_hidden_state
        weight, bias = heads[f"heads.{name}.weight"], heads[f"heads.{name}.bias"]
        if name == "opinion":
            mean = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
            result.append(torch.nn.functional.cross_entropy(mean @ weight.T + bias, torch.tensor(LABELS)))
        else:
            logits = (hidden @ weight.T + bias).reshape(-1, TAG_COUNT)
            places, tags = zip(*TAGS)
            result.append(torch.nn.functional.cross_entropy(logits[list(places)], torch.tensor(tags)))
    return result


watched = {"bert.embeddings.word_embeddings.weight": bert.embeddings.word_embeddings.weight,
           "bert.encoder.layer.0.attention.self.query.weight": bert.encoder.layer[0].attention.self.query.weight,
           **heads, "heads.logVariances": variances}


def norms(loss):
    for each in watched.values():
        each.grad = None
    loss.backward()
    return {name: each.grad.norm().item() for name, each in watched.items() if each.grad is not None}


each = losses()
last = bert.encoder.layer[config.num_hidden_layers - 1].output.dense.weight
gradient_norms = [torch.autograd.grad(loss, last, retain_graph=True)[0].norm() for loss in each]
first, weights = [1.5, 2.0], torch.tensor([0.8, 1.2], requires_grad=True)
weighted = weights * torch.stack([norm.detach() for norm in gradient_norms])
rates = torch.tensor([loss.item() / begin for loss, begin in zip(each, first)])
target = (weighted.mean() * (rates / rates.mean()) ** 1.5).detach()
(weighted - target).abs().sum().backward()
moved = weights.detach() - 0.025 * weights.grad
result = dict(
    madeBy=f"multi_task.py with torch {torch.__version__.split('+')[0]}, transformers {transformers.__version__}",
    pad=PAD, texts=TEXTS, labels=LABELS, tags=TAGS, classes=CLASSES, tagCount=TAG_COUNT,
    logVariances=variances.tolist(), losses=[loss.item() for loss in each], lastLayerNorms=[norm.item() for norm in gradient_norms],
    gradNorm=dict(weights=weights.tolist(), firstLosses=first, strength=1.5, learningRate=0.025,
                  after=(moved * 2 / moved.sum()).tolist()))
summed = 0.8 * losses()[0] + 1.2 * losses()[1]
result["fixed"] = dict(weights=[0.8, 1.2], loss=summed.item(), gradientNorms=norms(summed))
pair = losses()
uncertain = sum(torch.exp(-s) * loss + s / 2 for s, loss in zip(variances, pair))
result["uncertainty"] = dict(loss=uncertain.item(), gradientNorms=norms(uncertain))
(here / "multi-task.json").write_text(json.dumps(result, indent=1) + "\n")
print(result["losses"], result["lastLayerNorms"], result["gradNorm"]["after"])
