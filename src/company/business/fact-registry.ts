/**
 * Every figure the canvas, the scenarios and the report may point at, by one name: its unit, how it is measured, the command that
 * shows where it comes from. A name that is not here is no fact.
 */
import type { Micros } from '../../base/money.js';
import type { BusinessPicture } from './picture.js';

/** `money` is in micro-units; a `share` is 1 for all; `score` is in the metric's own unit. */
export type FactUnit = 'money' | 'share' | 'count' | 'tokens/s' | 'months' | 'date' | 'score';
/** Where there is no figure, and something is known all the same. */
export type FactState = 'reached' | 'never' | 'growing';
export type FactValue = Micros | number | Date | FactState | null;

export interface Fact {
  readonly id: string;
  readonly unit: FactUnit;
  readonly name: { readonly en: string; readonly zh: string };
  readonly how: { readonly en: string; readonly zh: string };
  /** Shows it, with what it is made of. */
  readonly command: string;
  /** The founder's word in the business file stands behind it, and no meter. */
  readonly isStated?: true;
  /** Null when it is missing. */
  value(picture: BusinessPicture): FactValue;
}

const SUMMARY = 'moat business report --month MONTH --json';
const ratio = (rate: { numerator: bigint; denominator: bigint } | null | undefined): number | null =>
  rate === null || rate === undefined ? null : Number(rate.numerator) / Number(rate.denominator);

const revenueFacts: readonly Fact[] = [
  {
    id: 'revenue.total',
    unit: 'money',
    name: { en: 'revenue', zh: '收入' },
    how: {
      en: 'ledger account revenue, and what the file states of other books',
      zh: '账本收入科目，加上业务文件中声明的其他收入',
    },
    command: SUMMARY,
    value: ({ revenue }) => revenue.totalMicros,
  },
  {
    id: 'revenue.services',
    unit: 'money',
    name: { en: 'services: usage', zh: '服务收入（按用量）' },
    how: { en: 'Σ of what usage events were charged, with corrections', zh: '用量事件计费之和（含更正）' },
    command: 'moat usage list --json',
    value: ({ revenue }) => revenue.servicesMicros,
  },
  {
    id: 'revenue.software',
    unit: 'money',
    name: { en: 'software: plans and seats', zh: '软件收入（套餐与席位）' },
    how: { en: 'fees in the ledger, less credit notes', zh: '账本中的套餐费，减去贷记单' },
    command: 'moat invoices list --json',
    value: ({ revenue }) => revenue.softwareMicros,
  },
  {
    id: 'revenue.other',
    unit: 'money',
    name: { en: 'other lines', zh: '其他收入' },
    how: { en: 'stated in the business file: otherRevenue', zh: '业务文件 otherRevenue 中声明' },
    command: 'business.yaml otherRevenue',
    isStated: true,
    value: ({ facts, revenue }) =>
      facts.file === null ? null : revenue.other.reduce((sum, { micros }) => sum + micros, 0n),
  },
  {
    id: 'revenue.mrr',
    unit: 'money',
    name: { en: 'monthly recurring revenue', zh: '月度经常性收入（MRR）' },
    how: { en: 'fees of the plans that are paid for at the end of the month', zh: '月末生效的付费套餐月费之和' },
    command: 'moat plans list --json',
    value: ({ recurring }) => recurring.monthlyMicros,
  },
  {
    id: 'revenue.arr',
    unit: 'money',
    name: { en: 'yearly recurring revenue', zh: '年度经常性收入（ARR）' },
    how: { en: 'twelve times the monthly', zh: 'MRR 乘以十二' },
    command: 'moat plans list --json',
    value: ({ recurring }) => recurring.yearlyMicros,
  },
];

