/**
 * Greedy writing with an encoder–decoder. The source is read once, and so are the rows its cross attention needs; each
 * step then feeds one token of every target over a cache that is an input, and gets back the likeliest next token and
 * the new rows alone. Knows token ids, not text.
 */
import { MoatError } from '../../base/errors.js';
import { projection, type Tensor, constant, input } from '../graph/tensor.js';
import { topK } from '../graph/ops/indexing.js';
import { type CacheShape, type EncoderDecoderModel, INFERENCE, type Parameters } from '../models/model.js';
import { type CompileOptions, type Program, type Value, compile, floats, integers } from '../runtime/program.js';
import { newRowsName } from './key-value-cache.js';

export interface TranslatorOptions extends CompileOptions {
  /** Ends a target; not part of what is returned. */
  readonly endToken: number;
  /** Fills up shorter sources; never seen. */
  readonly padToken: number;
}

export interface Translator {
  /**
   * @param sources token ids, each ended as in training
   * @param maxTokens of each target
   * @returns token ids of the targets, in order, without the end token
   * @throws MoatError `source-too-long`
   */
  translate(sources: readonly (readonly number[])[], maxTokens: number): Promise<number[][]>;
  close(): Promise<void>;
}

const BATCH_SOURCES = 32;
const FIRST_CAPACITY = 16;
const MASKED = -1e9;

/** @param weights every parameter by its name; kept inside the programs, so the arrays may be dropped */
export async function createTranslator(
  model: EncoderDecoderModel,
  weights: ReadonlyMap<string, Value>,
  { endToken, padToken, ...options }: TranslatorOptions,
): Promise<Translator> {
  const parameters = new Map(
    model.parameters.map(({ name }) => {
      const value = weights.get(name);
      if (value === undefined) throw new Error(`the weights lack ${name}`);
      return [name, constant(value.data, value.dims)];
    }),
  );
  const lookUp: Parameters = (name) => parameters.get(name) as Tensor;
  const read = await compileReader(model, lookUp, options);
  const write = await compileWriter(model, lookUp, options);
  const limit = model.config.max_position_embeddings;
  return {
    async translate(sources, maxTokens) {
      const longest = Math.max(0, ...sources.map(({ length }) => length));
      if (longest > limit || maxTokens > limit) {
        throw new MoatError(
          'source-too-long',
          `translate: ${Math.max(longest, maxTokens)} tokens; the limit is ${limit}`,
        );
      }
      const order = [...sources.keys()].sort((a, b) => (sources[a]?.length ?? 0) - (sources[b]?.length ?? 0));
      const targets: number[][] = [];
      for (let start = 0; start < order.length; start += BATCH_SOURCES) {
        const indices = order.slice(start, start + BATCH_SOURCES);
        const source = padSources(
          indices.map((index) => sources[index] ?? []),
          padToken,
        );
        const rows = await read.run(source);
        const written = await writeTargets(
          write,
          model,
          { ...rows, sourceMask: source['mask'] as Value },
          { endToken, maxTokens },
        );
        for (const [row, index] of indices.entries()) targets[index] = written[row] ?? [];
      }
      return targets;
    },
    async close() {
      await read.close();
      await write.close();
    },
  };
}

const layersOf = ({ layerCount }: CacheShape): number[] => Array.from({ length: layerCount }, (_, layer) => layer);

/** Source tokens to the cross attention's rows, `crossKeys0`, `crossValues0` …. */
function compileReader(model: EncoderDecoderModel, lookUp: Parameters, options: CompileOptions): Promise<Program> {
  const tokens = input('tokens', ['batch', 'sourceTime'], 'int64');
  const mask = input('mask', ['batch', 'sourceTime']);
  const positions = input('positions', ['sourceTime'], 'int64');
  const rows = model.crossRows(lookUp, model.encode(lookUp, { tokens, mask, positions }, INFERENCE));
  const outputs: Record<string, Tensor> = {};
  for (const [layer, { keys, values }] of rows.entries()) {
    outputs[`crossKeys${layer}`] = keys;
    outputs[`crossValues${layer}`] = values;
  }
  return compile(outputs, [tokens, mask, positions], options);
}

