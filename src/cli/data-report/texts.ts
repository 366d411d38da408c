/** Every word of the data report, in both languages. */
export const reportLanguages = ['en', 'zh-CN'] as const;
export type ReportLanguage = (typeof reportLanguages)[number];

export interface ReportTexts {
  readonly title: string;
  readonly read: string;
  readonly kept: string;
  readonly dropped: string;
  readonly validation: string;
  readonly test: string;
  readonly documents: string;
  readonly files: string;
  readonly reasonsTitle: string;
  readonly reasonsCaption: string;
  readonly examples: string;
  readonly languagesTitle: string;
  readonly languagesCaption: string;
  readonly originsTitle: string;
  readonly origin: string;
  readonly licencesTitle: string;
  readonly licence: string;
  readonly unknownLicence: string;
  readonly maskedTitle: string;
  readonly maskedCaption: string;
  readonly lengthsTitle: string;
  readonly lengthsCaption: (unit: 'tokens' | 'characters') => string;
  readonly quantiles: (median: string, most: string, longest: string) => string;
  readonly cutsTitle: string;
  readonly cutsIntro: string;
  readonly context: string;
  readonly longerDocuments: string;
  readonly lost: string;
  readonly copiesTitle: string;
  readonly copiesIntro: string;
  readonly keptText: string;
  readonly droppedText: string;
  readonly settingsTitle: string;
  readonly why: string;
  /** By the name of the reason; the others speak for themselves. */
  readonly reasons: Readonly<Record<string, string>>;
}

const en: ReportTexts = {
  title: 'What is in your data',
  read: 'read',
  kept: 'kept',
  dropped: 'dropped',
  validation: 'tell when to stop',
  test: 'measure the model',
  documents: 'documents',
  files: 'files',
  reasonsTitle: 'What was left out, and why',
  reasonsCaption: 'Documents by reason, and the share of the text that was read',
  examples: 'examples',
  languagesTitle: 'Languages',
  languagesCaption: 'Text that was kept, by language',
  originsTitle: 'Where it comes from',
  origin: 'source',
  licencesTitle: 'Licences',
  licence: 'licence',
  unknownLicence: 'unknown',
  maskedTitle: 'Personal data',
  maskedCaption: 'Replaced in the texts by a word in brackets, such as [email]',
  lengthsTitle: 'How long the documents are',
  lengthsCaption: (unit) =>
    unit === 'tokens'
      ? 'Documents by length in tokens'
      : 'Documents by length in characters: there is no tokenizer yet',
  quantiles: (median, most, longest) =>
    `Half are no longer than ${median}, 95 % no longer than ${most}, the longest has ${longest}.`,
  cutsTitle: 'What a context length would cost',
  cutsIntro: 'Documents longer than the context are cut when they are read alone; this is what would be lost.',
  context: 'context',
  longerDocuments: 'longer documents',
  lost: 'lost',
  copiesTitle: 'Copies, side by side',
  copiesIntro: 'The text that was dropped, and the earlier one that was kept.',
  keptText: 'kept',
  droppedText: 'dropped',
  settingsTitle: 'How it was made',
  why: 'moat data why ID says what became of one document.',
  reasons: {
    'too-short': 'shorter than the setting data.minCharacters asks for',
    'too-long': 'longer than a million characters',
    empty: 'nothing left after cleaning',
    'exact-duplicate': 'the same text as an earlier one, white space apart',
    'near-duplicate': 'shares most of its 5-grams with an earlier one (MinHash)',
    language: 'written in another language than data.languages names',
    licence: 'its licence may not be trained on',
    'personal-data': 'holds personal data, and data.personalData is "drop"',
    'test-text': 'shares 13 words in a row with a test set',
    'bad-jsonl': 'a line that is not JSON',
    'bad-table': 'a row whose quotes or cells are wrong',
    'unknown-shape': 'no field that holds a text; name one with --text-field',
    'symbolic-link': 'links are not followed',
    'unpacks-too-far': 'an archive made to fill a disk, it seems',
    damaged: 'cut off or damaged',
    encrypted: 'needs a password',
    binary: 'no text',
    'invalid-utf8': 'bytes in no encoding that is known for sure',
    'no-text': 'a scan: it needs OCR first',
    dup_line_frac: 'too many lines stand there twice (Gopher)',
    dup_para_frac: 'too many paragraphs stand there twice (Gopher)',
    flagged_words: 'too many obscene or hateful words',
    zh_alphanumeric_ratio: 'hardly any letters (Data-Juicer)',
    zh_character_repetition: 'the same characters again and again (Data-Juicer)',
  },
};

const zh: ReportTexts = {
  title: '数据报告',
  read: '读入',
  kept: '保留',
  dropped: '剔除',
  validation: '验证集',
  test: '测试集',
  documents: '篇',
  files: '个文件',
  reasonsTitle: '剔除了什么，为什么',
  reasonsCaption: '按原因统计的篇数，以及占读入文本的比例',
  examples: '例子',
  languagesTitle: '语言',
  languagesCaption: '保留文本的语言构成',
  originsTitle: '数据来源',
  origin: '来源',
  licencesTitle: '许可证',
  licence: '许可证',
  unknownLicence: '未知',
  maskedTitle: '个人信息',
  maskedCaption: '已在文本中替换为方括号标记，例如 [email]',
  lengthsTitle: '文档长度',
  lengthsCaption: (unit) => (unit === 'tokens' ? '按词元数统计的文档分布' : '按字符数统计的文档分布（尚未训练分词器）'),
  quantiles: (median, most, longest) => `一半文档不超过 ${median}，95 % 不超过 ${most}，最长 ${longest}。`,
  cutsTitle: '上下文长度的代价',
  cutsIntro: '单独读入时，超出上下文的部分会被截断。下表是各长度下的损失。',
  context: '上下文',
  longerDocuments: '超长文档',
  lost: '损失',
  copiesTitle: '重复文本对照',
  copiesIntro: '左边是被剔除的文本，右边是先前保留的文本。',
  keptText: '保留',
  droppedText: '剔除',
  settingsTitle: '制作方式',
  why: '用 moat data why ID 查询任意一篇文档的去向。',
  reasons: {
    'too-short': '短于设置项 data.minCharacters',
    'too-long': '超过一百万字符',
    empty: '清洗后没有内容',
    'exact-duplicate': '与先前某篇完全相同（不计空白）',
    'near-duplicate': '与先前某篇的 5 元组大部分相同（MinHash）',
    language: '不是 data.languages 所列的语言',
    licence: '许可证不允许用于训练',
    'personal-data': '含个人信息，而 data.personalData 设为 "drop"',
    'test-text': '与测试集有 13 个连续词相同',
    'bad-jsonl': '该行不是 JSON',
    'bad-table': '该行的引号或列数有误',
    'unknown-shape': '没有存放文本的字段，请用 --text-field 指定',
    'symbolic-link': '不跟随链接',
    'unpacks-too-far': '压缩包展开后异常巨大',
    damaged: '文件不完整或已损坏',
    encrypted: '需要密码',
    binary: '不是文本',
    'invalid-utf8': '无法确定编码',
    'no-text': '扫描件，需先做文字识别',
    dup_line_frac: '重复的行过多（Gopher）',
    dup_para_frac: '重复的段落过多（Gopher）',
    flagged_words: '辱骂或淫秽词语过多',
    zh_alphanumeric_ratio: '几乎没有文字（Data-Juicer）',
    zh_character_repetition: '同样的文字反复出现（Data-Juicer）',
  },
};

export const reportTexts: Readonly<Record<ReportLanguage, ReportTexts>> = { en, 'zh-CN': zh };
