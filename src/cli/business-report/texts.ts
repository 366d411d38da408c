/** Every word of the business pages, in both languages. */
import type { BusinessLanguage } from '../../company/business/figures.js';
import type { Block } from '../../company/business/business-file.js';
import type { Standing } from '../../company/business/canvas.js';
import type { Assumption } from '../../company/business/forecast.js';
import type { Axis, MoatItem } from '../../company/business/market.js';

export interface BusinessTexts {
  readonly report: string;
  readonly pageOf: (page: number, pages: number) => string;
  readonly running: (day: string) => string;
  readonly books: (transactions: string) => string;
  readonly booksBroken: string;
  readonly courseTitle: string;
  readonly courseCaption: string;
  readonly revenueWord: string;
  readonly marginWord: string;
  readonly resultTitle: string;
  readonly resultNote: string;
  readonly totalRevenue: string;
  readonly customersTitle: string;
  readonly cohort: string;
  readonly customers: string;
  readonly activeLater: string;
  readonly churn: string;
  readonly lifetime: string;
  readonly lifetimeNote: (months: number) => string;
  readonly channel: string;
  readonly spend: string;
  readonly fresh: string;
  readonly costEach: string;
  readonly unassigned: string;
  readonly marginsTitle: string;
  readonly marginsNote: string;
  readonly byModel: string;
  readonly byPlan: string;
  readonly byCustomer: string;
  readonly noPlan: string;
  readonly more: (count: string) => string;
  readonly outputTokens: string;
  readonly cost: string;
  readonly ofRevenue: string;
  readonly loadTitle: string;
  readonly loadCaption: string;
  readonly atOnce: string;
  readonly band: (low: string, high: string) => string;
  readonly belowCost: string;
  readonly belowFullCost: string;
  readonly marketTitle: string;
  readonly name: string;
  readonly inputPrice: string;
  readonly outputPrice: string;
  readonly quality: string;
  readonly latency: string;
  readonly limits: string;
  readonly axis: Readonly<Record<Axis, string>>;
  readonly better: (metric: string, isHigher: boolean) => string;
  readonly ours: (value: string, low: string, high: string) => string;
  readonly theirs: (name: string, value: string, verdict: string) => string;
  readonly breakEvenBand: (low: string, high: string) => string;
  readonly verdict: Readonly<Record<string, string>>;
  readonly moatTitle: string;
  readonly moat: Readonly<Record<MoatItem, string>>;
  readonly nothing: string;
  readonly outlookTitle: string;
  readonly scenarioTitle: (months: number) => string;
  readonly scenarioNote: (draws: string, seed: string) => string;
  readonly low: string;
  readonly base: string;
  readonly high: string;
  readonly lossShare: string;
  readonly median: string;
  readonly ninety: string;
  readonly cashNeed: string;
  readonly priceFloor: string;
  readonly swing: string;
  readonly profit: string;
  readonly atLow: string;
  readonly atHigh: string;
  readonly assumption: Readonly<Record<Assumption, string>>;
  readonly missingFor: (names: readonly string[]) => string;
  readonly buildTitle: string;
  readonly buildNote: string;
  readonly volume: string;
  readonly own: string;
  readonly giant: string;
  readonly both: string;
  readonly crossover: (tokens: string) => string;
  readonly noCrossover: string;
  readonly missingTitle: string;
  readonly missingNote: string;
  readonly sourcesTitle: string;
  readonly canvasTitle: string;
  readonly block: Readonly<Record<Block, string>>;
  readonly standing: Readonly<Record<Standing, string>>;
}

