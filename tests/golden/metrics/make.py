"""Ranked lists, entities and paired tests by scikit-learn 1.9.1, seqeval 1.2.2 and statsmodels 0.15.0: `python make.py > make.json`."""

import json
import math
import warnings

import numpy as np
from seqeval.metrics.sequence_labeling import get_entities, precision_recall_fscore_support as entity_scores
from sklearn import metrics as m
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

warnings.filterwarnings("ignore")
rng = np.random.default_rng(11)


def plain(values):
    return [None if math.isnan(float(v)) else float(v) for v in values]


ranked = []
for count, ties in [(1 + 4, False), (20, True), (40, False), (12, True)]:
    gains = rng.integers(0, 4, count) * (rng.random(count) < 0.6)
    scores = np.round(rng.normal(size=count), 0 if ties else 6)
    if ties and count == 12:
        gains = gains * 0
    ranked.append(
        {
            "gains": gains.tolist(),
            "scores": scores.tolist(),
            "at": [
                {
                    "cutoff": k,
                    "dcg": m.dcg_score([gains], [scores], k=k),
                    "ndcg": m.ndcg_score([gains], [scores], k=k),
                }
                for k in [1, 3, 5, 10, 100]
            ],
        }
    )

entities = []
for prefixes, types, count in [("BI", ["PER", "LOC"], 20), ("BIES", ["PER", "LOC", "ORG-X"], 40), ("I", ["A"], 8), ("B", ["A"], 0)]:
    tags = ["O"] + [f"{p}-{t}" for p in prefixes for t in types] + (["B", "I"] if prefixes == "BIES" else [])
    expected = [rng.choice(tags, size=int(rng.integers(0, 14))).tolist() for _ in range(count)]
    named = [[t if rng.random() < 0.8 else str(rng.choice(tags)) for t in row] for row in expected]
    if count == 0:
        expected, named = [["O", "O"]], [["O", "B-A"]]
    entities.append(
        {
            "expected": expected,
            "named": named,
            "spans": [[[t, s, e + 1] for t, s, e in get_entities(row)] for row in expected],
            "averages": {
                a: plain(entity_scores(expected, named, average=a, zero_division=0)[:3])
                for a in ["micro", "macro", "weighted"]
            },
            "byType": [plain(row) for row in zip(*entity_scores(expected, named, average=None, zero_division=0))],
        }
    )

subsets = []
for labels in [[0, 1, 3], [2], [0, 4]]:
    expected, predicted = rng.integers(0, 3, 30), rng.integers(0, 3, 30)
    subsets.append(
        {
            "labels": labels,
            "expected": expected.tolist(),
            "predicted": predicted.tolist(),
            "averages": [
                [str(z), a, plain(m.precision_recall_fscore_support(expected, predicted, labels=labels, average=a, zero_division=z)[:3])]
                for z in [0, 1, math.nan]
                for a in ["macro", "weighted", "micro"]
            ],
        }
    )

several = []
for classes, count in [(3, 60), (5, 120)]:
    expected = np.concatenate([np.arange(classes), rng.integers(0, classes, count - classes)])
    probabilities = np.round(rng.dirichlet(np.ones(classes), count) + 0.4 * np.eye(classes)[expected], 2)
    probabilities = probabilities / probabilities.sum(1, keepdims=True)
    several.append(
        {
            "expected": expected.tolist(),
            "probabilities": probabilities.tolist(),
            "auc": m.roc_auc_score(expected, probabilities, multi_class="ovr", average="macro"),
        }
    )

truth, given = (rng.random((40, 5)) < 0.3).astype(int), (rng.random((40, 5)) < 0.3).astype(int)
samples = {
    "labels": 5,
    "expected": [np.flatnonzero(row).tolist() for row in truth],
    "named": [np.flatnonzero(row).tolist() for row in given],
    "samplesF1": m.f1_score(truth, given, average="samples", zero_division=0),
}
paired = [
    {"onlyOurs": b, "onlyTheirs": c, "pValue": mcnemar([[5, b], [c, 9]], exact=True).pvalue}
    for b, c in [(0, 0), (1, 0), (5, 5), (12, 3), (3, 12), (700, 600), (40000, 41000), (0, 1500)]
]
wilson = [
    {"successes": k, "count": n, "low": proportion_confint(k, n, method="wilson")[0], "high": proportion_confint(k, n, method="wilson")[1]}
    for k, n in [(0, 10), (10, 10), (50, 100), (1, 29), (997, 1000)]
]
for row in wilson:
    row["low"], row["high"] = float(row["low"]), float(row["high"])
for row in paired:
    row["pValue"] = float(row["pValue"])
print(
    json.dumps(
        {"ranked": ranked, "entities": entities, "subsets": subsets, "several": several, "samples": samples, "paired": paired, "wilson": wilson},
        separators=(",", ":"),
    )
)
