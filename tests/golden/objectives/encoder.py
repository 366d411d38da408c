"""Makes encoder.json: what the objectives of an encoder come to in PyTorch, on the weights of ../encoders/bert-pre-training.json,
without dropout. Written here from the papers: hidden tokens (arXiv:1810.04805), any of the words removed from the row, whether the
second text follows the first (arXiv:1810.04805, arXiv:1909.11942), and SimCSE (arXiv:2104.08821) with the mean of the tokens.
Run: python encoder.py  (needs torch and transformers; the versions used are written into the file)."""
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

CLS, SEP, MASK, PAD = 1, 2, 3, 0
# [CLS] first [SEP] second [SEP], or one text where pairs are not learned; what was hidden is in TARGETS, by its place in the flattened batch
TOKENS = [[CLS, 10, MASK, 12, SEP, 13, MASK, 15, SEP, PAD], [CLS, 20, 21, MASK, 23, SEP, 24, 25, 37, SEP]]
TYPES = [[0, 0, 0, 0, 0, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 0, 1, 1, 1, 1]]
FOLLOWS = [0, 1]
PLACES, TARGETS = [2, 6, 13], [11, 14, 22]
SENTENCES = [[CLS, 10, 11, 12, SEP, PAD, PAD, PAD, PAD, PAD], [CLS, 20, 21, 22, 23, 24, 25, SEP, PAD, PAD]]
TEMPERATURE = 0.05


def of(rows):
    ids = torch.tensor(rows)
    return ids, (ids != PAD).long()


def read(paired):
    ids, mask = of(TOKENS)
    return model(input_ids=ids, attention_mask=mask, token_type_ids=torch.tensor(TYPES) * paired)


def masked(paired=0):
    return torch.nn.functional.cross_entropy(read(paired).prediction_logits.reshape(-1, config.vocab_size)[PLACES], torch.tensor(TARGETS))


def membership(paired=0):
    logs = read(paired).prediction_logits.reshape(-1, config.vocab_size)[PLACES].log_softmax(-1)
    width = len(TOKENS[0])
    removed = [[t for p, t in zip(PLACES, TARGETS) if p // width == place // width] for place in PLACES]
    return -torch.stack([row[words].logsumexp(0) for row, words in zip(logs, removed)]).mean()


def follows():
    return torch.nn.functional.cross_entropy(read(1).seq_relationship_logits, torch.tensor(FOLLOWS))


def contrastive():
    ids, mask = of(SENTENCES)

    def vectors():
        hidden = model.bert(input_ids=ids, attention_mask=mask).last_hidden_state
        return (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)

    cosines = torch.nn.functional.cosine_similarity(vectors()[:, None], vectors()[None], dim=-1)
    return torch.nn.functional.cross_entropy(cosines / TEMPERATURE, torch.arange(len(SENTENCES)))


def case(name, shares, loss):
    model.zero_grad()
    loss.backward()
    watched = ["bert.embeddings.word_embeddings.weight", "bert.encoder.layer.0.attention.self.query.weight",
               "cls.predictions.bias", "cls.seq_relationship.weight"]
    norms = {name: state.grad.norm().item() for name, state in model.named_parameters()
             if name in watched and state.grad is not None}
    return dict(name=name, shares=shares, loss=loss.item(), gradientNorms=norms)


cases = [
    case("hidden tokens", {"masked": 1}, masked()),
    case("any removed word", {"membership": 1}, membership()),
    case("does it follow", {"order": 1}, follows()),
    case("SimCSE", {"contrastive": 1}, contrastive()),
    case("all together", {"masked": 0.4, "membership": 0.1, "next-sentence": 0.3, "contrastive": 0.2},
         0.4 * masked(1) + 0.1 * membership(1) + 0.3 * follows() + 0.2 * contrastive()),
]
result = dict(
    madeBy=f"encoder.py with torch {torch.__version__.split('+')[0]}, transformers {transformers.__version__}",
    pad=PAD, tokens=TOKENS, types=TYPES, follows=FOLLOWS, places=PLACES, targets=TARGETS, sentences=SENTENCES, cases=cases)
(here / "encoder.json").write_text(json.dumps(result, indent=1) + "\n")
print([(c["name"], c["loss"]) for c in cases])