const en: BusinessTexts = {
  report: 'Monthly report',
  pageOf: (page, pages) => `Page ${page} of ${pages}`,
  running: (day) => `The month is not over: figures up to ${day}.`,
  books: (transactions) => `The books balance: ${transactions} transactions were checked.`,
  booksBroken: 'The books do not balance. No figure here can be relied on until moat audit finds nothing.',
  courseTitle: 'Month by month',
  courseCaption: 'Revenue (light) and the margin before idle time: what is left after the cost of answers (dark)',
  revenueWord: 'revenue',
  marginWord: 'margin before idle time',
  resultTitle: 'Result of the month',
  resultNote: 'Each figure leads to its source at the end. What is missing was not measured or stated, and is not 0.',
  totalRevenue: 'revenue',
  customersTitle: 'Customers',
  cohort: 'first month',
  customers: 'customers',
  activeLater: 'active in each month since',
  churn: 'lost a month',
  lifetime: 'lifetime value',
  lifetimeNote: (months) =>
    `Lifetime value: contribution of an active month, over the months a customer stays, at most ${months}. In brackets, 95 % intervals.`,
  channel: 'channel',
  spend: 'spent',
  fresh: 'new customers',
  costEach: 'for each',
  unassigned: 'not known',
  marginsTitle: 'Margin before idle time',
  marginsNote:
    'Cost of answers is their machine time, or what a model elsewhere is paid. Machines also wait; the gross margin above pays for that too, so it is lower.',
  byModel: 'By model',
  byPlan: 'By plan',
  byCustomer: 'By customer',
  noPlan: 'no plan',
  more: (count) => `and ${count} more`,
  outputTokens: 'output tokens',
  cost: 'cost of answers',
  ofRevenue: 'of revenue',
  loadTitle: 'What the machine can do, and does',
  loadCaption: 'Output tokens a second by requests at once; bars are 95 % intervals of the rounds',
  atOnce: 'requests at once',
  band: (low, high) => `${low} to ${high}`,
  belowCost: 'Output tokens are sold for less than they cost at this load.',
  belowFullCost:
    'Output tokens are sold for less than they cost even on a machine that never waits: this price can never pay.',
  marketTitle: 'We beside the others',
  name: '',
  inputPrice: 'input, a million',
  outputPrice: 'output, a million',
  quality: 'quality',
  latency: 'first token, ms',
  limits: 'limits',
  axis: { price: 'price of a million output tokens', quality: 'quality on our set', latency: 'ms to the first token' },
  better: (metric, isHigher) => `Quality is ${metric} on our own test set; ${isHigher ? 'higher' : 'lower'} is better.`,
  ours: (value, low, high) => ` Ours has ${value} (95 %: ${low} to ${high}).`,
  theirs: (name, value, verdict) => ` ${name} has ${value}: ${verdict}.`,
  breakEvenBand: (low, high) => `Break-even lies between ${low} and ${high} of what the machine can do (95 %).`,
  verdict: { better: 'ours is better', worse: 'ours is worse', 'not decisive': 'not decisive' },
  moatTitle: 'What keeps others out',
  moat: {
    data: 'Data nobody else has',
    evaluation: 'A measured lead',
    switching: 'Costs of switching',
    licences: 'Licences',
  },
  nothing: 'Nothing is claimed.',
  outlookTitle: 'Outlook',
  scenarioTitle: (months) => `Scenarios over ${months} months`,
  scenarioNote: (draws, seed) =>
    `Estimates from the assumptions of the business file. Chance: ${draws} draws from triangles over their ranges, seed ${seed}.`,
  low: 'low',
  base: 'base',
  high: 'high',
  lossShare: 'chance of a loss',
  median: 'profit, median',
  ninety: 'profit, 5 % to 95 %',
  cashNeed: 'cash needed on the way',
  priceFloor: 'price floor of a million output tokens',
  swing: 'Profit when one assumption alone changes',
  profit: 'profit',
  atLow: 'at its low end',
  atHigh: 'at its high end',
  assumption: {
    customers: 'customers at the start',
    newCustomers: 'new customers a month',
    churn: 'churn',
    tokens: 'tokens of a customer',
    price: 'price',
    fee: 'plan fee',
    capacity: 'capacity of a machine',
    machineHour: 'price of a machine hour',
    fixedCosts: 'fixed costs',
    acquisition: 'cost of a new customer',
    paymentShare: 'payment fees',
  },
  missingFor: (names) => `No scenario: missing are ${names.join(', ')}.`,
  buildTitle: 'Own model, giant, or both',
  buildNote: 'Estimated cost of a month; the cheapest is marked.',
  volume: 'output tokens a month',
  own: 'own',
  giant: 'giant',
  both: 'both',
  crossover: (tokens) => `The own model is cheaper from ${tokens} output tokens a month on.`,
  noCrossover: 'At these prices one own machine is never cheaper than the giant.',
  missingTitle: 'What is missing',
  missingNote: 'These figures need a measurement or a line in the business file.',
  sourcesTitle: 'Where the figures come from',
  canvasTitle: 'Business model canvas',
  block: {
    partners: 'Key partners',
    activities: 'Key activities',
    resources: 'Key resources',
    value: 'Value propositions',
    relationships: 'Customer relationships',
    channels: 'Channels',
    segments: 'Customer segments',
    costs: 'Cost structure',
    revenue: 'Revenue streams',
  },
  standing: { fact: 'measured', stated: 'stated', missing: 'not measured yet', evidence: 'evidence', claim: 'claim' },
};

