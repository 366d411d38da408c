/** Facts of load, customers and outlook. */
import { type Fact, REPORT_COMMAND, ratioOf } from './fact.js';

export const loadFacts: readonly Fact[] = [
  {
    id: 'price.outputMillion',
    unit: 'money',
    name: { en: 'price of a million output tokens', zh: '输出价格（每百万词元）' },
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
    command: 'moat business load --month MONTH --json',
    value: ({ serving }) => serving?.utilisation ?? null,
  },
  {
    id: 'load.breakEven',
    unit: 'share',
    name: { en: 'break-even utilisation', zh: '盈亏平衡利用率' },
    how: { en: 'load at which revenue pays for the machines', zh: '收入恰好覆盖机器成本时的负载' },
    command: 'moat business load --month MONTH --json',
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

export const customerFacts: readonly Fact[] = [
  {
    id: 'customers.paying',
    unit: 'count',
    name: { en: 'paying customers', zh: '付费客户' },
    how: { en: 'charged more than 0 in the month', zh: '本月产生计费的客户' },
    command: REPORT_COMMAND,
    value: ({ retention }) => retention.payingCustomers,
  },
  {
    id: 'customers.new',
    unit: 'count',
    name: { en: 'new customers', zh: '新客户' },
    how: { en: 'charged for the first time', zh: '首次产生计费' },
    command: REPORT_COMMAND,
    value: ({ acquisition }) => acquisition.newCustomers,
  },
  {
    id: 'customers.cac',
    unit: 'money',
    name: { en: 'cost of a new customer', zh: '获客成本（CAC）' },
    how: { en: 'spend of all channels ÷ new customers', zh: '全部渠道支出 ÷ 新客户数' },
    command: REPORT_COMMAND,
    value: ({ acquisition }) => acquisition.costMicros,
  },
  {
    id: 'customers.payback',
    unit: 'months',
    name: { en: 'payback of a customer', zh: '获客回收期' },
    how: { en: 'cost of a new customer ÷ contribution of a customer in the month', zh: '获客成本 ÷ 客均月贡献' },
    command: REPORT_COMMAND,
    value: ({ acquisition: { payback } }) => {
      if (payback.state === 'months') return ratioOf(payback.months);
      return payback.state === 'unknown' ? null : payback.state;
    },
  },
  {
    id: 'customers.churn',
    unit: 'share',
    name: { en: 'churn in a month', zh: '月流失率' },
    how: { en: 'lost ÷ at risk, over all months that are over', zh: '流失 ÷ 在险客户月，全部已结束月份' },
    command: REPORT_COMMAND,
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
    command: REPORT_COMMAND,
    value: ({ retention }) => ratioOf(retention.netRevenue),
  },
];

export const outlookFacts: readonly Fact[] = [
  {
    id: 'outlook.trainingPaidOn',
    unit: 'date',
    name: { en: 'training paid for', zh: '训练回本' },
    how: { en: 'what is still owed ÷ the contribution of a day of this month', zh: '尚欠训练成本 ÷ 本月日均贡献' },
    command: REPORT_COMMAND,
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
    command: 'moat business load --month MONTH --json',
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
    how: { en: 'folders in runs/, failed ones too, and in models/', zh: 'runs/ 中的训练（含失败）以及 models/' },
    command: 'moat business costs --month MONTH --json',
    value: ({ runs }) => runs.length,
  },
];
