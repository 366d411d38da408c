"""Makes wordpiece/wordpiece.json: a small cased and a small uncased WordPiece tokenizer of Hugging Face `tokenizers`,
and the ids they give to awkward texts, alone, in pairs and cut. Run: python make_wordpiece.py"""
import json
import pathlib

import tokenizers
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PIECES = """the a an of to and un ##aff ##able run ##ning ##s ##ed ##ing hello world caf ##e ##é cafe café naive na ##ï
##ive über uber strasse straße stra ##ß ##sse o ##k 你 好 世 界 中 國 国 日 本 語 语 テ ##ス ##ト カ ##タ 한 ##국 한국어 한 ##국 ##어
ᄒ ##ᅡ ##ᆫ i ##̇ i̇ s ##t ##tanbul istanbul σ ##ο ##φ ##ο ##σ ##ς don ' t isn ##t . , ! ? - – — … “ ” « » ( ) [ ] { } / \\ @ # $ % ^ &
* _ + = < > | ~ ` ; : 3 ##3 1 ##4 ##2 ##0 ##. x ##x ##y ##z b ##b c ##c e é É The Hello World Café 🙂 ##🙂 👍 ##🏽 👩 ##‍ ##💻 ² ½ ⅓ € £ ¥
। ، 。 ， ！ ？ 「 」 a ##a ##aa ##aaa ##aaaa mask [ ] ##] m ##ask sep cls ##₂ h ##o ##2""".split()
TEXTS = ["hello world", "Hello, World!", "  the\trunning\r\nof  runs ", "unaffable", "Café cafe\u0301 naïve ÜBER Straße",
         "你好世界", "the中國and国", "日本語テスト カタカナ", "한국어", "İstanbul", "ΣΟΦΟΣ σοφος", "don't isn't", "a\u200bb c\u00adb x\ufeffy",
         "a\u00a0b\u3000c\u2028e", "🙂🙂 hello🙂", "👍🏽 👩‍💻", "a" * 100, "a" * 101, "x" + "y" * 60, "3.14 $3 x_y (a) [b] {c}",
         "“the” — «a» … – ok", "。，！？「」", "[MASK] of the [SEP]", "[mask] [CLS][PAD]hello[MASK]", "", " ", "\u0000\ufffd", "x² ½ ⅓ € £ ¥",
         "H₂O", "e\u0301\u0327", "\ue000private", "the\u0085of", "zzz", "running\u0301", "1/2\\3", "a-b_c~d`e^f", "।،", "\u202ethe\u202c"]
PAIRS = [["hello world", "the cafe"], ["the running of runs and a hello", "a"], ["a", "the running of runs and a hello"],
         ["hello hello hello hello", "world world world world"]]


def build(lowercase, strip_accents):
    vocabulary = {}
    for piece in SPECIAL + PIECES:
        vocabulary.setdefault(piece, len(vocabulary))
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase, strip_accents=strip_accents)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])])
    tokenizer.add_special_tokens([AddedToken(s, lstrip=s == "[MASK]", normalized=False, special=True) for s in SPECIAL])
    return tokenizer


def describe(tokenizer):
    cut = []
    for length in (5, 6, 7, 8, 9):
        tokenizer.enable_truncation(length)
        cut += [{"length": length, "ids": tokenizer.encode(a, b).ids, "types": tokenizer.encode(a, b).type_ids} for a, b in PAIRS]
    tokenizer.no_truncation()
    return {"file": json.loads(tokenizer.to_str()), "ids": [tokenizer.encode(text).ids for text in TEXTS],
            "pairs": [{"ids": tokenizer.encode(a, b).ids, "types": tokenizer.encode(a, b).type_ids} for a, b in PAIRS],
            "cut": cut}


golden = {"madeBy": f"tests/golden/encoders/make_wordpiece.py, tokenizers {tokenizers.__version__}", "texts": TEXTS,
          "pairs": PAIRS, "uncased": describe(build(True, None)), "cased": describe(build(False, None)),
          "accented": describe(build(True, False))}
path = pathlib.Path(__file__).parent / "wordpiece" / "wordpiece.json"
path.parent.mkdir(exist_ok=True)
path.write_text(json.dumps(golden, ensure_ascii=False) + "\n")
print(path.name, path.stat().st_size, "bytes")
