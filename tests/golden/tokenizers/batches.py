"""Truncated and padded batches by Hugging Face tokenizers 0.23.3: `python batches.py > batches.json`."""

import json

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

words = "the a cat dog runs sleeps over under wall tree and then looks back at me".split()
specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
vocab = {token: index for index, token in enumerate(specials + words)}
tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=100))
tokenizer.normalizer = normalizers.BertNormalizer()
tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
tokenizer.add_special_tokens(specials)
bert = processors.TemplateProcessing(
    single="[CLS] $A [SEP]",
    pair="[CLS] $A [SEP] $B:1 [SEP]:1",
    special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
)
roberta = processors.RobertaProcessing(("[SEP]", 3), ("[CLS]", 2))
older = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))

long = "the cat runs over the wall and then looks back at me under a tree"
singles = [long, "a dog sleeps", "", "the cat"]
pairs = [[long, "a dog sleeps"], ["a dog", long], [long, long], ["", "me"]]
truncations = [
    None,
    {"max_length": 8, "stride": 0, "strategy": "longest_first", "direction": "right"},
    {"max_length": 8, "stride": 2, "strategy": "longest_first", "direction": "right"},
    {"max_length": 8, "stride": 2, "strategy": "longest_first", "direction": "left"},
    {"max_length": 7, "stride": 0, "strategy": "longest_first", "direction": "left"},
    {"max_length": 12, "stride": 1, "strategy": "longest_first", "direction": "right"},
]
only = [
    {"max_length": 9, "stride": 0, "strategy": "only_first", "direction": "right"},
    {"max_length": 9, "stride": 0, "strategy": "only_second", "direction": "left"},
]
paddings = [
    None,
    {"direction": "right", "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]", "length": None, "pad_to_multiple_of": None},
    {"direction": "left", "pad_id": 0, "pad_type_id": 1, "pad_token": "[PAD]", "length": None, "pad_to_multiple_of": 8},
    {"direction": "right", "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]", "length": 10, "pad_to_multiple_of": 4},
]

cases = []


def run(processor_name, processor, inputs, truncation, padding):
    tokenizer.post_processor = processor
    tokenizer.no_truncation()
    tokenizer.no_padding()
    if truncation is not None:
        tokenizer.enable_truncation(**truncation)
    if padding is not None:
        tokenizer.enable_padding(**padding)
    written = json.loads(tokenizer.to_str())
    encoded = tokenizer.encode_batch([tuple(text) if isinstance(text, list) else text for text in inputs])
    cases.append(
        {
            "post_processor": processor_name,
            "inputs": inputs,
            "truncation": written["truncation"],
            "padding": written["padding"],
            "rows": [
                {"ids": e.ids, "types": e.type_ids, "mask": e.attention_mask}
                | ({} if isinstance(text, list) else {"overflowing": [o.ids for o in e.overflowing]})
                for text, e in zip(inputs, encoded)
            ],
        }
    )


processors_by_name = {"template": bert, "bert": older, "roberta": roberta}
for name, processor in processors_by_name.items():
    for truncation in truncations:
        for padding in paddings:
            run(name, processor, singles, truncation, padding)
            # of two texts each is cut: how far they overlap is a matter of one text
            cut = truncation and {**truncation, "stride": 0}
            run(name, processor, pairs, cut, padding)
for truncation in only:
    run("template", bert, [[long, "a"] if truncation["strategy"] == "only_first" else ["a", long]], truncation, None)

tokenizer.no_truncation()
tokenizer.no_padding()
files = {}
for name, processor in processors_by_name.items():
    tokenizer.post_processor = processor
    files[name] = json.loads(tokenizer.to_str())
print(json.dumps({"post_processors": {n: f["post_processor"] for n, f in files.items()}, "tokenizer": files["template"], "cases": cases}, separators=(",", ":")))
