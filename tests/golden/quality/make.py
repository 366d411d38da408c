"""Verdicts of datatrove 0.10.1 (spaCy 3) on texts of ours: python make.py > cases.json

Each filter class of datatrove judges each text alone. Its word and sentence splitters are replaced by the definitions
that `text-statistics.ts` and `c4-lines.ts` state, so that the rules themselves are compared; `published` is Gopher's
verdict with the word splitter that datatrove ships.
"""
import json
import random

import regex
from datatrove.data import Document
from datatrove.pipeline.filters import (C4QualityFilter, FineWebQualityFilter, GopherQualityFilter,
                                        GopherRepetitionFilter)
from datatrove.pipeline.filters import (c4_filters, fineweb_quality_filter, gopher_quality_filter,
                                        gopher_repetition_filter)

WORD = regex.compile(r"[\p{L}\p{M}\p{N}_]+(?:['’.\-][\p{L}\p{M}\p{N}_]+)*|([^\s\p{L}\p{M}\p{N}_])\1*")
END = regex.compile(r"""[.?!]+["'”’)\]]*(?=\s|$)|[。？！]+[”’」』）]*""")
MODULES = [c4_filters, fineweb_quality_filter, gopher_quality_filter, gopher_repetition_filter]
SHIPPED = gopher_quality_filter.split_into_words


def words(text, language=None):
    return [m.group() for m in WORD.finditer(text)]


def sentences(text, language=None):
    ends = list(END.finditer(text))
    return [""] * (1 if not ends else len(ends) + (1 if ends[-1].end() < len(text.rstrip()) else 0))


def use(splitter):
    for module in MODULES:
        if hasattr(module, "split_into_words"):
            module.split_into_words = splitter
    c4_filters.split_into_sentences = sentences


NOUNS = "river market engine garden letter window doctor station harbour kitchen teacher village bridge forest".split()
VERBS = "crosses follows repairs watches paints carries visits describes measures explains".split()
ADVERBS = "slowly quietly early again today together outside carefully often gladly".split()
rng = random.Random(7)


def sentence():
    a, b, c = rng.sample(NOUNS, 3)
    return f"The {a} {rng.choice(VERBS)} the {b} {rng.choice(ADVERBS)} and goes to the {c} with {rng.randint(2, 99)} friends of {rng.choice(NOUNS)}{rng.randint(1, 999)}."


def page(lines, per_line=2):
    return "\n".join(" ".join(sentence() for _ in range(per_line)) for _ in range(lines))


TEXTS = [
    "I am your father.\n" * 4, "...\n\n" * 4, "I am Frank, I am Frank, I am Frank",
    "I am Frank, you are Jhon. I am Frank. I am Frank you are Jhon", "I am too small...", "I am " * 60,
    "interconnection " * 60, "# comment " * 60, "... comment " * 60, page(6), page(12), page(30), page(6) + "\n" + page(1) * 2,
    page(8) + "\n\n" + page(8), (page(2) + "\n\n") * 3, page(10).replace(".", ""), page(10) + "\nlorem ipsum dolor sit amet.",
    page(10) + "\nwe use JavaScript { here }.", page(10) + "\nif (x) { return y; } and so on.", page(10).replace(" the ", " "),
    "\n".join("- " + sentence() for _ in range(12)), "\n".join(sentence()[:-1] + "..." for _ in range(12)),
    "\n".join(sentence()[:25] for _ in range(40)), page(10) + "\nPlease read our privacy policy now.", page(3) + "x" * 1200 + ".",
    " ".join(str(rng.randint(0, 9999)) for _ in range(90)), page(2, 1), page(4, 1), page(5, 1) + "[12] [edit] Cited[citation needed].",
    "\n\n".join([page(3)] + [page(1)] * 3), "😀 " * 80, " ".join(["#tag"] * 9 + [page(4)]), page(20) + "\n" + "\n".join(["word"] * 70),
    "Der Hund läuft über die Straße. " * 3 + page(5), "", page(9).replace("\n", "\n\n\n"),
]


def verdict(filter_class, text):
    if text == "":
        return None
    try:
        result = filter_class().filter(Document(text=text, id="0"))
    except (ZeroDivisionError, AssertionError):
        return None
    return None if result is True else result[1]


CLASSES = {"gopher-repetition": GopherRepetitionFilter, "gopher-quality": GopherQualityFilter, "c4": C4QualityFilter,
           "fineweb": FineWebQualityFilter}
cases = []
for text in TEXTS:
    use(words)
    case = {"text": text, **{name: verdict(kind, text) for name, kind in CLASSES.items()}}
    if len(words(text)) >= 4:
        repetition = gopher_repetition_filter
        case["top"] = {n: repetition.find_top_duplicate(repetition.get_n_grams(words(text), n)) for n in (2, 3, 4)}
        case["duplicates"] = {n: repetition.find_all_duplicate(words(text), n) for n in range(5, 11)}
    use(SHIPPED)
    case["published"] = {name: verdict(CLASSES[name], text) for name in ("gopher-repetition", "gopher-quality")}
    cases.append(case)
print(json.dumps(cases, ensure_ascii=False, indent=0))
