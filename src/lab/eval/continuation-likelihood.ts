/**
 * How likely a causal model thinks a continuation, token by token, as lm-evaluation-harness asks for it: the blank between
 * context and continuation belongs to the continuation, and what is too long loses its beginning.
 */
import type { LoadedModel } from '../generate/load-model.js';
import { type Program, integers } from '../runtime/program.js';
import { compileEvaluation } from '../train/language-objective.js';
import type { Tokenizer } from '../tokenizer/tokenizer.js';

export interface ContinuationRequest {
  /** Empty for the likelihood without any. */
  readonly context: string;
  readonly continuation: string;
}

export interface ContinuationScore {
  /** ln P(continuation | context), summed over its tokens. */
  readonly logLikelihood: number;
  readonly tokens: number;
}

export interface ScoringOptions {
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (scored: number) => void;
}

/** A row of tokens and from which of them on they are the continuation's. */
interface Row {
  readonly tokens: readonly number[];
  readonly countFrom: number;
}

/** Tokens of one run; the logits of more need more memory and save no time. */
const RUN_TOKENS = 512;
const SHORTEST = 16;

/**
 * Tokens of both together, cut where the context's own tokens end, so that the continuation is spelled as it would be after it.
 * @param maxTokens of context and continuation; the beginning is left out beyond
 */
export function rowOf(tokenizer: Tokenizer, request: ContinuationRequest, maxTokens: number): Row {
  const context = request.context.trimEnd();
  const blank = request.context.slice(context.length);
  const start = tokenizer.promptStart.length > 0 ? tokenizer.promptStart : [tokenizer.endOfText];
  // models without a token that begins a text have one only where nothing else stands before the first
  const before = context === '' || tokenizer.promptStart.length > 0 ? start : [];
  const whole = tokenizer.encode(context + blank + request.continuation);
  // where a token spans the seam the continuation has one token at least
  const contextLength = Math.min(context === '' ? 0 : tokenizer.encode(context).length, whole.length - 1);
  const tokens = [...before, ...whole];
  // the last token is predicted and not read
  const dropped = Math.max(0, tokens.length - (maxTokens + 1));
  return { tokens: tokens.slice(dropped), countFrom: Math.max(1, before.length + contextLength - dropped) };
}

/**
 * @returns one score a request, in their order
 * @throws RangeError for an empty continuation; the signal's reason when aborted
 */
export async function scoreContinuations(
  { model, weights, tokenizer }: Pick<LoadedModel, 'model' | 'weights' | 'tokenizer'>,
  requests: readonly ContinuationRequest[],
  { threads, signal, onProgress }: ScoringOptions = {},
): Promise<ContinuationScore[]> {
  const empty = requests.findIndex(({ continuation }) => continuation === '');
  if (empty >= 0) throw new RangeError(`continuation ${empty} is empty`);
  const { max_position_embeddings: longest, vocab_size: vocabularySize } = model.config;
  const rows = requests.map((request) => rowOf(tokenizer, request, longest));
  if (tokenizer.endOfText >= vocabularySize) throw new RangeError('the tokenizer is another model’s');
  const scores: ContinuationScore[] = Array.from({ length: rows.length }, () => ({ logLikelihood: 0, tokens: 0 }));
  const parameters = Object.fromEntries(weights);
  let scored = 0;
  for (const [length, members] of byLength(rows, longest)) {
    const batchSize = Math.max(1, Math.floor(RUN_TOKENS / length));
    const program = await compileEvaluation(
      model,
      { batchSize, sequenceLength: length },
      threads === undefined ? {} : { threads },
    );
    try {
      for (let first = 0; first < members.length; first += batchSize) {
        signal?.throwIfAborted();
        const batch = members.slice(first, first + batchSize);
        const nats = await run(
          program,
          parameters,
          batch.map((at) => rows[at] as Row),
          { batchSize, length },
        );
        for (const [row, at] of batch.entries()) scores[at] = nats[row] as ContinuationScore;
        onProgress?.((scored += batch.length));
      }
    } finally {
      await program.close();
    }
  }
  return scores;
}

/** Row numbers by the length of the program that reads them: powers of two, so that few are compiled. */
function byLength(rows: readonly Row[], longest: number): [number, number[]][] {
  const groups = new Map<number, number[]>();
  for (const [at, { tokens }] of rows.entries()) {
    const length = Math.min(longest, Math.max(SHORTEST, 2 ** Math.ceil(Math.log2(tokens.length - 1))));
    const known = groups.get(length);
    if (known === undefined) groups.set(length, [at]);
    else known.push(at);
  }
  return [...groups].sort(([a], [b]) => a - b);
}

/** Rows are filled up behind, where a causal model does not look. */
async function run(
  program: Program,
  parameters: Parameters<Program['run']>[0],
  rows: readonly Row[],
  { batchSize, length }: { readonly batchSize: number; readonly length: number },
): Promise<ContinuationScore[]> {
  const read = new Float64Array(batchSize * length);
  const targets = new Float64Array(batchSize * length);
  for (const [row, { tokens }] of rows.entries()) {
    read.set(tokens.slice(0, -1), row * length);
    targets.set(tokens.slice(1), row * length);
  }
  const feeds = {
    ...parameters,
    tokens: integers(read, [batchSize, length]),
    targets: integers(targets, [batchSize * length]),
  };
  const nats = (await program.run(feeds))['nats']?.data as Float32Array;
  return rows.map(({ tokens, countFrom }, row) => {
    const counted = nats.subarray(row * length + countFrom - 1, row * length + tokens.length - 1);
    return { logLikelihood: -counted.reduce((total, each) => total + each, 0), tokens: counted.length };
  });
}
