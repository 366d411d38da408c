import { describe, expect, it } from 'vitest';
import { identifyLanguage } from './language.js';

const PROSE: readonly (readonly [string, string])[] = [
  ['en', 'The quick brown fox jumps over the lazy dog and runs away.'],
  ['en', 'Very nice, fast delivery!'],
  ['de', 'Guten Tag, wie geht es Ihnen heute?'],
  ['de', 'Der Hund läuft schnell über die Straße.'],
  ['fr', 'Bonjour, comment allez-vous ? Je suis très content de vous voir.'],
  ['es', 'Buenos días, ¿cómo está usted?'],
  ['it', 'La vita è bella, ma non è sempre facile.'],
  ['pt', 'Obrigado pela ajuda, até amanhã'],
  ['nl', 'Het is vandaag mooi weer, maar morgen gaat het regenen.'],
  ['pl', 'Dzień dobry, jak się masz? Czy możesz mi pomóc?'],
  ['sv', 'Jag förstår inte vad du säger, kan du upprepa det?'],
  ['da', 'Jeg forstår ikke, hvad du siger, kan du gentage det?'],
  ['fi', 'Hyvää päivää, mitä sinulle kuuluu tänään?'],
  ['cs', 'Dobrý den, jak se máte? Můžete mi prosím pomoci?'],
  ['tr', 'Merhaba, nasılsın? Bugün hava çok güzel.'],
  ['id', 'Saya tidak bisa datang karena sedang bekerja di kantor.'],
  ['vi', 'Xin chào các bạn, hôm nay trời đẹp quá'],
  ['ro', 'Bună ziua, ce mai faceți? Nu știu unde este casa.'],
  ['hu', 'Jó napot kívánok, hogy van? Nem értem, mit mond.'],
  ['ru', 'Привет, как дела? Мы очень рады вас видеть.'],
  ['uk', 'Привіт, як твої справи?'],
  ['bg', 'Той каза, че градът е красив и къщата е голяма.'],
  ['sr', 'Његова кућа је близу, а љубав је велика.'],
  ['ar', 'مرحبا، كيف حالك اليوم؟'],
  ['fa', 'چگونه می‌توانم به شما کمک کنم؟'],
  ['he', 'שלום, מה שלומך היום?'],
  ['el', 'Καλημέρα, τι κάνετε σήμερα;'],
  ['th', 'สวัสดีครับ วันนี้อากาศดีมาก'],
  ['hi', 'नमस्ते, आप कैसे हैं?'],
  ['ko', '안녕하세요, 오늘 날씨가 좋네요.'],
  ['ja', '日本語の文章です。Node.js で動きます。'],
  ['ja', '東京駅発 経済図'],
  ['zh-Hans', '这个产品的质量很好，下次还会再买。'],
  ['zh-Hans', '安装 nginx、PostgreSQL 和 Redis 之后运行 docker compose up。'],
  ['zh-Hans', '明月几时有，把酒问青天。'],
  ['zh-Hant', '貴公司的產品質量很好，下次還會再買。'],
  ['zh-Hant', '請問這個要多少錢？'],
];

describe('language', () => {
  it.each(PROSE)('is %s for %j', (language, text) => {
    expect(identifyLanguage(text).language).toBe(language);
  });

  it.each([
    '',
    '   \n',
    '12345 678 3.14',
    '。。。',
    ':)',
    'def f(x):\n    return x + 1\n',
    'for (let i = 0; i < 10; i++) { total += prices[i]; }',
    'import numpy as np\nx = np.zeros((3, 4))\nprint(x.shape)',
    '{"a": 1, "b": [2, 3], "name": "x"}',
    '#include <stdio.h>\nint main(void) { return 0; }',
    'class A extends B {\n  constructor() { super(); this.x = 3; }\n}',
    'd41d8cd98f00b204e9800998ecf8427e',
    '2024-01-02 13:14:15,220 200 0.034 7781',
  ])('is undetermined for %j', (text) => {
    expect(identifyLanguage(text)).toEqual({ language: 'und', confidence: 0 });
  });

  it('is sure of long text and unsure without evidence', () => {
    expect(identifyLanguage('This is what they have been looking for all the time.').confidence).toBeGreaterThan(0.95);
    expect(identifyLanguage('山水人心').confidence).toBeLessThanOrEqual(0.5);
    expect(identifyLanguage('Zzyx').confidence).toBeLessThan(0.7);
  });

  it('looks at all of a long text in pieces', () => {
    const english = 'The house is on the other side of the river. '.repeat(40);
    const german = 'Das Haus steht auf der anderen Seite des Flusses. '.repeat(4000);
    expect(identifyLanguage(english + german).language).toBe('de');
  });

  it('takes no longer for 10 MB than for 10 kB', () => {
    const text = 'It was the best of times, it was the worst of times. '.repeat(200_000);
    const start = performance.now();
    for (let i = 0; i < 20; i++) identifyLanguage(text);
    expect(performance.now() - start).toBeLessThan(2000);
  });

  it('always gives a confidence from 0 to 1', () => {
    for (const text of ['\ud800', 'a', 'é', '𠀀𠀁𠀂', 'ⅷ', '😀😀', '\u0301\u0301', 'Ω'.repeat(100)]) {
      const { confidence } = identifyLanguage(text);
      expect(confidence).toBeGreaterThanOrEqual(0);
      expect(confidence).toBeLessThanOrEqual(1);
    }
  });
});
