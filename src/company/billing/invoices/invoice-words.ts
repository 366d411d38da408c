/** What an invoice says, in English and Chinese: one record a language, so that none can lack a word. */
export type Language = 'en' | 'zh';

export interface Words {
  readonly invoice: string;
  readonly number: string;
  readonly issued: string;
  readonly due: string;
  readonly usagePeriod: string;
  readonly billTo: string;
  readonly from: string;
  readonly taxId: string;
  readonly what: string;
  readonly quantity: string;
  readonly price: string;
  readonly amount: string;
  readonly total: string;
  readonly fromCredit: string;
  readonly toCredit: string;
  readonly credited: string;
  readonly refunded: string;
  readonly received: string;
  readonly takenBack: string;
  readonly creditNote: string;
  readonly included: string;
  readonly amountDue: string;
  readonly payment: string;
  readonly states: Readonly<Record<'draft' | 'open' | 'paid' | 'void', string>>;
  readonly requests: string;
  readonly inputTokens: string;
  readonly cachedTokens: string;
  readonly outputTokens: string;
  readonly perMillion: string;
  readonly each: string;
  readonly byTiers: string;
  readonly fee: string;
  readonly seats: string;
  readonly minimum: string;
  readonly rounding: string;
  usage(model: string, isLate: boolean): string;
  proration(plan: string, isReturn: boolean): string;
  volume(model: string, month: string): string;
  credit(topUp: string): string;
  forInvoice(number: string): string;
  page(page: number, pages: number): string;
}

const en: Words = {
  invoice: 'Invoice',
  number: 'Number',
  issued: 'Issued',
  due: 'Due',
  usagePeriod: 'Usage',
  billTo: 'Bill to',
  from: 'From',
  taxId: 'Tax ID',
  what: 'Description',
  quantity: 'Quantity',
  price: 'Price',
  amount: 'Amount',
  total: 'Total',
  fromCredit: 'Paid from prepaid credit',
  toCredit: 'Added to prepaid credit',
  credited: 'Credit notes',
  refunded: 'Paid back',
  received: 'Payment received',
  takenBack: 'Taken back',
  creditNote: 'Credit note',
  included: 'Tax included',
  amountDue: 'Amount due',
  payment: 'How to pay',
  states: { draft: 'Draft', open: 'Open', paid: 'Paid', void: 'Void' },
  requests: 'Requests',
  inputTokens: 'Input tokens',
  cachedTokens: 'Cached input tokens',
  outputTokens: 'Output tokens',
  perMillion: '/ 1M',
  each: 'each',
  byTiers: 'by tiers',
  fee: 'Plan',
  seats: 'Seats',
  minimum: 'Up to the agreed minimum',
  rounding: 'Rounding',
  usage: (model, isLate) => (isLate ? `Usage of ${model}, booked or corrected late` : `Usage of ${model}`),
  proration: (plan, isReturn) => (isReturn ? `Unused part of plan ${plan}` : `Rest of the period on plan ${plan}`),
  credit: (topUp) => `Prepaid credit, as asked for by ${topUp}`,
  forInvoice: (number) => `For invoice ${number}`,
  volume: (model, month) => `Volume price of ${model} in ${month}`,
  page: (page, pages) => `Page ${page} of ${pages}`,
};

const zh: Words = {
  invoice: '账单',
  number: '编号',
  issued: '开具日期',
  due: '付款期限',
  usagePeriod: '用量周期',
  billTo: '客户',
  from: '服务方',
  taxId: '税号',
  what: '项目',
  quantity: '数量',
  price: '单价',
  amount: '金额',
  total: '合计',
  fromCredit: '预付余额抵扣',
  toCredit: '转入预付余额',
  credited: '贷记单抵减',
  refunded: '已退款',
  received: '已收款',
  takenBack: '已撤销',
  creditNote: '贷记单',
  included: '其中税额',
  amountDue: '应付金额',
  payment: '付款方式',
  states: { draft: '草稿', open: '待付款', paid: '已付清', void: '已作废' },
  requests: '请求次数',
  inputTokens: '输入 token',
  cachedTokens: '缓存输入 token',
  outputTokens: '输出 token',
  perMillion: '/ 百万',
  each: '每次',
  byTiers: '阶梯计价',
  fee: '套餐',
  seats: '席位',
  minimum: '补足最低消费',
  rounding: '尾数调整',
  usage: (model, isLate) => (isLate ? `${model} 用量（补记或更正）` : `${model} 用量`),
  proration: (plan, isReturn) => (isReturn ? `套餐 ${plan} 未使用部分退回` : `套餐 ${plan} 本期剩余部分`),
  credit: (topUp) => `预付额度（充值单 ${topUp}）`,
  forInvoice: (number) => `对应账单 ${number}`,
  volume: (model, month) => `${model} ${month} 用量阶梯价退差`,
  page: (page, pages) => `第 ${page} 页，共 ${pages} 页`,
};

export const WORDS: Readonly<Record<Language, Words>> = { en, zh };
