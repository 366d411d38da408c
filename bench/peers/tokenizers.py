"""Trains and runs byte-level BPE with Hugging Face's tokenizers. One line of settings in, then "run"; a line of JSON out each."""

import json
import os
import sys
import time

# a program of this name must not hide the package
sys.path = [place for place in sys.path if os.path.abspath(place or ".") != os.path.dirname(os.path.abspath(__file__))]
import tokenizers  # noqa: E402
from tokenizers import Tokenizer, models, pre_tokenizers, trainers  # noqa: E402

settings = json.loads(sys.stdin.readline())
with open(settings["file"], "rb") as file:
    texts = file.read(settings["maxBytes"]).decode("utf-8", "ignore").split("\n")
megabytes = sum(len(text.encode()) for text in texts) / 1e6


def train():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=settings["vocabularySize"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


tokenizer = train()
print(json.dumps({"ready": True, "version": tokenizers.__version__}), flush=True)


def encode():
    for text in texts:
        tokenizer.encode(text).ids


def encode_batch():
    for row in tokenizer.encode_batch(texts):
        row.ids


# by the number after "run"
measured = {"1": ("trainSeconds", train), "2": ("megabytesPerSecond", encode), "3": ("megabytesPerSecond", encode_batch)}
for line in sys.stdin:
    command, _, which = line.strip().partition(" ")
    if command != "run":
        break
    key, work = measured[which]
    started = time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    print(json.dumps({key: seconds if key == "trainSeconds" else megabytes / seconds}), flush=True)
