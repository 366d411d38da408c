"""Trains byte-level BPE with Hugging Face's tokenizers on a file of a document a line, for bpe-merges.mts to compare with.

    venv/bin/python tests/campaigns/bpe-merges.py TEXTS OUT.json [VOCABULARY]    (the venv of tests/golden/tokenizers/make.py)
"""

import json
import sys

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

# no text holds them, so that they are nothing but the first ids
SPECIAL = [f"\ue000special{i}\ue000" for i in range(4)]

if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        texts = file.read().split("\n")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=int(sys.argv[3]) if len(sys.argv) > 3 else 8192,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=SPECIAL,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    ids = [tokenizer.encode(text).ids for text in texts]
    with open(sys.argv[2], "w") as file:
        json.dump({"merges": merges, "ids": ids}, file)
    print(len(merges), "merges,", sum(map(len, ids)), "tokens")