const marginFacts: readonly Fact[] = [
  {
    id: 'margin.gross',
    unit: 'money',
    name: { en: 'gross margin', zh: '毛利' },
    how: { en: 'revenue less the machines that served', zh: '收入减去服务用机器成本' },
    command: SUMMARY,
    value: ({ grossMargin }) => grossMargin?.marginMicros ?? null,
  },
  {
    id: 'margin.grossShare',
    unit: 'share',
    name: { en: 'gross margin of revenue', zh: '毛利率' },
    how: { en: 'gross margin ÷ revenue', zh: '毛利 ÷ 收入' },
    command: SUMMARY,
    value: ({ grossMargin }) => ratio(grossMargin?.ratio),
  },
  {
    id: 'margin.contribution',
    unit: 'money',
    name: { en: 'contribution', zh: '边际贡献' },
    how: { en: 'gross margin less payment fees', zh: '毛利减去支付手续费' },
    command: SUMMARY,
    value: ({ contributionMicros }) => contributionMicros,
  },
  {
    id: 'margin.result',
    unit: 'money',
    name: { en: 'result of the month', zh: '本月经营结果' },
    how: {
      en: 'contribution less training, data, fixed costs, acquisition and what was given away',
      zh: '边际贡献减去训练、数据、固定成本、获客成本和赠送额度',
    },
    command: SUMMARY,
    value: ({ resultMicros }) => resultMicros,
  },
];

const costFacts: readonly Fact[] = [
  {
    id: 'cost.serving',
    unit: 'money',
    name: { en: 'serving', zh: '服务成本' },
    how: {
      en: 'hours paid × price of an hour, idle ones included; where the hours are not stated, the time of the answers',
      zh: '付费小时数 × 小时单价（含空闲）；未声明小时数时按应答耗时计',
    },
    command: 'moat business --json',
    value: ({ costs }) => costs.servingMicros,
  },
  {
    id: 'cost.payments',
    unit: 'money',
    name: { en: 'payment fees', zh: '支付手续费' },
    how: { en: 'payments in the ledger × the terms in the business file', zh: '账本中的付款 × 业务文件中的费率' },
    command: 'business.yaml payments',
    isStated: true,
    value: ({ costs }) => costs.paymentMicros,
  },
  {
    id: 'cost.training',
    unit: 'money',
    name: { en: 'training', zh: '训练成本' },
    how: {
      en: 'wall time of the runs that began in the month, failed ones too × price of an hour',
      zh: '本月开始的训练（含失败）时长 × 小时单价',
    },
    command: 'moat business costs --json',
    value: ({ costs }) => costs.trainingMicros,
  },
  {
    id: 'cost.trainingTotal',
    unit: 'money',
    name: { en: 'training so far', zh: '累计训练成本' },
    how: { en: 'all runs, failed ones too', zh: '全部训练，含失败' },
    command: 'moat business costs --json',
    value: ({ trainingMicros }) => trainingMicros,
  },
  {
    id: 'cost.data',
    unit: 'money',
    name: { en: 'data', zh: '数据成本' },
    how: { en: 'stated in the business file: dataCosts', zh: '业务文件 dataCosts 中声明' },
    command: 'business.yaml dataCosts',
    isStated: true,
    value: ({ costs }) => costs.dataMicros,
  },
  {
    id: 'cost.fixed',
    unit: 'money',
    name: { en: 'people and other fixed costs', zh: '人员及其他固定成本' },
    how: { en: 'stated in the business file: monthlyCosts', zh: '业务文件 monthlyCosts 中声明' },
    command: 'business.yaml monthlyCosts',
    isStated: true,
    value: ({ costs }) => costs.fixedMicros,
  },
  {
    id: 'cost.acquisition',
    unit: 'money',
    name: { en: 'winning customers', zh: '获客支出' },
    how: { en: 'stated in the business file: channels', zh: '业务文件 channels 中声明' },
    command: 'business.yaml channels',
    isStated: true,
    value: ({ costs }) => costs.acquisitionMicros,
  },
  {
    id: 'cost.givenAway',
    unit: 'money',
    name: { en: 'given away and written off', zh: '赠送与核销' },
    how: { en: 'ledger accounts credit-grants and write-offs', zh: '账本科目 credit-grants 与 write-offs' },
    command: 'moat audit',
    value: ({ costs }) => costs.givenAwayMicros,
  },
  {
    id: 'cost.outputMillion',
    unit: 'money',
    name: { en: 'a million output tokens, at the actual load', zh: '每百万输出词元成本（实际负载）' },
    how: { en: 'cost at full load ÷ utilisation', zh: '满载成本 ÷ 利用率' },
    command: 'moat business load --json',
    value: ({ serving }) => serving?.outputMicrosPerMillion ?? null,
  },
  {
    id: 'cost.outputMillionFull',
    unit: 'money',
    name: { en: 'a million output tokens, at full load', zh: '每百万输出词元成本（满载）' },
    how: { en: 'price of an hour ÷ measured tokens of an hour', zh: '小时单价 ÷ 实测每小时词元数' },
    command: 'moat bench serve',
    value: ({ fullLoad }) => fullLoad?.outputMicrosPerMillion ?? null,
  },
];

