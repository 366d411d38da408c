/**
 * Writes sentences with the names and figures in them marked, English and Chinese, to try `moat task entities` before there are
 * texts of yours:
 *
 *     npx tsx examples/entities.ts > entities.jsonl && moat task entities entities.jsonl
 *
 * Made by the seed: 60 sentences with gaps, six to a group, each group with names of its own, so that the test has neither a
 * sentence nor a name that training had (but for Chinese surnames, of which there are few). Some gaps are of no kind (order numbers, versions, prices a piece of a sentence): they look
 * like figures that are, and are not marked. No person, account or number here is anybody's: card numbers begin with 0000,
 * telephone numbers are of ranges kept for fiction, addresses for mail end in `example`.
 */
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Rng } from '../src/base/rng.js';

export interface MarkedText {
  readonly text: string;
  readonly entities: readonly { readonly start: number; readonly end: number; readonly label: string }[];
  readonly group: string;
}

const GROUPS = 10;

const ENGLISH = [
  'Please send the invoice to {PERSON} at {EMAIL} before {DATE}.',
  '{PERSON} from {ORG} called about order {number} on {DATE}.',
  'The contract with {ORG} was signed in {PLACE} on {DATE}.',
  'You can reach {PERSON} at {PHONE} or {EMAIL}.',
  'We refunded {MONEY} to card {CARD} yesterday.',
  'Version {version} was released on {DATE}; it has nothing to do with {ORG}.',
  'My new address is {ADDRESS}, {PLACE}.',
  '{PERSON}, who works for {ORG}, lives in {PLACE}.',
  'Has {ORG} paid the {MONEY} that are due on {DATE}?',
  'The parcel {number} is still in {PLACE}.',
  'I spoke with {PERSON} and she promised {MONEY} back.',
  'Call {PHONE} between 9 and 17 and ask for {PERSON}.',
  'According to {PERSON} the office in {PLACE} closes on {DATE}.',
  'Deliver it to {ADDRESS} and ring {PHONE} on arrival.',
  '{ORG} opened a branch in {PLACE} and hired {PERSON}.',
  'Section {number} of the manual was written by {PERSON}.',
  'Could you charge {CARD} instead? It is in the name of {PERSON}.',
  'On {DATE} a payment of {MONEY} from {ORG} arrived.',
  'There were {number} complaints and none of them came from {PLACE}.',
  'Meet {PERSON} in {PLACE} on {DATE}, room {number}.',
  'Dear {PERSON}, your subscription of {MONEY} a month ends on {DATE}.',
  'Write to {EMAIL} if {ORG} does not answer.',
  '{PERSON} moved from {PLACE} to {ADDRESS} last week.',
  'The supplier {ORG} can be called at {PHONE}.',
  'It took {number} days and cost {MONEY}, said {PERSON}.',
  'Forward everything from {EMAIL} to {PERSON} of {ORG}.',
  'The error {number} appears in version {version} only.',
  'Our lawyer {PERSON} will be in {PLACE} until {DATE}.',
  'Please debit {MONEY} from {CARD} for {ORG}.',
  'Nobody at {ADDRESS} knows {PERSON}.',
] as const;

const CHINESE = [
  '请在{DATE}之前把发票寄给{PERSON}，邮箱是{EMAIL}。',
  '{ORG}的{PERSON}来电询问订单{number}。',
  '我们与{ORG}于{DATE}在{PLACE}签订了合同。',
  '有问题请拨打{PHONE}，找{PERSON}。',
  '昨天已向卡号{CARD}退款{MONEY}。',
  '版本{version}于{DATE}发布，与{ORG}无关。',
  '我的新地址是{PLACE}{ADDRESS}。',
  '{PERSON}在{ORG}工作，家住{PLACE}。',
  '{ORG}应在{DATE}付清{MONEY}，到账了吗？',
  '快递{number}还在{PLACE}。',
  '{PERSON}说退给我{MONEY}，到现在也没有消息。',
  '身份证号{ID}的持卡人是{PERSON}。',
  '据{PERSON}介绍，{PLACE}的门店{DATE}停业。',
  '请送到{ADDRESS}，到了打{PHONE}。',
  '{ORG}在{PLACE}开了分店，请来了{PERSON}。',
  '说明书第{number}节是{PERSON}写的。',
  '能不能改扣{CARD}？户名是{PERSON}。',
  '{DATE}收到{ORG}汇来的{MONEY}。',
  '一共收到{number}条投诉，没有一条来自{PLACE}。',
  '{DATE}在{PLACE}与{PERSON}见面，{number}号会议室。',
  '{PERSON}您好，您每月{MONEY}的订阅将于{DATE}到期。',
  '如果{ORG}不回复，请发邮件到{EMAIL}。',
  '{PERSON}上周从{PLACE}搬到了{ADDRESS}。',
  '供应商{ORG}的电话是{PHONE}。',
  '{PERSON}说，花了{number}天，一共{MONEY}。',
  '客户身份证{ID}，手机{PHONE}，请核对。',
  '只有版本{version}会出现错误{number}。',
  '我们的律师{PERSON}在{PLACE}待到{DATE}。',
  '请从{CARD}扣款{MONEY}，付给{ORG}。',
  '{ADDRESS}没有人认识{PERSON}。',
] as const;

