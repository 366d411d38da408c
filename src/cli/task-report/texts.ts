/** The words of the page on a task, in both languages. */
import { CHINESE_TASK_WORDS } from '../../base/task-words.js';
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
    words: CHINESE_TASK_WORDS,
  },
};
