"""Logistic regression and TF-IDF by scikit-learn 1.9.1: `python linear.py > linear.json`."""

import json

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

rng = np.random.default_rng(3)
fits = []
for classes, c in [(2, 1.0), (2, 0.1), (3, 1.0), (4, 10.0)]:
    x = rng.normal(size=(80, 5)).round(3)
    y = (x @ rng.normal(size=(5, classes)) + rng.normal(size=(80, classes))).argmax(1)
    model = LogisticRegression(C=c, max_iter=10000, tol=1e-10).fit(x, y)
    fits.append(
        {
            "classes": classes,
            "c": c,
            "x": x.ravel().tolist(),
            "y": y.tolist(),
            "coefficients": model.coef_.tolist(),
            "intercepts": model.intercept_.tolist(),
            "probabilities": model.predict_proba(x[:5]).tolist(),
        }
    )

texts = [
    "The box arrived on time, and the lamp works.",
    "the lamp broke after a day; the box was fine",
    "很好，物流很快，包装也不错",
    "质量太差了，用了两天就坏了，太差",
    "Good lamp. GOOD box! good price",
    "",
    "很好很好 good good",
]
vectors = []
for options in [
    {"analyzer": "char", "ngram_range": (1, 3)},
    {"analyzer": "char", "ngram_range": (2, 2), "min_df": 2, "sublinear_tf": True},
    {"analyzer": "word", "ngram_range": (1, 2)},
    {"analyzer": "char", "ngram_range": (1, 2), "max_features": 8},
]:
    vectorizer = TfidfVectorizer(**options)
    matrix = vectorizer.fit_transform(texts)
    rows = []
    for row in matrix:
        pairs = sorted(zip(row.indices.tolist(), row.data.tolist()))
        rows.append(pairs)
    vectors.append({"options": options, "features": vectorizer.get_feature_names_out().tolist(), "rows": rows})
print(json.dumps({"fits": fits, "texts": texts, "vectors": vectors}, separators=(",", ":"), ensure_ascii=False))
