"""Figures of classifiers by scikit-learn 1.9.1: `python classification.py > classification.json`."""

import json
import math
import warnings

import numpy as np
from sklearn import metrics as m

warnings.filterwarnings("ignore")
rng = np.random.default_rng(7)


def plain(value):
    value = float(value)
    return None if math.isnan(value) else value


cases = []
for classes, count in [(2, 40), (3, 60), (5, 200), (4, 9)]:
    expected = rng.integers(0, classes, count)
    predicted = np.where(rng.random(count) < 0.6, expected, rng.integers(0, classes, count))
    if classes == 4:
        expected, predicted = np.where(expected == 3, 0, expected), np.where(predicted == 2, 1, predicted)
    labels = list(range(classes))
    averages = {
        str(z): {
            a: [plain(x) for x in m.precision_recall_fscore_support(expected, predicted, labels=labels, average=a, zero_division=z)[:3]]
            for a in ["macro", "weighted", "micro"]
        }
        for z in [0, 1, math.nan]
    }
    logits = rng.normal(size=(count, classes)) + 1.5 * np.eye(classes)[expected]
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    cases.append(
        {
            "classes": classes,
            "expected": expected.tolist(),
            "predicted": predicted.tolist(),
            "confusion": m.confusion_matrix(expected, predicted, labels=labels).tolist(),
            "accuracy": m.accuracy_score(expected, predicted),
            "mcc": m.matthews_corrcoef(expected, predicted),
            "kappa": m.cohen_kappa_score(expected, predicted, labels=labels),
            "averages": averages,
            "probabilities": probabilities.tolist(),
            "logLoss": m.log_loss(expected, probabilities, labels=labels),
        }
    )

curves = []
for count, ties in [(30, False), (200, True), (500, False)]:
    positive = rng.integers(0, 2, count)
    scores = np.clip(rng.normal(size=count) * 0.25 + 0.35 + 0.3 * positive, 0, 1)
    if ties:
        scores = np.round(scores, 1)
    fpr, tpr, _ = m.roc_curve(positive, scores, drop_intermediate=False)
    curves.append(
        {
            "positive": positive.tolist(),
            "scores": scores.tolist(),
            "auc": m.roc_auc_score(positive, scores),
            "averagePrecision": m.average_precision_score(positive, scores),
            "ks": float((tpr - fpr).max()),
            "brier": m.brier_score_loss(positive, scores),
        }
    )
multi = []
for labels, count in [(4, 30), (6, 80)]:
    expected = (rng.random((count, labels)) < 0.3).astype(int)
    predicted = np.where(rng.random((count, labels)) < 0.8, expected, 1 - expected)
    predicted[:, -1] = 0
    multi.append(
        {
            "labels": labels,
            "expected": [np.flatnonzero(row).tolist() for row in expected],
            "named": [np.flatnonzero(row).tolist() for row in predicted],
            "macroF1": m.f1_score(expected, predicted, average="macro", zero_division=0),
            "microF1": m.f1_score(expected, predicted, average="micro", zero_division=0),
            "exact": m.accuracy_score(expected, predicted),
            "hamming": m.hamming_loss(expected, predicted),
        }
    )
print(json.dumps({"cases": cases, "curves": curves, "multi": multi}, separators=(",", ":")))
