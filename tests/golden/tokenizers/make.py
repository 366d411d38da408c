"""Makes one small file per kind of tokenizer: its tokenizer.json, and the ids of TEXTS.

    python -m venv venv && venv/bin/pip install tokenizers==0.23.3 sentencepiece==0.2.3 protobuf
    venv/bin/python tests/golden/tokenizers/make.py [FOLDER]
"""

import json
import os
import sys
import tempfile

from tokenizers import (
    AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers,
)

from texts import TEXTS, TRAINING

HERE = os.path.dirname(os.path.abspath(__file__))
GPT2 = ["<|endoftext|>"]
LLAMA3_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2_PATTERN = LLAMA3_PATTERN.replace(r"\p{N}{1,3}", r"\p{N}")
ALPHABET = sorted(pre_tokenizers.ByteLevel.alphabet())
THINK = [AddedToken("<think>", normalized=False, special=False), AddedToken("</think>", normalized=True, special=False)]


def byte_level(size, pre_tokenizer, normalizer=None, ignore_merges=False, special=GPT2):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=special, initial_alphabet=ALPHABET, show_progress=False)
    tokenizer.train_from_iterator(TRAINING, trainer)
    tokenizer.add_tokens(THINK)
    tokenizer.encode_special_tokens = True
    return tokenizer


def split_then_bytes(pattern):
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])


def bert(lowercase):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=500, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(TRAINING, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.encode_special_tokens = True
    return tokenizer


BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def character_bpe():
    """As transformers converts Llama 2 from SentencePiece: no pre-tokenizer, so that a text is one piece."""
    special = ["<unk>", "<s>", "</s>"] + BYTES
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    trainer = trainers.BpeTrainer(vocab_size=500 + len(special), special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator((word + " " for text in TRAINING for word in text.split(" ")), trainer)
    content = json.loads(tokenizer.to_str())
    content["model"]["byte_fallback"] = True
    content["added_tokens"] = [token for token in content["added_tokens"] if not token["content"].startswith("<0x")]
    tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B:1", special_tokens=[("<s>", 1)])
    tokenizer.add_tokens(THINK)
    tokenizer.encode_special_tokens = True
    return tokenizer


def unigram(normalizer, pre_tokenizer, byte_fallback=False):
    tokenizer = Tokenizer(models.Unigram())
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    special = ["<pad>", "</s>", "<unk>"] + (BYTES if byte_fallback else [])
    trainer = trainers.UnigramTrainer(
        vocab_size=400 + len(special), special_tokens=special, unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(TRAINING, trainer)
    if byte_fallback:
        content = json.loads(tokenizer.to_str())
        content["model"]["byte_fallback"] = True
        content["added_tokens"] = [token for token in content["added_tokens"] if not token["content"].startswith("<0x")]
        content["decoder"] = json.loads(
            file_with_decoder(decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="first")]))
        )["decoder"]
        tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.add_tokens(THINK)
    tokenizer.encode_special_tokens = True
    return tokenizer


def file_with_decoder(decoder):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.decoder = decoder
    return tokenizer.to_str()


def charsmap(rules):
    """sentencepiece's own form of normalisation rules: a table of "from TAB to" in hexadecimal, or the name of one of its own."""
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2 as pb

    with tempfile.TemporaryDirectory() as folder:
        options = {"normalization_rule_name": rules}
        if "\t" in rules:
            with open(f"{folder}/rules.tsv", "w") as file:
                file.write(rules)
            options = {"normalization_rule_tsv": f"{folder}/rules.tsv"}
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(TRAINING), model_prefix=f"{folder}/m", vocab_size=500, hard_vocab_limit=False, minloglevel=2, **options
        )
        model = pb.ModelProto()
        with open(f"{folder}/m.model", "rb") as file:
            model.ParseFromString(file.read())
        return model.normalizer_spec.precompiled_charsmap


RULES = "".join(
    f"{' '.join(f'{ord(c):X}' for c in before)}\t{' '.join(f'{ord(c):X}' for c in after)}\n"
    for before, after in [
        ("ﬁ", "fi"), ("ﬀ", "ff"), ("①", "1"), ("②", "2"), ("™", "TM"), ("㎏", "kg"), ("\u3000", " "), ("\u00a0", " "), ("\u0085", " "),
        ("\t", " "), ("\n", " "), ("\r", " "), ("\u200b", " "), ("e\u0301", "é"), ("A\u030a", "Å"), ("a\u0300", "à"), ("\u212b", "Å"), ("ﾊﾟ", "パ"),
        ("ﾊ", "ハ"), ("ｶ", "カ"), ("\ufeff", ""), ("\r\n", " "), ("Ⅳ", "IV"), ("½", "1⁄2"),
    ]
)


def precompiled(rules):
    return normalizers.Precompiled(charsmap(rules))


def kinds(rules):
    return {
        "gpt2": lambda: byte_level(420, pre_tokenizers.ByteLevel(add_prefix_space=False)),
        "llama3": lambda: byte_level(460, split_then_bytes(LLAMA3_PATTERN), ignore_merges=True),
        "qwen2": lambda: byte_level(420, split_then_bytes(QWEN2_PATTERN), normalizer=normalizers.NFC()),
        "smollm": lambda: byte_level(420, pre_tokenizers.Sequence([
            pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])),
        "llama2": character_bpe,
        "bert-uncased": lambda: bert(True),
        "bert-cased": lambda: bert(False),
        "t5": lambda: unigram(normalizers.Sequence([precompiled(rules), normalizers.Replace(Regex(" {2,}"), " ")]),
                              pre_tokenizers.Metaspace(prepend_scheme="always")),
        "xlmr": lambda: unigram(normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()]), pre_tokenizers.Sequence([
            pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")])),
        "albert": lambda: unigram(normalizers.Sequence([
            normalizers.Replace("``", '"'), normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()]),
            pre_tokenizers.Metaspace(prepend_scheme="first"), byte_fallback=True),
        "unsplit": lambda: unigram(None, pre_tokenizers.Metaspace(prepend_scheme="never", split=False), byte_fallback=True),
    }


def describe(tokenizer, texts):
    content = json.loads(tokenizer.to_str())
    ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    decoded = [tokenizer.decode(row, skip_special_tokens=True) for row in ids]
    return {"file": content, "ids": ids, "decoded": decoded}


if __name__ == "__main__":
    folder = sys.argv[1] if len(sys.argv) > 1 else HERE
    with open(f"{folder}/texts.json", "w") as file:
        json.dump({"training": TRAINING, "texts": TEXTS}, file, ensure_ascii=False)
    for name, make in kinds(RULES).items():
        with open(f"{folder}/{name}.json", "w") as file:
            json.dump(describe(make(), TEXTS), file, ensure_ascii=False, separators=(",", ":"))
