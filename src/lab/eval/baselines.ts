/**
 * What a trained model is compared with on the same held-out text, in bits per byte: byte unigram, byte 6-gram, and
 * brotli, alone and primed with the training text.
 */
import { setImmediate } from 'node:timers/promises';
import { type BitsPerByte, type DocumentScore, summarizeBitsPerByte } from './bits-per-byte.js';
import { type BrotliBits, brotliBits } from './brotli.js';
import { type ByteModel, createUnigramModel, createWittenBellModel } from './byte-models.js';

/** A figure over the whole text: a compressor has no cost of one document. */
export interface WholeTextBitsPerByte {
  readonly bitsPerByte: number;
  readonly bytes: number;
}

export interface Baselines {
  readonly unigram: BitsPerByte;
  readonly sixgram: BitsPerByte;
  readonly brotli: WholeTextBitsPerByte;
  readonly brotliPrimed: WholeTextBitsPerByte;
  /** How much training text the baselines saw. */
  readonly trainingBytes: number;
}

export interface BaselineOptions {
  /** More training text than this is thinned out evenly: both kinds of baseline slow down with it. 8 MiB when not given. */
  readonly maxTrainingBytes?: number;
}

const DEFAULT_MAX_TRAINING_BYTES = 8 << 20;
/** Between documents for brotli; costs it about a bit each, and is not counted as text. */
const SEPARATOR = Buffer.from('\n');
/** Text the n-gram models take between two turns of the event loop, some 50 ms. */
const TURN_BYTES = 64 << 10;

/**
 * The compressor runs in the thread pool while the n-gram models count on this thread, in portions between which the
 * event loop turns. The n-gram models start each document from an empty context; brotli reads the documents joined.
 * @param training texts of the training documents
 * @param heldOut texts of the documents the model is evaluated on; at least one not empty
 * @throws MoatError `nothing-to-evaluate`
 */
export async function measureBaselines(
  training: readonly string[],
  heldOut: readonly string[],
  options: BaselineOptions = {},
): Promise<Baselines> {
  const encode = (text: string): Uint8Array => Buffer.from(text);
  const heldOutBytes = heldOut.filter((text) => text !== '').map(encode);
  const trainingBytes = thinOut(training.map(encode), options.maxTrainingBytes ?? DEFAULT_MAX_TRAINING_BYTES);
  const [bits, unigram, sixgram] = await Promise.all([
    brotliBits(joined(trainingBytes), joined(heldOutBytes)),
    scoreWith(createUnigramModel(), trainingBytes, heldOutBytes),
    scoreWith(createWittenBellModel(), trainingBytes, heldOutBytes),
  ]);
  const bytes = totalBytes(heldOutBytes);
  const perByte = (kind: keyof BrotliBits): WholeTextBitsPerByte => ({ bitsPerByte: bits[kind] / bytes, bytes });
  return {
    unigram: summarizeBitsPerByte(unigram),
    sixgram: summarizeBitsPerByte(sixgram),
    brotli: perByte('alone'),
    brotliPrimed: perByte('primed'),
    trainingBytes: totalBytes(trainingBytes),
  };
}

async function scoreWith(
  model: ByteModel,
  training: readonly Uint8Array[],
  heldOut: readonly Uint8Array[],
): Promise<DocumentScore[]> {
  for await (const document of inTurns(training)) model.train(document);
  const scores: DocumentScore[] = [];
  for await (const document of inTurns(heldOut)) {
    scores.push({ nats: model.nats(document), bytes: document.byteLength });
  }
  return scores;
}

/** Lets the event loop turn between portions. */
async function* inTurns(documents: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  let portion = 0;
  for (const document of documents) {
    yield document;
    portion += document.byteLength;
    if (portion < TURN_BYTES) continue;
    portion = 0;
    await setImmediate();
  }
}

/** Documents spread evenly over the whole list, together about `maxBytes` at most. */
export function thinOut(documents: readonly Uint8Array[], maxBytes: number): Uint8Array[] {
  const share = maxBytes / totalBytes(documents);
  if (share >= 1) return [...documents];
  let seen = 0;
  let taken = 0;
  return documents.filter(({ byteLength }) => {
    seen += byteLength;
    if (taken + byteLength > seen * share) return false;
    taken += byteLength;
    return true;
  });
}

const totalBytes = (documents: readonly Uint8Array[]): number =>
  documents.reduce((sum, { byteLength }) => sum + byteLength, 0);

const joined = (documents: readonly Uint8Array[]): Uint8Array =>
  Buffer.concat(documents.flatMap((document) => [document, SEPARATOR]));
