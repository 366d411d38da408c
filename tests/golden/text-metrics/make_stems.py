"""Stems of NLTK's PorterStemmer, which rouge-score uses: `python make_stems.py debian-en-zh.jsonl > stems.json` (versions inside)."""
import json
import re
import sys

import nltk
from nltk.stem import porter
from rouge_score import rouge_scorer

text = " ".join(json.loads(line)["en"] for line in open(sys.argv[1], encoding="utf-8")).lower()
seen = sorted(set(re.findall(r"[a-z]+", text)))
extra = ("skies sky dying lying tying news innings howe succeed ties tied died spied flies cries enjoy by say happy happily "
         "analogically geology biological generally hopefully radically differentli conformabli formaliti sensibiliti caresses "
         "ponies agreed feed plastered bled motoring sing conflated troubled sized hopping falling hissing fizzed failing filing "
         "relational conditional vietnamization predication operator feudalism decisiveness hopefulness callousness triplicate "
         "formative electrical goodness revival allowance inference airliner gyroscopic adjustable irritant replacement adoption "
         "homologous communism activate effective probate rate cease controll roll oed ee iing").split()
stem = porter.PorterStemmer().stem
words = {word: stem(word) for word in [*seen[::3], *extra]}
scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)
pairs = [["The quick brown fox jumps over the lazy dog", "The quick brown dog jumps on the log."],
         ["Packages were installed and configured happily", "the package installs, configuring happy users"]]
rouge = [dict(target=t, prediction=p, **{name: list(score) for name, score in scorer.score(t, p).items()}) for t, p in pairs]
print(json.dumps(dict(madeBy=f"make_stems.py with nltk {nltk.__version__}, rouge-score 0.1.2", words=words, rouge=rouge), indent=0))
