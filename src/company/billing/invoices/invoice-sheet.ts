/** An invoice as words on a sheet: what HTML and PDF both show. Pure. */
import { type Micros, formatMicros } from '../../../base/money.js';
import type { Invoice, InvoiceLine, UsageDetail } from './invoice.js';
import { type Language, WORDS, type Words } from './invoice-words.js';
import type { Buyer, Seller } from './parties.js';
import type { CreditNote } from './settle-invoice.js';

export interface SheetRow {
  readonly what: string;
  readonly quantity: string;
  readonly price: string;
  readonly amount: string;
  /** A part of the row above it. */
  readonly isDetail: boolean;
}

export interface InvoiceSheet {
  readonly language: Language;
  readonly title: string;
  readonly state: string;
  readonly seller: readonly string[];
  readonly buyer: readonly string[];
  readonly facts: readonly (readonly [label: string, value: string])[];
  readonly headings: readonly [string, string, string, string];
  readonly rows: readonly SheetRow[];
  readonly totals: readonly (readonly [label: string, value: string])[];
  readonly payment: readonly string[];
  readonly words: Words;
}

/** @param language default: the buyer's */
export function sheetOf(invoice: Invoice, language: Language = invoice.buyer.language): InvoiceSheet {
  const words = WORDS[language];
  const { seller, buyer, currency } = invoice;
  const day = dayFormat(language, seller.timeZone);
  const money = (micros: Micros): string => `${grouped(micros)} ${currency}`;
  const credit = invoice.fromCreditMicros;
  const stillDue = invoice.dueMicros - invoice.creditedMicros;
  return {
    language,
    title: `${words.invoice} ${invoice.number ?? ''}`.trim(),
    state: words.states[invoice.state],
    seller: partyLines(seller, words),
    buyer: partyLines(buyer, words),
    facts: [
      [words.issued, day(invoice.issuedAt)],
      ...(invoice.dueMicros === 0n ? [] : [[words.due, day(invoice.dueAt)] as const]),
      ...(invoice.usageTo > invoice.usageFrom
        ? [[words.usagePeriod, span(day, invoice.usageFrom, invoice.usageTo)] as const]
        : []),
    ],
    headings: [words.what, words.quantity, words.price, `${words.amount} (${currency})`],
    rows: invoice.lines.flatMap((line) => rowsOf(line, words, day)),
    totals: [
      [words.total, money(invoice.totalMicros)],
      ...(credit > 0n ? [[words.fromCredit, money(-credit)] as const] : []),
      ...(credit < 0n ? [[words.toCredit, money(-credit)] as const] : []),
      ...(invoice.creditedMicros === 0n ? [] : [[words.credited, money(-invoice.creditedMicros)] as const]),
      ...(stillDue === 0n || invoice.state === 'open' ? [] : [[settledBy(invoice, words), money(-stillDue)] as const]),
      [words.amountDue, money(invoice.state === 'open' ? stillDue : 0n)],
    ],
    payment: invoice.state === 'open' ? seller.payment : [],
    words,
  };
}

const settledBy = ({ state }: Invoice, words: Words): string => (state === 'void' ? words.takenBack : words.received);

/** A credit note, which says what of which invoice is given back. */
export function creditNoteSheet(
  note: CreditNote,
  invoice: Invoice,
  language: Language = invoice.buyer.language,
): InvoiceSheet {
  const words = WORDS[language];
  const money = (micros: Micros): string => `${grouped(micros)} ${note.currency}`;
  const toCredit = note.amountMicros - note.offDueMicros - note.refundedMicros;
  return {
    ...sheetOf(invoice, language),
    title: `${words.creditNote} ${note.number}`,
    state: '',
    facts: [[words.issued, dayFormat(language, invoice.seller.timeZone)(note.issuedAt)]],
    rows: [
      {
        what: words.forInvoice(note.invoice),
        quantity: '',
        price: '',
        amount: grouped(-note.amountMicros),
        isDetail: false,
      },
      { what: note.reason, quantity: '', price: '', amount: '', isDetail: true },
    ],
    totals: [
      ...(note.taxMicros === 0n ? [] : [[words.included, money(-note.taxMicros)] as const]),
      ...(toCredit === 0n ? [] : [[words.toCredit, money(toCredit)] as const]),
      ...(note.refundedMicros === 0n ? [] : [[words.refunded, money(note.refundedMicros)] as const]),
      [words.total, money(-note.amountMicros)],
    ],
    payment: [],
  };
}

