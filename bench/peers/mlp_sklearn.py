"""scikit-learn's MLPClassifier of the same shape on the splits that examples/tabular.ts wrote with --write-splits.
Run: python mlp_sklearn.py SPLITS.json  (needs scikit-learn and pandas)."""
import json
import sys

import pandas
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

splits = json.load(open(sys.argv[1]))
table = pandas.read_csv(splits["file"], keep_default_na=False)
labels = (table.pop(splits["target"]) == splits["positive"]).astype(int)
scores = []
for split in splits["splits"]:
    encode = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")))
    network = MLPClassifier(hidden_layer_sizes=splits["hidden"], max_iter=500, random_state=split["seed"])
    model = make_pipeline(encode, network)
    rows = split["train"] + split["validation"]
    model.fit(table.iloc[rows], labels.iloc[rows])
    auc = roc_auc_score(labels.iloc[split["test"]], model.predict_proba(table.iloc[split["test"]])[:, 1])
    scores.append(auc)
    print(f"split {split['seed']}: AUC {auc:.4f} (Moat {split['auc']:.4f})")
print(f"mean AUC {sum(scores) / len(scores):.4f} (Moat {sum(s['auc'] for s in splits['splits']) / len(scores):.4f})")
