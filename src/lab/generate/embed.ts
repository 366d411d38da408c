/** Texts as vectors, by an encoder's folder as sentence-transformers lays it out. Knows nothing of what they are for. */
import { MoatError } from '../../base/errors.js';
import type { Dim } from '../graph/dims.js';
import { div, maximum, mul, sqrt } from '../graph/ops/arithmetic.js';
import { slice } from '../graph/ops/layout.js';
import { matmul } from '../graph/ops/matmul.js';
import { reshape, sum } from '../graph/ops/reshape.js';
import { type Tensor, input, scalar } from '../graph/tensor.js';
import { type EncoderModel, INFERENCE } from '../models/model.js';
import { type CompileOptions, type Program, compile, floats, integers } from '../runtime/program.js';
import { type WordPieceTokenizer, loadWordPiece } from '../tokenizer/wordpiece.js';
import { readEncoder, readEncoderWeights } from './load-encoder.js';
import { type SentenceSettings, readSentenceSettings } from './sentence-settings.js';

export interface SentenceEncoder {
  /** Elements of a vector. */
  readonly width: number;
  /** Longer texts are cut. */
  readonly maxTokens: number;
  /** Tokens of each text, uncut, with the special ones around it. */
  count(texts: readonly string[]): number[];
  /** One vector a text, in order. */
  embed(texts: readonly string[]): Promise<Float32Array[]>;
  close(): Promise<void>;
}

/** Texts of one run of the program, and its tokens, padding included: beyond this nothing gets faster. */
const BATCH_TEXTS = 64;
const BATCH_TOKENS = 4096;
/** What a vector of length 0 is divided by. */
const SMALLEST_LENGTH = 1e-12;

/**
 * @param folder `config.json`, `tokenizer.json` and `model.safetensors`; `modules.json` where it is a sentence model
 * @throws MoatError `not-an-encoder`, those of the tokenizer, the configuration and the weights
 */
export async function loadSentenceEncoder(folder: string, options: CompileOptions = {}): Promise<SentenceEncoder> {
  const model = await readEncoder(folder);
  const tokenizer = await loadWordPiece(folder);
  const settings = await readSentenceSettings(folder);
  if (tokenizer.vocabSize > model.config.vocab_size) {
    throw new MoatError(
      'other-vocabulary',
      `${folder}: the tokenizer has ${tokenizer.vocabSize} tokens, the model ${model.config.vocab_size}`,
      { fix: 'The two files belong to different models; copy the folder again.' },
    );
  }
  const program = await compileEncoder(folder, model, settings, options);
  const positions = model.config.max_position_embeddings;
  const maxTokens = Math.min(settings.maxTokens ?? positions, positions);
  return {
    width: program.width,
    maxTokens,
    count: (texts) => texts.map((text) => tokenizer.encode(text).ids.length),
    embed: (texts) => embedAll(program, tokenizer, texts, maxTokens),
    close: () => program.program.close(),
  };
}

/**
 * Loads, embeds, and frees the model again; keep a `loadSentenceEncoder` where texts come one by one.
 * @returns one vector a text, of length 1 unless the folder says otherwise
 */
export async function embedSentences(
  folder: string,
  texts: readonly string[],
  options: CompileOptions = {},
): Promise<Float32Array[]> {
  const encoder = await loadSentenceEncoder(folder, options);
  try {
    return await encoder.embed(texts);
  } finally {
    await encoder.close();
  }
}

/** The cosine of the angle between two vectors: 1 for the same direction. */
export function cosineSimilarity(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new RangeError(`vectors of ${a.length} and ${b.length} elements`);
  let product = 0;
  let squareA = 0;
  let squareB = 0;
  for (let i = 0; i < a.length; i++) {
    const x = a[i] as number;
    const y = b[i] as number;
    product += x * y;
    squareA += x * x;
    squareB += y * y;
  }
  return squareA === 0 || squareB === 0 ? 0 : product / Math.sqrt(squareA * squareB);
}

interface EncoderProgram {
  readonly program: Program;
  readonly width: number;
}

async function compileEncoder(
  folder: string,
  model: EncoderModel,
  settings: SentenceSettings,
  options: CompileOptions,
): Promise<EncoderProgram> {
  const weights = await readEncoderWeights(folder, model);
  const tokens = input('tokens', ['batch', 'time'], 'int64');
  const mask = input('mask', ['batch', 'time']);
  const positions = input('positions', ['time'], 'int64');
  const hidden = model.encode(weights, { tokens, mask, positions }, INFERENCE); // [batch, time, width]
  const pooled = settings.pooling === 'mean' ? meanOver(hidden, mask) : firstOf(hidden);
  const vectors = settings.normalize ? toLengthOne(pooled) : pooled;
  const program = await compile({ vectors }, [tokens, mask, positions], options);
  return { program, width: Number(vectors.shape[1]) };
}

/** @returns `[batch, width]`: the mean of the vectors that are no padding */
function meanOver(hidden: Tensor, mask: Tensor): Tensor {
  const [batch, time, width] = hidden.shape as readonly [Dim, Dim, Dim];
  const total = matmul(reshape(mask, [batch, 1, time]), hidden); // [batch, 1, width]
  return div(reshape(total, [batch, width]), sum(mask, [1], true));
}

function firstOf(hidden: Tensor): Tensor {
  const [batch, , width] = hidden.shape as readonly [Dim, Dim, Dim];
  return reshape(slice(hidden, 1, 0, 1), [batch, width]);
}

function toLengthOne(vectors: Tensor): Tensor {
  const lengths = sqrt(sum(mul(vectors, vectors), [-1], true)); // [batch, 1]
  return div(vectors, maximum(lengths, scalar(SMALLEST_LENGTH)));
}

/** Texts of like length run together, so that little is padding; vectors come back in the order of the texts. */
async function embedAll(
  { program, width }: EncoderProgram,
  { encode, pad }: WordPieceTokenizer,
  texts: readonly string[],
  maxTokens: number,
): Promise<Float32Array[]> {
  const encoded = texts.map((text, index) => ({ index, ids: encode(text, { maxTokens }).ids }));
  const vectors: Float32Array[] = [];
  for (const batch of batchesOf(encoded.sort((a, b) => b.ids.length - a.ids.length))) {
    const time = batch[0]?.ids.length ?? 0;
    const tokens = new BigInt64Array(batch.length * time).fill(BigInt(pad));
    const mask = new Float32Array(batch.length * time);
    for (const [row, { ids }] of batch.entries()) {
      for (const [place, id] of ids.entries()) tokens[row * time + place] = BigInt(id);
      mask.fill(1, row * time, row * time + ids.length);
    }
    const dims = [batch.length, time];
    const positions = integers(
      Array.from({ length: time }, (_, place) => place),
      [time],
    );
    const results = await program.run({
      tokens: { data: tokens, dims, dtype: 'int64' },
      mask: floats(mask, dims),
      positions,
    });
    const data = results['vectors']?.data as Float32Array;
    for (const [row, { index }] of batch.entries()) vectors[index] = data.slice(row * width, (row + 1) * width);
  }
  return vectors;
}

/** @param sorted longest first, so that a batch is as long as its first text */
function* batchesOf<T extends { readonly ids: readonly number[] }>(sorted: readonly T[]): Generator<T[]> {
  for (let start = 0; start < sorted.length;) {
    const longest = sorted[start]?.ids.length ?? 1;
    const size = Math.max(1, Math.min(BATCH_TEXTS, Math.floor(BATCH_TOKENS / longest)));
    yield sorted.slice(start, start + size);
    start += size;
  }
}
