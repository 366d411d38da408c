import { expect, it } from 'vitest';
import type { AuditLogEntry } from '../../company/gateway/api-types.js';
import { dictionaries } from '../i18n/dictionary.js';
import { createFormatter } from '../i18n/format.js';
import type { Locale } from '../i18n/locale.js';
import { actorName, auditFacts } from './audit-details.js';

const locale = (language: 'en' | 'zh', tag: string): Locale => ({
  language,
  tag,
  text: dictionaries[language],
  format: createFormatter(tag),
});
const en = locale('en', 'en-US');
const zh = locale('zh', 'zh-CN');

const northwind = {
  kind: 'customer',
  name: 'Northwind',
  customerId: 'cus_1',
  customerName: 'Northwind',
  currency: 'CNY',
} as const;
const entry = (given: Partial<AuditLogEntry>): AuditLogEntry => ({
  id: '1',
  time: '2030-01-02T03:04:05.000Z',
  actor: 'ann@acme.example',
  action: 'credit.added',
  target: 'cus_1',
  details: {},
  hash: '00',
  names: { cus_1: northwind },
  ...given,
});
const said = (given: Partial<AuditLogEntry>, reader = en): string =>
  auditFacts(entry(given), reader)
    .map(({ label, value }) => `${label}: ${value}`)
    .join('; ');

it('amounts have the currency of whoever they concern; ids are names; words are translated', () => {
  const credit = { details: { amountMicros: '-50000000', kind: 'payment', reference: 'INV-2041' } };
  expect(said(credit)).toBe('Customer: Northwind; Amount: −¥50.00; Kind: payment; Reference: INV-2041');
  expect(said(credit, zh)).toBe('客户: Northwind; 金额: −¥50.00; 类型: 付款; 凭证号: INV-2041');
  expect(auditFacts(entry(credit), en)[0]?.href).toBe('/customers/cus_1');
  const budget = { keyId: 'key_1', model: null, span: 'month', limitMicros: '1234567890000' };
  const names = { cus_1: northwind, key_1: { ...northwind, kind: 'key', name: 'web shop' } } as const;
  expect(said({ details: budget, names })).toBe(
    'Customer: Northwind; Key: web shop; Period: each month; At most: ¥1,234,567.89',
  );
});

it('what nothing is known of is shown as it was written down', () => {
  expect(said({ target: 'cus_gone', names: {}, details: { amountMicros: '1500000', odd: 'x', trial: false } })).toBe(
    'Concerns: cus_gone; Amount: 1.50; odd: x',
  );
  expect(said({ target: 'all customers', names: {} })).toBe('Concerns: all customers');
  // A plan that is called like a word of the program keeps its name.
  expect(said({ details: { plan: 'now', when: 'now' } })).toBe('Customer: Northwind; Plan: now; When: at once');
});

it('says who did it', () => {
  expect(actorName(entry({}), en.text)).toBe('ann@acme.example');
  expect(actorName(entry({ actor: 'command line' }), zh.text)).toBe('命令行');
  expect(actorName(entry({ actor: 'customer cus_1' }), en.text)).toBe('Northwind (customer)');
});