function partyLines(party: Seller | Buyer, words: Words): string[] {
  return [
    party.name,
    ...party.address,
    ...(party.taxId === undefined ? [] : [`${words.taxId}: ${party.taxId}`]),
    ...(party.email === undefined ? [] : [party.email]),
  ];
}

type DayFormat = (at: Date) => string;

function dayFormat(language: Language, timeZone: string): DayFormat {
  const format = new Intl.DateTimeFormat(language === 'zh' ? 'zh-CN' : 'en-GB', {
    timeZone,
    year: 'numeric',
    month: 'long',
    day: 'numeric',
  });
  return (at) => format.format(at);
}

/** The last day is the one before the end. */
const span = (day: DayFormat, from: Date, to: Date): string => `${day(from)} – ${day(new Date(to.getTime() - 1))}`;

function rowsOf(line: InvoiceLine, words: Words, day: DayFormat): SheetRow[] {
  const row = (what: string, quantity = '', price = ''): SheetRow => ({
    what,
    quantity,
    price,
    amount: grouped(line.amountMicros),
    isDetail: false,
  });
  switch (line.kind) {
    case 'usage':
      return [row(words.usage(line.detail.model, line.detail.isLate)), ...classRows(line.detail, words)];
    case 'adjustment':
      return [row('model' in line.detail ? words.volume(line.detail.model, line.detail.month) : line.detail.what)];
    case 'credit':
      return [row(words.credit(line.detail.topUp))];
    case 'tax':
      return [row(`${line.detail.name} ${line.detail.percent} %`)];
    case 'rounding':
      return [row(words.rounding)];
    case 'proration':
      return [row(words.proration(line.detail.plan, line.detail.isReturn === true)), timeRow(line.detail, day)];
    case 'minimum':
      return [row(words.minimum), timeRow(line.detail, day)];
    case 'seats': {
      const { seats = 0 } = line.detail;
      return [
        row(words.seats, String(seats), seats === 0 ? '' : grouped(line.amountMicros / BigInt(seats))),
        timeRow(line.detail, day),
      ];
    }
    case 'fee':
      return [row(`${words.fee} ${line.detail.plan}`, '1', grouped(line.amountMicros)), timeRow(line.detail, day)];
  }
}

function timeRow({ from, to }: { from: string; to: string }, day: DayFormat): SheetRow {
  return { what: span(day, new Date(from), new Date(to)), quantity: '', price: '', amount: '', isDetail: true };
}

/** A row for each kind of token; the amount is that of all together, because it is rounded once for all. */
function classRows(detail: UsageDetail, words: Words): SheetRow[] {
  const { rates } = detail;
  const row = (what: string, quantity: string, price: string | undefined, unit: string): SheetRow[] =>
    quantity === '0'
      ? []
      : [
          {
            what,
            quantity: groupDigits(quantity),
            price: price === undefined ? words.byTiers : `${grouped(BigInt(price))} ${unit}`,
            amount: '',
            isDetail: true,
          },
        ];
  const requests = rates?.request === '0' ? [] : row(words.requests, detail.requests, rates?.request, words.each);
  return [
    ...row(words.inputTokens, detail.inputTokens, rates?.input, words.perMillion),
    ...row(words.cachedTokens, detail.cachedTokens, rates?.cached, words.perMillion),
    ...row(words.outputTokens, detail.outputTokens, rates?.output, words.perMillion),
    ...requests,
  ];
}

/** 1234567890n → "1,234.56789" */
function grouped(micros: Micros): string {
  const [whole = '0', fraction = '00'] = formatMicros(micros).split('.');
  return `${groupDigits(whole)}.${fraction}`;
}

const groupDigits = (digits: string): string => digits.replaceAll(/\B(?=(\d{3})+$)/g, ',');
