/** Invented values that must be found, values much like them that must not, and figures over both. */
import { describe, expect, test } from 'vitest';
import { type PersonalDataKind, findPersonalData, maskPersonalData } from './personal-data.js';

const FOUND: Readonly<Record<PersonalDataKind, readonly string[]>> = {
  email: [
    'write to anna.lopez+shop@mail.example.com today',
    '联系邮箱：wang_li@example.com.cn，谢谢',
    '<mailto:x@y.io>',
    'a%b@sub.domain.example.org',
    'müller@bücher.example',
  ],
  phone: [
    '手机13812345678',
    '电话：138 1234 5678',
    '+86 139-1234-5678',
    '座机 010-62345678',
    '(021) 62345678',
    'call +44 20 7946 0958 now',
    '+1 (415) 555-2671',
    '(415) 555-2671',
    '415-555-2671',
    '+49 30 901820',
  ],
  'resident-id': ['身份证11010519491231002X', 'id 440524188001010014.', '身份证号：11010519491231002x'],
  'bank-card': ['card 4111 1111 1111 1111', '5555555555554444', '卡号：6222021234567890128', '3782 822463 10005'],
  iban: ['IBAN DE89 3704 0044 0532 0130 00', 'GB29NWBK60161331926819', 'FR14 2004 1010 0505 0001 3M02 606'],
  ip: ['from 8.8.8.8 at noon', '登录IP：114.114.114.114', '2001:4860:4860::8888', '2a00:1450:4001:81b::200e'],
  secret: [
    'AKIAIOSFODNN7EXAMPLE',
    `ghp_${'a1B2'.repeat(9)}`,
    `sk-proj-${'Ab3_'.repeat(8)}`,
    `xoxb-${'123456789012-abcdefABCDEF'}`,
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.c2lnbmF0dXJlLWlzLWhlcmU',
    '-----BEGIN RSA PRIVATE KEY-----\nMIIBOgIBAAJBAK\n-----END RSA PRIVATE KEY-----',
    `hf_${'aBcDe'.repeat(7)}`,
  ],
};

const NOT_FOUND = [
  'version 1.2.3.4 is out',
  '版本 10.2.3.4',
  'v8.11.3.244',
  'at 127.0.0.1 or 192.168.1.20 or 10.0.0.7',
  'the example address 192.0.2.44',
  'in section 4.3.2.1 of the text',
  'pi is 3.14159265358979323846',
  'order 13812345 of 2024',
  '订单号202411230000123456',
  '1234567890123456',
  'serial 4111111111111112',
  '身份证110105194912310021',
  'DE89 3704 0044 0532 0130 01',
  'npm install @types/node',
  'user@localhost',
  '@someone and @other',
  'std::vector<int>::iterator',
  '12:30:45',
  'aa:bb:cc:dd:ee:ff',
  'from 2019-2024, pp. 415-555',
  'the years 1999 2000 2001 2002',
  '0.1234567890123',
  'ISBN 978-3-16-148410-0',
  'sk-learn and sk-image',
  '13812345678901234',
  '版权所有 2008-2012',
  'a = b[1]; c = d@e',
  'price 1,234,567.89',
  '第1234页',
  'the hash 3f2504e04f8911d39a0c0305e82c3301',
  'UUID 3f2504e0-4f89-11d3-9a0c-0305e82c3301',
  '1.0.0.0-beta',
];

describe.each(Object.entries(FOUND))('%s', (kind, texts) => {
  test.each(texts)('%s', (text) => {
    expect(findPersonalData(text).map((datum) => datum.kind)).toEqual([kind]);
  });
});

test.each(NOT_FOUND)('nothing in: %s', (text) => {
  expect(findPersonalData(text)).toEqual([]);
});

test('masks each in its place and leaves the rest', () => {
  const text = 'Anna (anna@example.com, 13812345678) paid with 4111 1111 1111 1111.';
  expect(maskPersonalData(text, findPersonalData(text))).toBe('Anna ([email], [phone]) paid with [bank-card].');
});

test('time stays linear in what looks nearly right', () => {
  for (const piece of ['1', '1 ', 'a.', '@', 'a@b.', '1.1.', 'DE89 3704 ', ':', 'eyJ', '+1 ', '-----BEGIN ', 'sk-']) {
    const text = piece.repeat(Math.ceil(200_000 / piece.length));
    expect(findPersonalData(text).length, piece).toBeLessThan(text.length);
  }
});
