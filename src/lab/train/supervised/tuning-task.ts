/** What a model is tuned to: an objective with the batches it learns from and those it is measured on. */
import { invariant } from '../../../base/errors.js';
import { elementCount } from '../../graph/dims.js';
import { crossEntropy } from '../../graph/ops/normalize.js';
import { type Tensor, inputName } from '../../graph/tensor.js';
import type { CausalModel } from '../../models/model.js';
import { type Value, floats } from '../../runtime/program.js';
import { type BatchShape, carriedStateName, languageObjective } from '../language-objective.js';
import type { BuildObjective } from '../objective.js';
import type { SourceBatch, TrainingSource } from '../token-source.js';
import type { ConversationBatchOptions, MaskedTokens, Row } from './conversation-source.js';
import { createConversationSource, epochRows, rowFeeds } from './conversation-source.js';

export interface MeasuredBatch extends Pick<SourceBatch, 'feeds' | 'counted'> {
  /** For each target, the held-out record it belongs to; where the measure says nats of every target. */
  readonly owners?: Int32Array;
}

/** What batches are made of, for other processes that make the same. */
export interface TuningExamples {
  /** Tokens of a row. */
  readonly sequenceLength: number;
  readonly packed: boolean;
  readonly fillToken: number;
  /** `train` and `heldOut`; of preferences each as `.chosen` and `.rejected`. */
  readonly sides: Readonly<Record<string, readonly (MaskedTokens & { readonly origin?: string })[]>>;
}

export interface TuningTask {
  /** `sft`, `dpo`, `distil`: written into the record of the run. */
  readonly name: string;
  /** Over the model's parameters; its loss is a weighted sum, fed with `weights`. */
  readonly objective: BuildObjective;
  /** What is measured on held-out batches; default: the objective. */
  readonly measure?: BuildObjective;
  /** @param always fed with every batch beside it */
  readonly source: (always: Readonly<Record<string, Value>>) => TrainingSource;
  readonly batchSize: number;
  /** Batches of `batchSize` rows in an epoch, at least 1. */
  readonly batchesPerEpoch: number;
  /** Tokens a batch holds, learned or not. */
  readonly tokensPerBatch: number;
  /** Learned tokens of an epoch. */
  readonly learnedTokens: number;
  /** Empty when nothing is held out. */
  readonly heldOut: () => Iterable<MeasuredBatch>;
  /** The id of each held-out record; several may share one. */
  readonly heldOutIds: readonly string[];
  readonly examples: TuningExamples;
  /** Bytes of text that one counted unit of the held-out loss stands for on average; undefined where it means nothing. */
  readonly heldOutBytesPerUnit: number | undefined;
  /** The records of a batch, for an error. */
  readonly describe: (starts: readonly number[]) => string;
}

export interface SupervisedExamples {
  readonly train: readonly (MaskedTokens & { readonly origin: string })[];
  readonly heldOut: readonly (MaskedTokens & { readonly id: string })[];
}

/** The nats of what assistants said, given what stands before it. */
export function supervisedTask(
  model: CausalModel,
  { train, heldOut }: SupervisedExamples,
  options: ConversationBatchOptions & { readonly seed: number; readonly bytesOf: (token: number) => number },
): TuningTask {
  const { batchSize, sequenceLength, packed, fillToken, seed } = options;
  return {
    name: 'sft',
    objective: languageObjective(model, { batchSize, sequenceLength, packed }),
    source: (always) => createConversationSource(train, options, { ...freshStates(model, batchSize), ...always }),
    batchSize,
    batchesPerEpoch: Math.max(1, Math.ceil(epochRows(train, options, seed, 0).length / batchSize)),
    tokensPerBatch: batchSize * sequenceLength,
    learnedTokens: learnedTokens(train),
    measure: measuredNats(model, { batchSize, sequenceLength, packed }),
    heldOutIds: heldOut.map(({ id }) => id),
    examples: { sequenceLength, packed, fillToken, sides: { train, heldOut } },
    heldOut: () => batchesInOrder(heldOut, options, freshStates(model, batchSize)),
    heldOutBytesPerUnit: bytesPerLearnedToken(heldOut, options.bytesOf),
    describe: (starts) => starts.map((index) => train[index]?.origin).join(', '),
  };
}

/** Every example once. @param always fed with every batch beside it */
export function* batchesInOrder(
  examples: readonly MaskedTokens[],
  options: ConversationBatchOptions,
  always: Readonly<Record<string, Value>> = {},
): Generator<MeasuredBatch> {
  const rows = epochRows(examples, options, 0, 0);
  for (let first = 0; first < rows.length; first += options.batchSize) {
    const batch = rows.slice(first, first + options.batchSize);
    const { feeds, counted } = rowFeeds(batch, examples, options);
    yield { feeds: { ...always, ...feeds }, counted, owners: ownersOf(batch, examples, options) };
  }
}

/** Which example each target of a batch belongs to; −1 where it is filled up. */
function ownersOf(rows: readonly Row[], examples: readonly MaskedTokens[], shape: BatchShape): Int32Array {
  const owners = new Int32Array(shape.batchSize * shape.sequenceLength).fill(-1);
  for (const [row, members] of rows.entries()) {
    let at = row * shape.sequenceLength;
    for (const index of members) {
      const end = at + (examples[index] as MaskedTokens).tokens.length - 1;
      owners.fill(index, at, end);
      at = end;
    }
  }
  return owners;
}

/** The language objective, fed alike, with the nats of every target as output `nats`. */
export function measuredNats(model: CausalModel, shape: BatchShape & { readonly packed: boolean }): BuildObjective {
  return (parameters, pass) => {
    let logits: Tensor | undefined;
    // the model is run once, by the objective; its logits are looked at on the way
    const watched: CausalModel = {
      ...model,
      forward(...given) {
        const outputs = model.forward(...given);
        logits = outputs.logits;
        return outputs;
      },
    };
    const objective = languageObjective(watched, shape)(parameters, pass);
    const targets = objective.inputs.find((each) => inputName(each) === 'targets');
    invariant(logits !== undefined && targets !== undefined, 'the language objective reads targets');
    return { ...objective, outputs: { nats: crossEntropy(logits, targets) } };
  };
}

/** Every conversation begins anew: what a recurrent model carries is zero. */
export function freshStates({ cacheShape }: CausalModel, batchSize: number): Record<string, Value> {
  return Object.fromEntries(
    cacheShape.states.map((shape, index) => {
      const dims = [batchSize, ...shape];
      return [carriedStateName(index), floats(new Float32Array(elementCount(dims)), dims)];
    }),
  );
}

/** The first token of an example is never a target. */
export function learnedTokens(examples: readonly MaskedTokens[]): number {
  return examples.reduce((total, { mask }) => total + mask.subarray(1).reduce((sum, learned) => sum + learned, 0), 0);
}

function bytesPerLearnedToken(examples: readonly MaskedTokens[], bytesOf: (token: number) => number): number {
  let bytes = 0;
  for (const { tokens, mask } of examples)
    for (let i = 1; i < tokens.length; i++) if (mask[i] === 1) bytes += bytesOf(tokens[i] as number);
  return bytes / learnedTokens(examples);
}
