/**
 * Byte models that a trained model has to beat: the unigram with add-one smoothing, and the 6-gram interpolated over
 * all shorter contexts by Witten & Bell (1991; method C of Bell & Witten). Both know nothing before a document's first
 * byte: each document is trained on and scored from an empty context.
 */
import { createCountTable } from './count-table.js';

export interface ByteModel {
  /** Counts a training document. */
  train(document: Uint8Array): void;
  /** −ln P(document) under the counts so far. */
  nats(document: Uint8Array): number;
}

const BYTE_VALUES = 256;
/** 256^6: above every n-gram of up to six bytes, so that the length can be packed above it. */
const LENGTH_UNIT = BYTE_VALUES ** 6;
const MAX_CONTEXT = 5;

/** P(b) = (c(b) + 1) ÷ (n + 256). */
export function createUnigramModel(): ByteModel {
  const counts = new Float64Array(BYTE_VALUES);
  let total = 0;
  return {
    train(document) {
      for (const byte of document) counts[byte] = (counts[byte] as number) + 1;
      total += document.length;
    },
    nats(document) {
      let sum = 0;
      for (const byte of document) sum -= Math.log(((counts[byte] as number) + 1) / (total + BYTE_VALUES));
      return sum;
    },
  };
}

/**
 * With c(h) occurrences of a context h, T(h) different bytes after it and h′ the context without its first byte:
 * P(b | h) = (c(h b) + T(h) · P(b | h′)) ÷ (c(h) + T(h)); below the empty context every byte has P = 1 ÷ 256.
 * @param order bytes an n-gram, 1 to 6; the context is one shorter
 */
export function createWittenBellModel(order = 6): ByteModel {
  if (!Number.isInteger(order) || order < 1 || order > MAX_CONTEXT + 1) throw new RangeError(`order ${order}`);
  const grams = createCountTable();
  const totals = createCountTable();
  const types = createCountTable();
  /** Visits the contexts of the byte at `at`, shortest first, until `visit` says false. */
  const eachContext = (document: Uint8Array, at: number, visit: (context: number, gram: number) => boolean): void => {
    const byte = document[at] as number;
    let packed = 0;
    let place = 1;
    for (let length = 0; length < order && length <= at; length++) {
      if (length > 0) {
        packed += (document[at - length] as number) * place;
        place *= BYTE_VALUES;
      }
      const context = length * LENGTH_UNIT + packed;
      const gram = (length + 1) * LENGTH_UNIT + packed * BYTE_VALUES + byte;
      if (!visit(context, gram)) return;
    }
  };
  return {
    train(document) {
      for (let at = 0; at < document.length; at++) {
        eachContext(document, at, (context, gram) => {
          totals.add(context, 1);
          if (grams.add(gram, 1) === 1) types.add(context, 1);
          return true;
        });
      }
    },
    nats(document) {
      let sum = 0;
      for (let at = 0; at < document.length; at++) {
        let probability = 1 / BYTE_VALUES;
        eachContext(document, at, (context, gram) => {
          const total = totals.get(context);
          if (total === 0) return false; // a context never seen has no longer one that was
          const distinct = types.get(context);
          probability = (grams.get(gram) + distinct * probability) / (total + distinct);
          return true;
        });
        sum -= Math.log(probability);
      }
      return sum;
    },
  };
}
