/** What the plan says, in English and Chinese; `satisfies` keeps the two whole. */
import type { BusinessLanguage } from '../../company/business/figures.js';

interface PlanTexts {
  title: string;
  buys(budget: string): string;
  law: string;
  lawNote(runs: number, noise: string): string;
  checkTitle: string;
  held(name: string, predicted: string, measured: string): string;
  missed(name: string, predicted: string, measured: string): string;
  unchecked(name: string, why: string): string;
  reach(times: string): string;
  runsTitle: string;
  runsNote(time: string, cost: string): string;
  leftOut: string;
  sources: string;
  limits: readonly string[];
  textsUsedUp: string;
  columns: Readonly<
    Record<
      'device' | 'depth' | 'parameters' | 'tokens' | 'passes' | 'time' | 'cost' | 'bits' | 'loss' | 'run' | 'source',
      string
    >
  >;
  thisMachine: string;
  noPrice: string;
  notOneStep: string;
  free: string;
}

const en: PlanTexts = {
  title: 'What a budget buys',
  buys: (budget) => `What ${budget} buys`,
  law: 'The law of your texts',
  lawNote: (runs, noise) => `From ${runs} runs, which lie ${noise} around it.`,
  checkTitle: 'Checked',
  held: (name, predicted, measured) =>
    `checked: without the largest run, ${name}, the others foretold ${predicted}; it showed ${measured}: within the interval`,
  missed: (name, predicted, measured) =>
    `checked: without the largest run, ${name}, the others foretold ${predicted}; it showed ${measured}: OUTSIDE the interval, so trust the table less`,
  unchecked: (name, why) => `not checked: without ${name} ${why}`,
  reach: (times) => `The largest offer is ${times} times the work of the largest run. The further, the less is known.`,
  runsTitle: 'The runs',
  runsNote: (time, cost) => `They took ${time} of this machine, ${cost}.`,
  leftOut: 'Left out',
  sources: 'Where the machines’ figures are from',
  limits: [
    'Intervals are 95 %, of the law and of a run’s own noise. They hold if larger models go on as small ones did.',
    'Repeated texts count less, and parameters that the texts cannot feed (Muennighoff et al. 2023). That a model learns its texts by heart is not in the law: keep an eye on the validation loss.',
    'Times of machines other than this one are peak × an assumed share; prices move. Write yours into devices.yaml.',
  ],
  textsUsedUp: '* limited by how much text there is: more of it helps, more money hardly',
  columns: {
    device: 'machine',
    depth: 'depth',
    parameters: 'params',
    tokens: 'tokens',
    passes: 'passes',
    time: 'time',
    cost: 'cost',
    bits: 'bits a byte',
    loss: 'nats a token',
    run: 'run',
    source: 'source',
  },
  thisMachine: 'this machine',
  noPrice: 'no price known',
  notOneStep: 'not one step',
  free: 'costs nothing: give --hours',
};

const zh: PlanTexts = {
  title: '预算能换来什么',
  buys: (budget) => `${budget} 能换来什么`,
  law: '您的文本的规模定律',
  lawNote: (runs, noise) => `由 ${runs} 次训练得出，各次与曲线的偏差约 ${noise}。`,
  checkTitle: '检验',
  held: (name, predicted, measured) =>
    `去掉最大的一次训练（${name}），由其余训练预测为 ${predicted}，实测 ${measured}，落在区间内`,
  missed: (name, predicted, measured) =>
    `去掉最大的一次训练（${name}），由其余训练预测为 ${predicted}，实测 ${measured}，落在区间之外，下表仅供参考`,
  unchecked: (name, why) => `未检验：去掉 ${name} 后无法拟合（${why}）`,
  reach: (times) => `表中最大方案的计算量是最大一次实测的 ${times} 倍。外推越远，把握越小。`,
  runsTitle: '实测训练',
  runsNote: (time, cost) => `共占用本机 ${time}，成本 ${cost}。`,
  leftOut: '未采用',
  sources: '各机器数据的来源',
  limits: [
    '区间为 95%，已包含定律本身的不确定与单次训练的波动；前提是大模型延续小模型的规律。',
    '重复使用的文本按递减的价值计算，文本喂不饱的多余参数同样递减（Muennighoff 等，2023）。定律不包含过拟合，训练时请留意验证损失。',
    '除本机外，速度均为峰值乘以假定的利用率，价格也会变动；请把您的数据写入 devices.yaml。',
  ],
  textsUsedUp: '* 受文本数量所限：再加钱几乎无益，应当增加文本',
  columns: {
    device: '机器',
    depth: '深度',
    parameters: '参数量',
    tokens: '词元数',
    passes: '遍数',
    time: '时间',
    cost: '费用',
    bits: '每字节比特',
    loss: '每词元奈特',
    run: '训练',
    source: '来源',
  },
  thisMachine: '本机',
  noPrice: '价格未知',
  notOneStep: '不足一步',
  free: '本机不计价，请用 --hours',
};

export const planTexts: Readonly<Record<BusinessLanguage, PlanTexts>> = { en, 'zh-CN': zh };