const loadFacts: readonly Fact[] = [
  {
    id: 'price.outputMillion',
    unit: 'money',
    name: { en: 'price of a million output tokens', zh: '每百万输出词元售价' },
    how: { en: 'the price in force', zh: '现行价格' },
    command: 'moat prices --list --json',
    value: ({ facts }) => facts.price?.outputMicros ?? null,
  },
  {
    id: 'load.capacity',
    unit: 'tokens/s',
    name: { en: 'capacity', zh: '产能' },
    how: {
      en: 'the most output tokens a second without a failure, mean of the rounds',
      zh: '无失败情况下实测的最高输出速度（多轮均值）',
    },
    command: 'moat bench serve',
    value: ({ capacity }) => capacity?.decode.value ?? null,
  },
  {
    id: 'load.utilisation',
    unit: 'share',
    name: { en: 'utilisation', zh: '利用率' },
    how: {
      en: 'time that the tokens sold take at full speed ÷ time paid',
      zh: '售出词元按满速所需时间 ÷ 付费时间',
    },
    command: 'moat business load --json',
    value: ({ serving }) => serving?.utilisation ?? null,
  },
  {
    id: 'load.breakEven',
    unit: 'share',
    name: { en: 'break-even utilisation', zh: '盈亏平衡利用率' },
    how: { en: 'load at which revenue pays for the machines', zh: '收入恰好覆盖机器成本时的负载' },
    command: 'moat business load --json',
    value: ({ breakEvenLoad }) => breakEvenLoad?.utilisation.value ?? null,
  },
  {
    id: 'load.outputTokens',
    unit: 'count',
    name: { en: 'output tokens sold', zh: '售出输出词元' },
    how: { en: 'Σ over the usage events of customers', zh: '客户用量事件之和' },
    command: 'moat usage list --json',
    value: ({ byModel }) => byModel.reduce((sum, { outputTokens }) => sum + outputTokens, 0),
  },
];

const customerFacts: readonly Fact[] = [
  {
    id: 'customers.paying',
    unit: 'count',
    name: { en: 'paying customers', zh: '付费客户' },
    how: { en: 'charged more than 0 in the month', zh: '本月产生计费的客户' },
    command: SUMMARY,
    value: ({ retention }) => retention.payingCustomers,
  },
  {
    id: 'customers.new',
    unit: 'count',
    name: { en: 'new customers', zh: '新客户' },
    how: { en: 'charged for the first time', zh: '首次产生计费' },
    command: SUMMARY,
    value: ({ acquisition }) => acquisition.newCustomers,
  },
  {
    id: 'customers.cac',
    unit: 'money',
    name: { en: 'cost of a new customer', zh: '获客成本（CAC）' },
    how: { en: 'spend of all channels ÷ new customers', zh: '全部渠道支出 ÷ 新客户数' },
    command: SUMMARY,
    value: ({ acquisition }) => acquisition.costMicros,
  },
  {
    id: 'customers.payback',
    unit: 'months',
    name: { en: 'payback of a customer', zh: '获客回收期' },
    how: { en: 'cost of a new customer ÷ contribution of a customer in the month', zh: '获客成本 ÷ 客均月贡献' },
    command: SUMMARY,
    value: ({ acquisition: { payback } }) => {
      if (payback.state === 'months') return ratio(payback.months);
      return payback.state === 'unknown' ? null : payback.state;
    },
  },
  {
    id: 'customers.churn',
    unit: 'share',
    name: { en: 'churn in a month', zh: '月流失率' },
    how: { en: 'lost ÷ at risk, over all months that are over', zh: '流失 ÷ 在险客户月，全部已结束月份' },
    command: SUMMARY,
    value: ({ retention }) => retention.churnOfAllTime.monthly?.value ?? null,
  },
  {
    id: 'customers.nrr',
    unit: 'share',
    name: { en: 'net revenue retention', zh: '净收入留存（NRR）' },
    how: {
      en: "this month's revenue of last month's customers ÷ theirs of last month",
      zh: '上月客户本月收入 ÷ 其上月收入',
    },
    command: SUMMARY,
    value: ({ retention }) => ratio(retention.netRevenue),
  },
];

