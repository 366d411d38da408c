/** How a model that is being trained goes on with texts: few tokens, drawn with a fixed seed, at every measurement. */
import { Rng } from '../../base/rng.js';
import { gather } from '../graph/ops/indexing.js';
import { input } from '../graph/tensor.js';
import { type CausalModel, INFERENCE } from '../models/model.js';
import { type CompileOptions, type Program, type Value, compile, integers } from '../runtime/program.js';
import { parameterInputs } from './objective.js';

/** What the text is made of. */
export interface SampleTokens {
  readonly endOfText: number;
  encode(text: string): number[];
  decode(ids: readonly number[]): string;
}

export interface SampleSettings {
  readonly prompts: readonly string[];
  /** At most this many are written, for each. */
  readonly tokens: number;
}

export interface Sample {
  readonly prompt: string;
  readonly text: string;
  readonly tokens: number;
}

export interface TextSampler {
  /** One after the other, in their order. @param weights by name, as they are now */
  write(weights: Readonly<Record<string, Value>>): AsyncIterable<Sample>;
  close(): Promise<void>;
}

/** Cool enough that a small model's best words come, warm enough that it does not go in circles. */
const TEMPERATURE = 0.7;
/** The same at every measurement, so that only the weights make the difference. */
const SEED = 1;

export interface TextSamplerOptions {
  readonly settings: SampleSettings;
  readonly tokens: SampleTokens;
  /** Of prompt and text together; what is written is at most half of it, and a longer prompt keeps its end. */
  readonly sequenceLength: number;
  readonly compiling: CompileOptions;
}

/**
 * Reads the whole text anew for each token: at these lengths that costs less than a step of training, and takes no second
 * form of the model. The program is compiled when it is first needed.
 */
export function createTextSampler(model: CausalModel, options: TextSamplerOptions): TextSampler {
  const { settings, tokens, sequenceLength, compiling } = options;
  const limit = Math.min(settings.tokens, sequenceLength >> 1);
  const beginnings = settings.prompts.map((prompt) => ({
    prompt,
    ids: [tokens.endOfText, ...tokens.encode(prompt)].slice(limit - sequenceLength),
  }));
  // what is read after the place that counts changes nothing before it, so that one program is long enough for all
  const length = Math.max(...beginnings.map(({ ids }) => ids.length)) + limit;
  let program: Promise<Program> | undefined;
  const goOn = async (ids: readonly number[], weights: Readonly<Record<string, Value>>): Promise<number[]> => {
    program ??= compileNext(model, length, compiling);
    const rng = Rng.fromSeed(SEED);
    const written: number[] = [];
    while (written.length < limit) {
      const read = [...ids, ...written];
      const padded = Array.from({ length }, (_, index) => read[index] ?? tokens.endOfText);
      const feeds = { tokens: integers(padded, [1, length]), place: integers([read.length - 1], [1]) };
      const { logits } = await (await program).run({ ...weights, ...feeds });
      const next = draw(logits?.data as Float32Array, rng);
      if (next === tokens.endOfText) break;
      written.push(next);
    }
    return written;
  };
  return {
    async *write(weights) {
      for (const { prompt, ids } of beginnings) {
        const written = await goOn(ids, weights);
        yield { prompt, text: tokens.decode(written), tokens: written.length };
      }
    },
    async close() {
      await (await program)?.close();
    },
  };
}

/** Feeds `tokens` `[1, length]`, `place` `[1]` and every parameter; gives `logits` `[1, vocabulary]` after that place. */
function compileNext(model: CausalModel, length: number, compiling: CompileOptions): Promise<Program> {
  const { lookUp, tensors } = parameterInputs(model.parameters);
  const tokens = input('tokens', [1, length], 'int64');
  const place = input('place', [1], 'int64');
  const { logits } = model.forward(lookUp, { tokens }, INFERENCE);
  return compile({ logits: gather(logits, place) }, [tokens, place, ...tensors], compiling);
}

function draw(logits: Float32Array, rng: Rng): number {
  const largest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const weights = Float64Array.from(logits, (logit) => Math.exp((logit - largest) / TEMPERATURE));
  let left = rng.uniform() * weights.reduce((a, b) => a + b, 0);
  const drawn = weights.findIndex((weight) => (left -= weight) < 0);
  return drawn < 0 ? weights.length - 1 : drawn;
}