const zh: BusinessTexts = {
  report: '月度经营报告',
  pageOf: (page, pages) => `第 ${page} 页，共 ${pages} 页`,
  running: (day) => `本月尚未结束，数字截至 ${day}。`,
  books: (transactions) => `账目平衡：已核对 ${transactions} 笔交易。`,
  booksBroken: '账目不平。在 moat audit 无问题之前，本报告数字不可采信。',
  courseTitle: '逐月走势',
  courseCaption: '收入（浅色）与毛利（深色；扣除推理成本，未计空闲机时）',
  revenueWord: '收入',
  marginWord: '毛利（未计空闲）',
  resultTitle: '本月经营结果',
  resultNote: '点击数字可查看文末来源。“缺失”表示未测量或未声明，并不是零。词元即 token，价格与成本均按每百万词元计。',
  totalRevenue: '收入合计',
  customersTitle: '客户',
  cohort: '首月',
  customers: '客户数',
  activeLater: '此后各月活跃数',
  churn: '月流失率',
  lifetime: '客户终身价值',
  lifetimeNote: (months) => `终身价值 = 活跃月均贡献 × 预期留存月数（最多 ${months} 个月）。括号内为 95 % 区间。`,
  channel: '渠道',
  spend: '支出',
  fresh: '新客户',
  costEach: '单客成本',
  unassigned: '未知',
  marginsTitle: '毛利明细（未计空闲）',
  marginsNote:
    '推理成本为回答所用机时，外部模型按支付的词元费计。机器空闲时间不分摊到各行，只计入上表的服务成本，因此上表的毛利更低。',
  byModel: '按模型',
  byPlan: '按套餐',
  byCustomer: '按客户',
  noPlan: '无套餐',
  more: (count) => `另有 ${count} 项`,
  outputTokens: '输出词元',
  cost: '推理成本',
  ofRevenue: '占收入',
  loadTitle: '机器的能力与实际负载',
  loadCaption: '不同并发下每秒输出词元数，竖线为多轮测量的 95 % 区间',
  atOnce: '并发请求数',
  band: (low, high) => `${low} 至 ${high}`,
  belowCost: '按当前负载，输出词元售价低于成本。',
  belowFullCost: '即使机器满载，输出词元售价仍低于成本：该价格永远无法盈利。',
  marketTitle: '市场对比',
  name: '',
  inputPrice: '输入价格（每百万词元）',
  outputPrice: '输出价格（每百万词元）',
  quality: '质量',
  latency: '首词元延迟（毫秒）',
  limits: '限制',
  axis: { price: '输出价格（每百万词元）', quality: '自有测试集上的质量', latency: '首词元延迟（毫秒）' },
  better: (metric, isHigher) => `质量指标为自有测试集上的 ${metric}，${isHigher ? '越高越好' : '越低越好'}。`,
  ours: (value, low, high) => `自有模型为 ${value}（95 % 区间 ${low} 至 ${high}）。`,
  theirs: (name, value, verdict) => `${name} 为 ${value}：${verdict}。`,
  breakEvenBand: (low, high) => `盈亏平衡点位于机器产能的 ${low} 至 ${high}（95 % 区间）。`,
  verdict: { better: '自有模型更好', worse: '自有模型更差', 'not decisive': '尚无定论' },
  moatTitle: '护城河',
  moat: { data: '独有数据', evaluation: '可测量的领先', switching: '转换成本', licences: '许可与授权' },
  nothing: '暂无主张。',
  outlookTitle: '展望',
  scenarioTitle: (months) => `未来 ${months} 个月情景`,
  scenarioNote: (draws, seed) =>
    `基于业务文件假设的估算。蒙特卡洛：在各假设的三角分布上抽样 ${draws} 次，随机种子 ${seed}。`,
  low: '悲观',
  base: '基准',
  high: '乐观',
  lossShare: '亏损概率',
  median: '利润中位数',
  ninety: '利润 5 % 至 95 %',
  cashNeed: '途中所需现金',
  priceFloor: '输出价格下限（每百万词元）',
  swing: '单独改变一个假设时的利润',
  profit: '利润',
  atLow: '取下限',
  atHigh: '取上限',
  assumption: {
    customers: '期初客户数',
    newCustomers: '每月新客户',
    churn: '流失率',
    tokens: '客均词元用量',
    price: '价格',
    fee: '套餐月费',
    capacity: '单机产能',
    machineHour: '机器小时价',
    fixedCosts: '固定成本',
    acquisition: '获客成本',
    paymentShare: '支付费率',
  },
  missingFor: (names) => `无法推演情景，缺少：${names.join('、')}。`,
  buildTitle: '自有模型、大厂接口，或两者并用',
  buildNote: '估算的月成本，最低者已标出。',
  volume: '月输出词元',
  own: '自有',
  giant: '大厂',
  both: '并用',
  crossover: (tokens) => `每月输出超过 ${tokens}词元后，自有模型更便宜。`,
  noCrossover: '按当前价格，单台自有机器始终不比大厂便宜。',
  missingTitle: '缺失的数字',
  missingNote: '以下数字需要测量，或在业务文件中补充。',
  sourcesTitle: '数字来源',
  canvasTitle: '商业模式画布',
  block: {
    partners: '重要伙伴',
    activities: '关键业务',
    resources: '核心资源',
    value: '价值主张',
    relationships: '客户关系',
    channels: '渠道通路',
    segments: '客户细分',
    costs: '成本结构',
    revenue: '收入来源',
  },
  standing: { fact: '实测', stated: '声明', missing: '尚未测量', evidence: '有据可查', claim: '主张' },
};

export const businessTexts: Readonly<Record<BusinessLanguage, BusinessTexts>> = { en, 'zh-CN': zh };