const outlookFacts: readonly Fact[] = [
  {
    id: 'outlook.trainingPaidOn',
    unit: 'date',
    name: { en: 'training paid for', zh: '训练回本' },
    how: { en: 'what is still owed ÷ the contribution of a day of this month', zh: '尚欠训练成本 ÷ 本月日均贡献' },
    command: SUMMARY,
    value: ({ trainingPayback: payback }) => {
      if (payback.state === 'ahead') return payback.date;
      return payback.state === 'unknown' ? null : payback.state;
    },
  },
  {
    id: 'outlook.breakEvenTokens',
    unit: 'count',
    name: { en: 'output tokens that pay for the training', zh: '覆盖训练成本所需输出词元' },
    how: {
      en: 'training so far ÷ (price − cost at full load): the fewest it can take',
      zh: '累计训练成本 ÷（售价 − 满载成本），为理论最少量',
    },
    command: 'moat business load --json',
    value: ({ breakEvenTokens }) => (breakEvenTokens === null ? null : (breakEvenTokens.tokens ?? 'never')),
  },
  {
    id: 'outlook.runway',
    unit: 'months',
    name: { en: 'cash lasts', zh: '现金可支撑' },
    how: { en: 'cash stated ÷ what the month burnt, once it is over', zh: '声明的现金 ÷ 当月净流出（月末后计算）' },
    command: 'business.yaml cash',
    isStated: true,
    value: ({ runway }) => {
      if (runway.state === 'months') return Number(runway.months);
      return runway.state === 'unknown' ? null : runway.state;
    },
  },
  {
    id: 'quality.own',
    unit: 'score',
    name: { en: 'quality of the own model', zh: '自有模型质量' },
    how: { en: 'main score of the model on its test set', zh: '模型在测试集上的主要得分' },
    command: 'moat eval MODEL --data FILE',
    value: ({ facts }) => facts.quality?.value ?? null,
  },
  {
    id: 'quality.giant',
    unit: 'score',
    name: { en: 'quality of the giant', zh: '大厂模型质量' },
    how: { en: 'its score on the same test set', zh: '同一测试集上的得分' },
    command: 'moat eval MODEL --data FILE --against',
    value: ({ facts }) => facts.quality?.giant?.value ?? null,
  },
  {
    id: 'resources.runs',
    unit: 'count',
    name: { en: 'training runs', zh: '训练次数' },
    how: { en: 'folders in runs/, failed ones too', zh: 'runs/ 中的训练，含失败' },
    command: 'moat business costs --json',
    value: ({ runs }) => runs.length,
  },
];

export const FACTS: readonly Fact[] = [
  ...revenueFacts,
  ...marginFacts,
  ...costFacts,
  ...loadFacts,
  ...customerFacts,
  ...outlookFacts,
];

export const findFact = (id: string): Fact | undefined => FACTS.find((fact) => fact.id === id);