/** One step: `best` `[batch, 1]`, the next token, and the new rows `newKeys0`, `newValues0` …. */
function compileWriter(model: EncoderDecoderModel, lookUp: Parameters, options: CompileOptions): Promise<Program> {
  const { keyValueHeads: heads, headSize } = model.cacheShape;
  const layers = layersOf(model.cacheShape);
  const rows = (keys: string, values: string, time: string) =>
    layers.map((layer) => ({
      keys: input(`${keys}${layer}`, ['batch', heads, time, headSize]),
      values: input(`${values}${layer}`, ['batch', heads, time, headSize]),
    }));
  const [cache, cross] = [rows('keys', 'values', 'past'), rows('crossKeys', 'crossValues', 'sourceTime')];
  const stepInputs = {
    tokens: input('tokens', ['batch', 1], 'int64'),
    position: input('position', [1], 'int64'),
    pastPositions: input('pastPositions', ['past'], 'int64'),
    pastMask: input('pastMask', [1, 1, 1, 'past']),
    sourceMask: input('sourceMask', ['batch', 'sourceTime']),
  };
  const { logits, cache: recent } = model.step(lookUp, { ...stepInputs, cache, cross });
  const outputs: Record<string, Tensor> = { best: projection(topK(logits, 1), 1) };
  for (const [layer, { keys, values }] of recent.entries()) {
    outputs[newRowsName(`keys${layer}`)] = keys;
    outputs[newRowsName(`values${layer}`)] = values;
  }
  const inputs = [...Object.values(stepInputs), ...[...cache, ...cross].flatMap(({ keys, values }) => [keys, values])];
  return compile(outputs, inputs, options);
}

function padSources(sources: readonly (readonly number[])[], pad: number): Record<string, Value> {
  const time = Math.max(1, ...sources.map(({ length }) => length));
  const dims = [sources.length, time];
  const mask = new Float32Array(sources.length * time);
  const tokens = new BigInt64Array(sources.length * time).fill(BigInt(pad));
  for (const [row, ids] of sources.entries()) {
    for (const [place, id] of ids.entries()) tokens[row * time + place] = BigInt(id);
    mask.fill(1, row * time, row * time + ids.length);
  }
  return {
    tokens: { data: tokens, dims, dtype: 'int64' },
    mask: floats(mask, dims),
    positions: upTo(time),
  };
}

const upTo = (count: number): Value =>
  integers(
    Array.from({ length: count }, (_, i) => i),
    [count],
  );

async function writeTargets(
  program: Program,
  { cacheShape, startToken }: EncoderDecoderModel,
  source: Readonly<Record<string, Value>>,
  { endToken, maxTokens }: { endToken: number; maxTokens: number },
): Promise<number[][]> {
  const batch = source['sourceMask']?.dims[0] as number;
  const cache = createTargetCache(cacheShape, batch, maxTokens);
  const targets: number[][] = Array.from({ length: batch }, () => []);
  const ended = new Set<number>();
  let last = integers(
    Array.from({ length: batch }, () => startToken),
    [batch, 1],
  );
  for (let position = 0; position < maxTokens && ended.size < batch; position++) {
    const feeds = { ...source, ...cache.feeds(position), tokens: last, position: integers([position], [1]) };
    const results = await program.run(feeds);
    cache.append(position, results);
    last = results['best'] as Value;
    for (const [row, target] of targets.entries()) {
      const token = Number(last.data[row]);
      if (token === endToken) ended.add(row);
      if (!ended.has(row)) target.push(token);
    }
  }
  return targets;
}

interface TargetCache {
  /** @param length rows filled so far, the same for all targets */
  feeds(length: number): Record<string, Value>;
  append(length: number, rows: Readonly<Record<string, Value>>): void;
}

/** Keys and values of equally long targets, `[batch, heads, capacity, headSize]` each; capacity grows by doubling. */
function createTargetCache(shape: CacheShape, batch: number, maxTokens: number): TargetCache {
  const { keyValueHeads: heads, headSize } = shape;
  const names = layersOf(shape).flatMap((layer) => [`keys${layer}`, `values${layer}`]);
  let capacity = Math.min(FIRST_CAPACITY, maxTokens);
  let arrays = names.map(() => new Float32Array(batch * heads * capacity * headSize));
  const grow = (): void => {
    const next = Math.min(2 * capacity, maxTokens);
    arrays = arrays.map((source) => {
      const target = new Float32Array(batch * heads * next * headSize);
      for (let row = 0; row < batch * heads; row++)
        target.set(source.subarray(row * capacity * headSize, (row + 1) * capacity * headSize), row * next * headSize);
      return target;
    });
    capacity = next;
  };
  return {
    feeds(length) {
      const mask = new Float32Array(capacity).fill(MASKED, length);
      const feeds: Record<string, Value> = {
        pastPositions: upTo(capacity),
        pastMask: floats(mask, [1, 1, 1, capacity]),
      };
      for (const [index, array] of arrays.entries())
        feeds[names[index] as string] = floats(array, [batch, heads, capacity, headSize]);
      return feeds;
    },
    append(length, rows) {
      if (length === capacity) grow();
      for (const [index, array] of arrays.entries()) {
        const source = rows[newRowsName(names[index] as string)]?.data as Float32Array;
        for (let row = 0; row < batch * heads; row++) {
          const from = source.subarray(row * headSize, (row + 1) * headSize);
          array.set(from, (row * capacity + length) * headSize);
        }
      }
    },
  };
}
