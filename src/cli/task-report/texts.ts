/** The words of the page on a task, in both languages. */
import type { ReportLanguage } from '../data-report/texts.js';

export interface TaskTexts {
  readonly train: string;
  readonly validation: string;
  readonly test: string;
  readonly records: string;
  readonly scores: string;
  readonly scoresIntro: string;
  readonly metric: string;
  readonly thisModel: string;
  readonly verdicts: string;
  readonly against: string;
  readonly difference: string;
  readonly verdict: Readonly<Record<'better' | 'worse' | 'not decisive', string>>;
  readonly slices: string;
  readonly slice: string;
  readonly examples: string;
  readonly worst: string;
  readonly worstIntro: string;
  readonly input: string;
  readonly expected: string;
  readonly given: string;
  readonly facts: string;
  readonly leftOut: string;
  readonly cost: string;
  readonly seconds: string;
  /** Titles of tasks and names of baselines, where the language has other words for them. */
  readonly words: Readonly<Record<string, string>>;
}

export const taskTexts: Readonly<Record<ReportLanguage, TaskTexts>> = {
  en: {
    train: 'to train on',
    validation: 'to tell when to stop',
    test: 'to measure with',
    records: 'records read',
    scores: 'Figures',
    scoresIntro: 'On the test examples, which training never saw; intervals are 95 %, by bootstrap over examples.',
    metric: 'figure',
    thisModel: 'this model',
    verdicts: 'Is it better?',
    against: 'against',
    difference: 'difference (95 %)',
    verdict: { better: 'better', worse: 'worse', 'not decisive': 'not decisive' },
    slices: 'By group',
    slice: 'group',
    examples: 'examples',
    worst: 'The worst answers',
    worstIntro: 'Those the model was surest of and wrong about; often it is the label that is wrong.',
    input: 'text',
    expected: 'is',
    given: 'was called',
    facts: 'How it was made',
    leftOut: 'records left out',
    cost: 'cost',
    seconds: 'seconds to fit',
    words: {},
  },
  'zh-CN': {
    train: '训练样本',
    validation: '验证样本',
    test: '测试样本',
    records: '读入记录',
    scores: '指标',
    scoresIntro: '均在训练从未见过的测试样本上计算；括号内为按样本自助法（bootstrap）得到的 95% 置信区间。',
    metric: '指标',
    thisModel: '本模型',
    verdicts: '真的更好吗？',
    against: '对比对象',
    difference: '差值（95% 区间）',
    verdict: { better: '更好', worse: '更差', 'not decisive': '尚无定论' },
    slices: '分组结果',
    slice: '分组',
    examples: '样本数',
    worst: '错得最离谱的回答',
    worstIntro: '模型最有把握却答错的样本；很多时候是标注本身有误。',
    input: '文本',
    expected: '实际',
    given: '判为',
    facts: '模型是怎样得到的',
    leftOut: '未采用的记录',
    cost: '成本',
    seconds: '训练耗时（秒）',
    words: {
      'Text classification': '文本分类',
      'Several topics of a text': '多主题标注',
      alone: '单独训练',
      'The answer within a text': '抽取式问答（在原文中找答案）',
      'the sentence most like the question (BM25)': '与问题最相似的句子（BM25）',
      'the first sentence': '第一句话',
      'Names and figures in a text': '实体识别（人名、机构、个人信息）',
      'what was an entity in training is one again': '训练中出现过的实体，再出现时照样标出',
      'the patterns that mask personal data': '数据清洗用的个人信息正则',
      'Classes of rows of a table': '表格分类',
      'Answers from documents': '基于文档的问答',
      'Sentence vectors and search': '句向量与检索',
      Translation: '翻译',
      'What a user will want next': '序列推荐',
      'What of a list is clicked': '点击率预估与排序',
      'Following instructions': '指令遵循',
      'Multiple choice': '选择题',
      'a choice by lot': '随机选择',
      'always the longest choice': '永远选最长的选项',
      'TF-IDF (character 1–3-grams) + logistic regression': 'TF-IDF（1–3 字符元组）+ 逻辑回归',
      'the same, its penalty chosen on the validation examples': '同上，惩罚系数在验证集上选定',
      'always the most frequent label': '永远猜最常见的标签',
      'TF-IDF (character 1–3-grams) + logistic regression a label, at one half':
        '每个标签一个 TF-IDF + 逻辑回归，阈值 0.5',
      'always the most frequent set of labels': '永远猜最常见的标签组合',
      'logistic regression': '逻辑回归',
      'the first documents of the base, never refusing': '总是给出前几篇文档，从不拒答',
      'TF-IDF of character 2–4-grams: names and figures that stand in both':
        '2–4 字符元组的 TF-IDF：靠两边共有的名称和数字',
      'copy of the source': '照抄原文',
      'translation of the nearest training sentence': '最相近训练句的译文',
      'the most popular items': '最热门的物品',
      'click rate of the item': '物品的历史点击率',
      'what most often followed the last item': '最常跟在上一件之后的物品',
    },
  },
};
