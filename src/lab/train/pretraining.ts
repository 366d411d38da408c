/** What a run learns from its stream of tokens, by the kind of its model: the loss, and the batches it is fed. */
import { MoatError } from '../../base/errors.js';
import { INFERENCE } from '../models/model.js';
import { type Kernels, createKernels } from '../runtime/kernels.js';
import { type CompileOptions, type Value, compile } from '../runtime/program.js';
import { encoderObjective } from './objectives/encoder-objective.js';
import { encoderRows } from './objectives/encoder-rows.js';
import { createInfill } from './objectives/infill.js';
import {
  FIM_TOKENS,
  ORDER_TOKENS,
  type ObjectiveShares,
  type TokenKnowledge,
  type TokenModel,
  USUAL_OBJECTIVE,
  namedShares,
  specialIds,
  tokensFor,
} from './objectives/objectives.js';
import { createRowSource } from './objectives/row-source.js';
import { createSentencePermutation, sentenceEnds } from './objectives/sentence-permutation.js';
import { textToTextRows } from './objectives/text-to-text.js';
import { type WindowRewrite, asItIs, drawRewrite } from './objectives/window-rewrite.js';
import { languageObjective } from './language-objective.js';
import { type BuildObjective, parameterInputs } from './objective.js';
import type { RunConfig } from './run-config.js';
import { type TrainingSource, carriedLengths, createTokenSource } from './token-source.js';
import { translationObjective } from './translation-objective.js';

export type PretrainingLoop = Pick<RunConfig['loop'], 'batchSize' | 'sequenceLength' | 'packDocuments'> &
  Partial<Pick<RunConfig['loop'], 'labelSmoothing' | 'objective'>>;

/** What the run was told to learn, or what models of this kind usually do. @throws MoatError `objective-not-for-model` */
export function sharesOf(loop: Pick<PretrainingLoop, 'objective'>, model: TokenModel): ObjectiveShares {
  const shares = loop.objective ?? { [USUAL_OBJECTIVE[model.kind]]: 1 };
  tokensFor(shares, model.kind);
  return shares;
}

/** The loss as a graph. @throws MoatError `objective-not-for-model` */
export function pretrainingObjective(model: TokenModel, loop: PretrainingLoop): BuildObjective {
  const shares = sharesOf(loop, model);
  switch (model.kind) {
    case 'causal':
      return languageObjective(model, { ...loop, packed: loop.packDocuments });
    case 'encoder':
      return encoderObjective(model, loop, shares);
    case 'encoder-decoder':
      return translationObjective(model, { ...loop, length: loop.sequenceLength });
  }
}

/** Numbers of the kernels' memory that the batches take. */
export function sourceLengths(model: TokenModel, batchSize: number): number[] {
  return model.kind === 'causal' ? carriedLengths(model, batchSize) : [];
}

export interface StreamOptions {
  readonly seed: number;
  readonly kernels: Kernels;
  /** Where documents start in the stream; for runs whose tokens see their own document only. */
  readonly documentStarts: ArrayLike<number> | undefined;
  /** Needed for all but the next token. */
  readonly tokens: TokenKnowledge | undefined;
}

/** @throws MoatError `corpus-too-small`, `objective-not-for-model`, `tokenizer-lacks-tokens` */
export function pretrainingSource(
  model: TokenModel,
  loop: PretrainingLoop,
  stream: ArrayLike<number>,
  { seed, kernels, documentStarts, tokens }: StreamOptions,
): TrainingSource {
  const shares = sharesOf(loop, model);
  const { batchSize, sequenceLength } = loop;
  switch (model.kind) {
    case 'causal': {
      const rewrite = rewriteOf(shares, tokens);
      if (rewrite !== undefined) checkRewritable(model.cacheShape.states.length > 0, loop.packDocuments);
      return createTokenSource(model, stream, kernels, {
        batchSize,
        sequenceLength,
        seed,
        ...(loop.packDocuments && documentStarts !== undefined ? { packDocuments: documentStarts } : {}),
        ...(rewrite === undefined ? {} : { rewrite }),
      });
    }
    case 'encoder':
      return createRowSource(stream, { ...encoderRows(model, loop, shares, known(tokens)), seed });
    case 'encoder-decoder':
      return createRowSource(stream, { ...textToTextRows(model, loop, shares, known(tokens)), seed });
  }
}

