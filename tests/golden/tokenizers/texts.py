"""Texts that tokenizers disagree about, and random ones of the same kind. Only valid UTF-8: no lone surrogates."""

TRAINING = [
    "The quick brown fox doesn't jump over 12 lazy dogs; I'll say it's 3.14159, won't you? They've said WE'RE HERE.",
    "Tokenizers cut text into pieces, and the pieces into tokens. The more often a piece occurs, the fewer tokens it takes.",
    "A model that learns the language of the people learns the words of the people: the, of, and, to, in, that, is, it.",
    "今天天气很好，我们去公园散步。人工智能模型正在学习中文和英文。学习，学习，再学习！",
    "明月几时有？把酒问青天。不知天上宫阙，今夕是何年。我欲乘风归去，又恐琼楼玉宇，高处不胜寒。",
    "東風夜放花千樹，更吹落、星如雨。寶馬雕車香滿路。鳳簫聲動，玉壺光轉，一夜魚龍舞。",
    "def train(model, texts):\n    for text in texts:\n        loss = model(text)\n        loss.backward()\n    return loss\n",
    "const tokens = text.split(' ').map((word) => word.length);\n\tif (tokens[0] === 100) {\n\t\treturn 2026;\n\t}\r\n",
    "Ein Bär saß über dem Fluß und aß Äpfel. Élève, façade, naïve, coöperate, señor, Ångström.",
    "Привет, мир! Как дела? Модель учится. Καλημέρα κόσμε. ΟΔΥΣΣΕΥΣ. नमस्ते दुनिया। สวัสดีชาวโลก مرحبا بالعالم",
    "こんにちは世界。カタカナとひらがな。안녕하세요 세계.",
    "😀 😃 👍🏽 👩‍👩‍👧‍👦 🇨🇳 ❤️ 😀😀",
]

TEXTS = [
    "", " ", "  ", "\n", "\r\n", "\t", "a", " a", "a ", "a  b", "  a  b  ", "Hello world", "hello WORLD's",
    "don't DON'T I'll I'LL they've THEY'VE we're WE'RE it's IT'S I'd I'D I'm I'M", "'s 's'S ''s 'ſ 'LL'll", "don’t it’s",
    "1 12 123 1234 12345 123456789 3.14159 1,000,000", "x1y22z333", "٣٤٥ ४५६ ½ ² Ⅳ 一二三 ①②", "a1b2 2026年11月23日",
    "今天天气很好", "今天 天气，很好！ABC123中文", "\u3400\u4dbf\U00020000\U0002a6df\U00030000\U0002ebf0", "龘靐齉爩 𠮷野家 𪚥", "豈更車\uf900\ufa0e\U0002f800",
    "こんにちは カタカナ ｶﾀｶﾅ ﾊﾟ", "안녕하세요 한글", "Привет, МИР", "ΟΔΥΣΣΕΥΣ Σ σς", "नमस्ते क्षत्रिय", "สวัสดีชาวโลก", "مرحبا بالعالم",
    "😀", "👩‍👩‍👧‍👦 👍🏽", "🇨🇳🇺🇸🇩", "❤️ ❤ 1️⃣ #️⃣", "é e\u0301 ê\u0323 a\u0300\u0301\u0302\u0303", "Å \u212b \u00c5 A\u030a ﬁ ﬀ ① ㎏ ™", "İstanbul ıI Straße ẞ ǅ", "\u0301a \u0301",
    "a\u0000b\u0000", "\u0000", "a\u0001\u007f\u0080\u009fb", "line\r\nline\rline\n\n\n  line\t\tx\n ", "trailing   ", "a\u00a0b\u00a0\u00a0c", "a\u0085b\u0085\u0085", "\ufeffBOM\ufeff",
    "\u3000全角　空格\u3000\u3000", "a\u200bb\u200cc\u200dd\u2060e\u00adf", "a\u2028b\u2029c\u1680d\u2003e\u202ff", "\u180ea\u061cb",
    "a" * 300, "ab" * 200, " " * 130 + "x", "\n" * 70, "中" * 120, "=" * 90 + "-" * 41, "😀" * 40,
    "<|endoftext|> <think>hm</think> <s></s> [CLS] [MASK] <unk> <pad> <|im_start|>", "<think><think> <think>\n\n</think>a<think", "x<think>y", "▁a ▁▁b ▁", "<0x41> <0x0A> ##ing Ġthe Ċ",
    "def f(x):\n    return x**2  # square\n", "https://example.com/a?b=c&d=%20", "\ue000\uf8ff\U000f0000\U0010ffff \ufffd \ufffe \u0378 \U0001fae8", "``quoted'' `x`  ~ „a“ «b» …‥ —–",
]

UNITS = [
    lambda r: chr(r.randrange(32, 127)), lambda r: chr(r.randrange(0, 128)), lambda r: chr(r.randrange(0x80, 0x800)),
    lambda r: chr(r.randrange(0x4E00, 0x9FFF)), lambda r: chr(r.randrange(0x20000, 0x2A6DF)), lambda r: chr(r.randrange(0x0300, 0x0370)),
    lambda r: chr(r.randrange(0x1F300, 0x1FAFF)), lambda r: chr(r.choice([0x200D, 0xFE0F, 0x1F3FD, 0x1F1E8, 0x1F1F3, 0x200B, 0xAD])),
    lambda r: r.choice([" ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u0085", "\u3000", "\u2028", "\ufeff", "\0", "   \n"]),
    lambda r: r.choice(["'s", "'LL", "'Ve", "'T", "12", "345", "9", "，", "。", "!", "...", "▁", "Σ", "İ", "ſ", "K"]),
    lambda r: r.choice(["<think>", "</think>", "[MASK]", "<|endoftext|>", "</s>", "<unk>", "<0x0A>", "##a"]),
    lambda r: r.choice(["the", " of", "ing", "model", " token", "学习", "今天", "return", "    "]),
    lambda r: chr(r.randrange(0xD800)), lambda r: chr(r.randrange(0xE000, 0x110000)), lambda r: chr(r.randrange(0xD800, 0xE000)),
]


def random_text(r):
    """A few kinds of characters per text, so that long pieces of one kind arise too; lone surrogates become U+FFFD."""
    units = r.sample(UNITS, r.randrange(1, 6))
    text = "".join(r.choice(units)(r) for _ in range(r.randrange(1, 60)))
    return "".join("\ufffd" if 0xD800 <= ord(c) < 0xE000 else c for c in text)