/** Ten of each: a group takes its own. */
const NAMES = {
  first:
    'Anna Boris Clara Dmitri Elena Felix Greta Hassan Ingrid Jonas Katya Liam Mira Nikos Olga Pedro Quinn Rosa Stefan Tara Uma Victor Wendy Xenia Yusuf Zoe Aaron Bella Cyrus Dora'.split(
      ' ',
    ),
  last: 'Abbott Becker Castillo Dawson Eriksen Fischer Grant Hoffman Ivanova Jensen Keller Larsen Moreno Novak Osborne Petrov Quigley Ramsey Schulz Tanaka Underwood Vargas Weber Yamada Zimmer Archer Brandt Cole Dietrich Engel'.split(
    ' ',
  ),
  surname: '王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧'.split(''),
  given:
    '伟 芳 秀英 娜 敏 静 强 磊 洋 艳 勇 军 杰 娟 涛 明 超 秀兰 霞 平 建国 志强 晓燕 雨桐 浩然 子涵 欣怡 梓轩 思远 文博'.split(
      ' ',
    ),
  company:
    'Northwind Bluebird Granite Lantern Meadow Orchard Pinnacle Quarry Riverside Summit Tidewater Umbra Vantage Willow Yellowstone Zephyr Anchor Beacon Cedar Delta Ember Falcon Glacier Harbor Iris Juniper Kestrel Lotus Marble Nimbus'.split(
      ' ',
    ),
  kind: ['Ltd', 'Inc', 'GmbH', 'Logistics', 'Software', 'Trading Co', 'Bank', 'Foods'],
  chineseCompany:
    '恒通 瑞丰 华泰 金源 鑫达 博远 天成 万象 东方 海润 永兴 盛世 腾飞 信诺 嘉禾 安泰 宏图 联创 众诚 启明 正源 凯旋 乐享 新航 长风 云帆 泰和 中联 丰源 顺达'.split(
      ' ',
    ),
  chineseKind: ['科技有限公司', '贸易有限公司', '物流公司', '食品厂', '银行', '软件公司'],
  place:
    'Lisbon Gdansk Oslo Vienna Porto Leeds Turin Malmo Bergen Ghent Kyoto Hanoi Lima Quito Accra Perth Dublin Riga Tallinn Vilnius Boston Denver Austin Tampa Fresno Odessa Lyon Nantes Basel Graz'.split(
      ' ',
    ),
  chinesePlace:
    '杭州 苏州 成都 武汉 西安 青岛 厦门 长沙 合肥 南昌 福州 昆明 贵阳 南宁 兰州 太原 沈阳 大连 哈尔滨 长春 石家庄 郑州 济南 宁波 温州 无锡 常州 烟台 珠海 佛山'.split(
      ' ',
    ),
  street:
    'Maple Oak Station Church Mill Park Queen Bridge Garden Hill Lake Market North School Spring Temple Union Vine Water York'.split(
      ' ',
    ),
  chineseStreet:
    '人民 解放 中山 建设 和平 新华 文化 长江 黄河 朝阳 胜利 光明 友谊 青年 工业 学院 滨海 迎宾 兴业 育才'.split(' '),
} as const;

const MONTHS = 'January February March April May June July August September October November December'.split(' ');

interface Drawing {
  readonly rng: Rng;
  readonly group: number;
  readonly isChinese: boolean;
}

const anyOf = <T>(rng: Rng, values: readonly T[]): T => values[rng.below(values.length)] as T;
/** Of a list, those that are the group's alone. */
const own = ({ rng, group }: Drawing, values: readonly string[]): string =>
  anyOf(
    rng,
    values.filter((_, index) => index % GROUPS === group),
  );
const digits = (rng: Rng, count: number): string => Array.from({ length: count }, () => rng.below(10)).join('');
const two = (value: number): string => String(value).padStart(2, '0');

