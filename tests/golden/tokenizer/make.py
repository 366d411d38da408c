"""Makes reference.json: what Hugging Face's tokenizers trains on, and encodes from, the texts below.

    python -m venv venv && venv/bin/pip install tokenizers==0.23.3 transformers==5.23.0 jinja2
    venv/bin/python tests/golden/tokenizer/make.py
"""

import json
import os
import random
import tempfile

import tokenizers
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

SPECIAL = ["<|endoftext|>", "<|pad|>", "<|im_start|>", "<|im_end|>"]
VOCABULARY_SIZE = 420
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)

random.seed(7)
WORDS = "the of and to in buffer stream returns value callback error file path aaaa aaaaaa abab 数据 模型 语言 don't we're".split()
TRAINING = [" ".join(random.choice(WORDS) for _ in range(60)) + "\n" * (1 + i % 3) for i in range(40)]
TRAINING += ["  indented\n    code();\n\treturn 12345;", "天気がいいので散歩に行きましょう。" * 3, "😀😃😄 emoji 😀", "----====----"]

TEXTS = [
    "",
    " ",
    "   three spaces",
    "trailing   ",
    "the buffer returns a value",
    "aaaaaaaaaaaaaaa",
    "a" * 500,
    "DON'T we're 'tis I'll I'd I've I'm",
    "x \ufeffy",
    "x \u0085y",
    "\ufeff@Article",
    "a\u00a0b\u2003c\u3000d\u180ee\u200bf",
    "𠮷野家 数据模型",
    "１２３４５ ½ ²³ Ⅷ",
    "\n\n\n  \n\tx",
    "e\u0301 é ﬁ ǅ",
    "👨‍👩‍👧‍👦 🇨🇳",
    "\x00\x01\x7f",
    "<|endoftext|> in text <|im_end|>",
    "\r\n\r\n x",
]
CHATS = [
    [{"role": "user", "content": "Hello there"}],
    [{"role": "system", "content": "Be short."}, {"role": "user", "content": "\n\n  the value?"}, {"role": "assistant", "content": ""}],
]

tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
trainer = trainers.BpeTrainer(
    vocab_size=VOCABULARY_SIZE,
    special_tokens=SPECIAL,
    initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    show_progress=False,
)
tokenizer.train_from_iterator(TRAINING, trainer)

with tempfile.TemporaryDirectory() as folder:
    tokenizer.save(os.path.join(folder, "tokenizer.json"))
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as file:
        json.dump({"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": SPECIAL[0], "pad_token": SPECIAL[1], "chat_template": TEMPLATE}, file)
    fast = transformers.AutoTokenizer.from_pretrained(folder)
    chats = [fast.apply_chat_template(chat, add_generation_prompt=True, return_dict=False) for chat in CHATS]

# Text that spells a special token is plain text, as in Moat.
tokenizer.encode_special_tokens = True
serialized = json.loads(tokenizer.to_str())
golden = {
    "versions": {"tokenizers": tokenizers.__version__, "transformers": transformers.__version__},
    "vocabularySize": VOCABULARY_SIZE,
    "training": TRAINING,
    "vocab": serialized["model"]["vocab"],
    "merges": serialized["model"]["merges"],
    "encodings": [{"text": text, "ids": tokenizer.encode(text).ids} for text in TEXTS],
    "chats": [{"messages": chat, "ids": list(ids)} for chat, ids in zip(CHATS, chats)],
    # Ids whose bytes are cut inside characters, and what the reference makes of them.
    "decodings": [
        {"ids": ids, "text": tokenizer.decode(ids)}
        for text in ["𠮷野家", "👨‍👩‍👧", "é数"]
        for whole in [tokenizer.encode(text).ids]
        for ids in (whole[1:], whole[:-1], whole[::-1])
    ],
}
with open(os.path.join(os.path.dirname(__file__), "reference.json"), "w") as file:
    json.dump(golden, file, ensure_ascii=True, separators=(",", ":"))
    file.write("\n")