function known(tokens: TokenKnowledge | undefined): TokenKnowledge {
  if (tokens === undefined) throw new Error('the objective needs to know the tokenizer');
  return tokens;
}

/** @returns undefined where nothing but the next token is learned */
function rewriteOf(shares: ObjectiveShares, tokens: TokenKnowledge | undefined): WindowRewrite | undefined {
  const named = namedShares(shares);
  if (named.every(([name]) => name === 'causal')) return undefined;
  const { endOfText, vocabSize, tokenBytes } = known(tokens);
  const rewrites = named.map(([name, share]) => {
    if (name === 'causal') return { rewrite: asItIs, share };
    if (name === 'infill') {
      const [prefix, suffix, middle] = specialIds(known(tokens), FIM_TOKENS);
      return { rewrite: createInfill({ prefix, suffix, middle, endOfText }), share };
    }
    const [shuffled, restored] = specialIds(known(tokens), ORDER_TOKENS);
    const endsSentence = sentenceEnds(vocabSize, tokenBytes);
    return { rewrite: createSentencePermutation({ shuffled, restored, endOfText, endsSentence }), share };
  });
  return drawRewrite(rewrites);
}

function checkRewritable(isRecurrent: boolean, packDocuments: boolean): void {
  if (!isRecurrent && !packDocuments) return;
  const why = isRecurrent
    ? 'a recurrent model carries its state from window to window'
    : 'train.packDocuments keeps documents apart';
  throw new MoatError('objective-not-for-model', `train.objective: ${why}, so only "causal" can be learned`, {
    fix: isRecurrent ? 'Take an architecture with attention.' : 'Set train.packDocuments to false.',
  });
}

/** Batches that tell how a model does which learns something else than the next token. */
const MEASURED_BATCHES = 32;
const MEASURING_SEED = 0x6d6f6174;

export interface MeasuredBatch {
  /** Nats a prediction. */
  readonly loss: number;
  /** How much its predictions count. */
  readonly weight: number;
}

/** Over some batches, by their numbers; all of them when none are given. */
export function meanOfBatches(batches: readonly MeasuredBatch[], rows?: ArrayLike<number>): number {
  const chosen = rows === undefined ? batches : Array.from(rows, (row) => batches[row] as MeasuredBatch);
  const weight = chosen.reduce((sum, batch) => sum + batch.weight, 0);
  return chosen.reduce((sum, batch) => sum + batch.loss * batch.weight, 0) / weight;
}

/**
 * The loss on other documents, always the same batches of them, without dropout. The program is its caller's to close.
 */
export async function compileMeasure(
  model: TokenModel,
  loop: PretrainingLoop,
  stream: ArrayLike<number>,
  options: Pick<StreamOptions, 'tokens'> & CompileOptions,
) {
  const { lookUp, tensors } = parameterInputs(model.parameters);
  const { inputs, loss } = pretrainingObjective(model, { ...loop, labelSmoothing: 0 })(lookUp, INFERENCE);
  const { tokens, ...compiling } = options;
  const program = await compile({ loss }, [...inputs, ...tensors], compiling);
  const kernels = createKernels(0);
  return {
    /** @returns the loss of each batch, and how much it counts */
    async measure(weights: Readonly<Record<string, Value>>): Promise<MeasuredBatch[]> {
      const source = pretrainingSource(model, loop, stream, {
        tokens,
        kernels,
        seed: MEASURING_SEED,
        documentStarts: undefined,
      });
      const batches: MeasuredBatch[] = [];
      while (batches.length < MEASURED_BATCHES && source.position.epoch === 0) {
        const { feeds, counted } = source.next();
        const weight = counted.reduce((a, b) => a + b, 0);
        const share = { data: counted.map((one) => one / weight), dims: [counted.length], dtype: 'float32' as const };
        const result = await program.run({ ...weights, ...feeds, weights: share });
        batches.push({ loss: result['loss']?.data[0] as number, weight });
      }
      return batches;
    },
    close: () => program.close(),
  };
}