/** What fills a gap; those in small letters are not marked. */
const FILLERS: Readonly<Record<string, (of: Drawing) => string>> = {
  PERSON: (of) =>
    of.isChinese
      ? anyOf(of.rng, NAMES.surname) + own(of, NAMES.given)
      : `${own(of, NAMES.first)} ${own(of, NAMES.last)}`,
  ORG: (of) =>
    of.isChinese
      ? own(of, NAMES.chineseCompany) + anyOf(of.rng, NAMES.chineseKind)
      : `${own(of, NAMES.company)} ${anyOf(of.rng, NAMES.kind)}`,
  PLACE: (of) => own(of, of.isChinese ? NAMES.chinesePlace : NAMES.place),
  ADDRESS: (of) =>
    of.isChinese
      ? `${own(of, NAMES.chineseStreet)}路${1 + of.rng.below(300)}号${1 + of.rng.below(20)}栋${101 + of.rng.below(900)}室`
      : `${1 + of.rng.below(300)} ${own(of, NAMES.street)} ${anyOf(of.rng, ['Street', 'Road', 'Lane', 'Avenue'])}`,
  EMAIL: (of) =>
    `${own(of, NAMES.first).toLowerCase()}${anyOf(of.rng, ['.', '_', ''])}${own(of, NAMES.last).toLowerCase()}@${own(of, NAMES.company).toLowerCase()}.example`,
  PHONE: (of) =>
    of.isChinese
      ? `1${anyOf(of.rng, ['30', '50', '88'])}0000${digits(of.rng, 4)}`
      : anyOf(of.rng, [
          `+1 555 01${two(of.rng.below(100))}`,
          `(020) 7946 0${digits(of.rng, 3)}`,
          `555-01${two(of.rng.below(100))}`,
        ]),
  CARD: ({ rng }) => {
    const parts = ['0000', digits(rng, 4), digits(rng, 4), digits(rng, 4)];
    return parts.join(anyOf(rng, [' ', '-', '']));
  },
  ID: ({ rng }) => `000000${1950 + rng.below(60)}${two(1 + rng.below(12))}${two(1 + rng.below(28))}${digits(rng, 3)}X`,
  DATE: ({ rng, isChinese }) => {
    const [year, month, day] = [2015 + rng.below(12), 1 + rng.below(12), 1 + rng.below(28)];
    const forms = isChinese
      ? [`${year}年${month}月${day}日`, `${month}月${day}日`, `${year}-${two(month)}-${two(day)}`]
      : [
          `${day} ${MONTHS[month - 1] ?? ''} ${year}`,
          `${MONTHS[month - 1] ?? ''} ${day}, ${year}`,
          `${year}-${two(month)}-${two(day)}`,
        ];
    return anyOf(rng, forms);
  },
  MONEY: ({ rng, isChinese }) => {
    const amount = `${1 + rng.below(9999)}${anyOf(rng, ['', '.50', '.99'])}`;
    return anyOf(
      rng,
      isChinese
        ? [`${amount}元`, `人民币${amount}元`, `¥${amount}`]
        : [`$${amount}`, `EUR ${amount}`, `${amount} euros`],
    );
  },
  number: ({ rng }) => anyOf(rng, [digits(rng, 3), digits(rng, 6), `A-${digits(rng, 5)}`, `#${digits(rng, 8)}`]),
  version: ({ rng }) => `${rng.below(9)}.${rng.below(20)}.${rng.below(10)}`,
};

/** @param copies sentences made of each of the 60 */
export function makeTexts(copies: number, seed: number): MarkedText[] {
  const rng = Rng.fromSeed(seed);
  return [ENGLISH, CHINESE].flatMap((templates) =>
    templates.flatMap((template, index) =>
      Array.from({ length: copies }, () =>
        filled(template, { rng, group: index % GROUPS, isChinese: templates === CHINESE }),
      ),
    ),
  );
}

function filled(template: string, drawing: Drawing): MarkedText {
  const entities: { start: number; end: number; label: string }[] = [];
  let text = '';
  for (const part of template.split(/(\{\w+\})/u)) {
    const label = part.startsWith('{') ? part.slice(1, -1) : undefined;
    const filler = label === undefined ? part : (FILLERS[label]?.(drawing) ?? '');
    if (label !== undefined && label === label.toUpperCase()) {
      entities.push({ start: text.length, end: text.length + filler.length, label });
    }
    text += filler;
  }
  return { text, entities, group: `group ${drawing.group}` };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { values } = parseArgs({
    options: { copies: { type: 'string', default: '15' }, seed: { type: 'string', default: '1' } },
  });
  for (const text of makeTexts(Number(values.copies), Number(values.seed))) console.log(JSON.stringify(text));
}
