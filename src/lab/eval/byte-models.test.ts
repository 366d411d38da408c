import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ByteModel, createUnigramModel, createWittenBellModel } from './byte-models.js';

const bytes = (text: string): Uint8Array => Buffer.from(text);

function trained(model: ByteModel, documents: readonly Uint8Array[]): ByteModel {
  for (const document of documents) model.train(document);
  return model;
}

describe('unigram', () => {
  test('add-one', () => {
    const model = trained(createUnigramModel(), [bytes('aab')]);
    expect(model.nats(bytes('abz'))).toBeCloseTo(-Math.log(3 / 259) - Math.log(2 / 259) - Math.log(1 / 259), 12);
  });
});

describe('Witten–Bell', () => {
  test('by hand: "abab", then a and b', () => {
    const model = trained(createWittenBellModel(2), [bytes('abab')]);
    // empty context: 4 bytes of 2 kinds; after a: 2 of 1 kind
    const a = (2 + 2 / 256) / 6;
    const b = (2 + 1 * a) / 3;
    expect(model.nats(bytes('ab'))).toBeCloseTo(-Math.log(a) - Math.log(b), 12);
  });

  test('untrained, every byte has one chance in 256', () => {
    expect(createWittenBellModel().nats(bytes('hello'))).toBeCloseTo(5 * Math.log(256), 12);
  });

  test('a document starts from an empty context, whatever was trained before it', () => {
    const split = trained(createWittenBellModel(), [bytes('ab'), bytes('cd')]);
    const whole = trained(createWittenBellModel(), [bytes('abcd')]);
    expect(split.nats(bytes('bc'))).toBeGreaterThan(whole.nats(bytes('bc')));
  });

  /** The formula with strings and Maps, from the documents themselves. */
  function naiveProbability(documents: readonly string[], context: string, next: string, order: number): number {
    const after = (wanted: string): string[] =>
      documents.flatMap((document) =>
        [...document].filter((_, i) => i >= wanted.length && document.slice(i - wanted.length, i) === wanted),
      );
    let probability = 1 / 256;
    for (let length = 0; length < Math.min(order, context.length + 1); length++) {
      const followers = after(context.slice(context.length - length));
      if (followers.length === 0) break;
      const kinds = new Set(followers).size;
      const count = followers.filter((byte) => byte === next).length;
      probability = (count + kinds * probability) / (followers.length + kinds);
    }
    return probability;
  }

  test('equals the formula on any text, at any order', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 20 });
    fc.assert(
      fc.property(fc.array(text, { maxLength: 4 }), text, fc.integer({ min: 1, max: 6 }), (documents, probe, order) => {
        const model = trained(createWittenBellModel(order), documents.map(bytes));
        const nats = [...probe].map(
          (byte, i) => -Math.log(naiveProbability(documents, probe.slice(0, i), byte, order)),
        );
        expect(model.nats(bytes(probe))).toBeCloseTo(
          nats.reduce((sum, x) => sum + x, 0),
          9,
        );
      }),
    );
  });

  test('the chances of all bytes after any context sum to 1', () => {
    const model = trained(createWittenBellModel(), [bytes('the cat sat on the mat'), bytes('层归一化')]);
    for (const context of ['', 't', 'the ', 'the c', 'xyz', '层', 'on the']) {
      const before = model.nats(bytes(context));
      const chances = Array.from({ length: 256 }, (_, byte) =>
        Math.exp(before - model.nats(Uint8Array.from([...bytes(context), byte]))),
      );
      expect(chances.reduce((sum, chance) => sum + chance, 0)).toBeCloseTo(1, 9);
    }
  });

  test('orders that cannot be packed are refused', () => {
    for (const order of [0, 7, 2.5]) expect(() => createWittenBellModel(order)).toThrow(RangeError);
  });
});
