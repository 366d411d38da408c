"""BLEU, chrF and TER by sacreBLEU 2.6.0, ROUGE by rouge-score 0.1.2: `python make.py debian-en-zh.jsonl > figures.json`.

Hypotheses are the references with words left out, put elsewhere and exchanged, so that every figure has work to do.
"""

import json
import random
import sys

from rouge_score import rouge_scorer
from sacrebleu.metrics import BLEU, CHRF, TER

random.seed(3)
pairs = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
pairs = [p for p in pairs if 12 < len(p["en"]) < 160]
random.shuffle(pairs)


def disturbed(units, others):
    units = [u for u in units if random.random() > 0.1]
    units = [random.choice(others) if others and random.random() < 0.1 else u for u in units]
    if len(units) > 4 and random.random() < 0.6:
        a = random.randrange(len(units) - 2)
        b = a + random.randrange(1, 3)
        phrase, rest = units[a:b], units[:a] + units[b:]
        c = random.randrange(len(rest) + 1)
        units = rest[:c] + phrase + rest[c:]
    return units


en, zh = [], []
for p, q in zip(pairs[:60], pairs[60:120]):
    second = " ".join(disturbed(p["en"].split(), q["en"].split()))
    en.append({"hyp": " ".join(disturbed(p["en"].split(), q["en"].split())), "refs": [p["en"], second]})
    zh.append({"hyp": "".join(disturbed(list(p["zh"]), list(q["zh"]))), "refs": [p["zh"]]})
en += [
    {"hyp": "", "refs": ["not empty", "nor this"]},
    {"hyp": "d e f g h a b c", "refs": ["a b c d e f g h", "x"]},
    {"hyp": "It costs 1,000.50 - \u2028maybe 2-3 &quot;euros&quot; (or £5)!", "refs": ["It costs 1,000.50; maybe 2-3 \"euros\" (or £5).", "free"]},
    {"hyp": "Straße naïve — “quoted” … → ∑ 𠮷𠮷x", "refs": ["Strasse naive – \"quoted\" ... → ∑ 𠮷x", "a→b∑c"]},
]
zh += [
    {"hyp": "今天天气很好。", "refs": ["今天天气非常好。"]},
    {"hyp": "你好world，I'm 20岁。𠮷野家 a→b∑c", "refs": ["你好world，我20岁。𠮷野家a→b"]},
]


def corpus(metric, data, nrefs):
    hyps = [d["hyp"] for d in data]
    refs = [[d["refs"][i] for d in data] for i in range(nrefs)]
    result = metric.corpus_score(hyps, refs)
    return {"score": result.score, "signature": str(metric.get_signature())}


def sentences(metric, data):
    return [metric.sentence_score(d["hyp"], d["refs"]).score for d in data]


bleu = []
for name, data, nrefs, options in [
    ("en", en, 1, {}),
    ("en", en, 2, {}),
    ("en", en, 2, {"tokenize": "intl"}),
    ("en", en, 1, {"tokenize": "none"}),
    ("en", en, 1, {"tokenize": "char"}),
    ("en", en, 1, {"lowercase": True, "max_ngram_order": 6}),
    ("en", en, 1, {"smooth_method": "floor"}),
    ("en", en, 1, {"smooth_method": "add-k", "smooth_value": 0.5}),
    ("en", en, 1, {"smooth_method": "none"}),
    ("zh", zh, 1, {"tokenize": "zh"}),
    ("zh", zh, 1, {"tokenize": "char"}),
]:
    bleu.append({"data": name, "nrefs": nrefs, "options": options, **corpus(BLEU(**options), data, nrefs)})
chrf = []
for name, data, nrefs, options in [
    ("en", en, 1, {}),
    ("en", en, 2, {"word_order": 2}),
    ("zh", zh, 1, {}),
    ("zh", zh, 1, {"word_order": 2}),
    ("en", en, 1, {"eps_smoothing": True, "beta": 3, "lowercase": True}),
]:
    chrf.append({"data": name, "nrefs": nrefs, "options": options, **corpus(CHRF(**options), data, nrefs)})
ter = [
    {"data": "en", "nrefs": n, "caseSensitive": c, **corpus(TER(case_sensitive=c), en, n)} for n, c in [(1, False), (2, False), (1, True)]
]
scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
rouge = [{k: list(v) for k, v in scorer.score(d["refs"][0], d["hyp"]).items()} for d in en]
tokens = {
    name: [BLEU(tokenize=name).tokenizer(d["hyp"]) for d in (zh if name == "zh" else en)][-8:] for name in ["13a", "intl", "zh", "char"]
}
print(
    json.dumps(
        {
            "en": en,
            "zh": zh,
            "bleu": bleu,
            "chrf": chrf,
            "ter": ter,
            "tokens": tokens,
            "sentenceBleu": sentences(BLEU(effective_order=True), en),
            "sentenceTer": sentences(TER(), en),
            "sentenceChrf": sentences(CHRF(word_order=2), zh),
            "rouge": rouge,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )
)
