"""Encodes random texts with Hugging Face's tokenizers, for tokenizer-fuzz.mts to compare with.

    venv/bin/python tests/campaigns/tokenizer-fuzz.py FOLDER [COUNT] [SEED]    (the venv of tests/golden/tokenizers/make.py)
"""

import json
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "tokenizers"))
from make import kinds  # noqa: E402
from texts import random_text  # noqa: E402

if __name__ == "__main__":
    folder = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    r = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    texts = [random_text(r) for _ in range(count)]
    # a megabyte without a break, of one letter and of many
    texts += ["a" * (1 << 20), "".join(r.choice("abc学习") for _ in range(1 << 20)), "word " * 200_000]
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/texts.json", "w") as file:
        json.dump(texts, file)
    # sentencepiece's own full rules instead of the small table of the golden files
    for name, make in kinds("nmt_nfkc").items():
        tokenizer = make()
        ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
        decoded = [tokenizer.decode(row, skip_special_tokens=True) for row in ids]
        with open(f"{folder}/{name}.json", "w") as file:
            json.dump({"file": json.loads(tokenizer.to_str()), "ids": ids, "decoded": decoded}, file)
        print(name, sum(map(len, ids)), "tokens", flush=True)
