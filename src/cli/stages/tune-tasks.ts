/** From a file of records to what a model is tuned to, for each objective. */
import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { formatCount } from '../../base/units.js';
import { type LoadedModel, loadModel } from '../../lab/generate/load-model.js';
import type { CausalModel } from '../../lab/models/model.js';
import { distillationObjective, teacherFeeds, withProjection } from '../../lab/train/supervised/distillation.js';
import { type PreferencePair, preferenceTask, referenceLogProbabilities } from '../../lab/train/supervised/dpo.js';
import { type FittedConversations, fitConversations } from '../../lab/train/supervised/fit-context.js';
import { preparePairs } from '../../lab/train/supervised/prepare-pairs.js';
import {
  type Conversation,
  readConversations,
  readPreferences,
} from '../../lab/train/supervised/read-conversations.js';
import { splitHeldOut } from '../../lab/train/supervised/split-held-out.js';
import type { TrainableWeights } from '../../lab/train/supervised/trainable-weights.js';
import { type TuningTask, measuredNats, supervisedTask } from '../../lab/train/supervised/tuning-task.js';
import { askTeacher } from './teacher-stage.js';
import type { TuneOptions } from './tune-options.js';

export interface TaskWithWeights {
  readonly task: TuningTask;
  readonly weights: TrainableWeights;
}

/** The model that is tuned: with an adapter it has more parameters than the base. */
export type Tuned = Pick<LoadedModel, 'tokenizer'> & { readonly base: LoadedModel; readonly model: CausalModel };

/** Rows are a multiple of this long. */
const LENGTH_STEP = 32;
const roundedUp = (length: number): number => Math.ceil(length / LENGTH_STEP) * LENGTH_STEP;

/** @throws MoatError for records that are none, too long ones, and a teacher of another tokenizer */
export async function taskFor(options: TuneOptions, tuned: Tuned, weights: TrainableWeights): Promise<TaskWithWeights> {
  const { data, objective, settings } = options.request;
  if (objective.kind === 'dpo') return { task: await preferencesFrom(options, tuned, objective.beta), weights };
  const records = await readConversations(data);
  const conversations = objective.kind === 'answers' ? await askTeacher(records, objective, options) : records;
  const { task, shape } = supervisedFrom(options, tuned, conversations);
  if (objective.kind !== 'distil') return { task, weights };
  const teacher = await loadModel(objective.teacher);
  if (teacher.tokenizer.hash !== tuned.tokenizer.hash) {
    throw new MoatError('other-tokenizer', `${path.basename(objective.teacher)}: the teacher has another tokenizer`, {
      fix: 'Distil from a model of the same family, or from its answers: --teacher MODEL@URL.',
    });
  }
  const { model: student } = tuned;
  const models = { student, teacher: teacher.model, seed: settings.seed };
  const learning = objective.hiddenWeight > 0 ? withProjection(weights, models) : weights;
  return {
    task: {
      ...task,
      name: 'distil',
      objective: distillationObjective(student, teacher.model, shape, objective),
      measure: measuredNats(student, shape),
    },
    weights: { ...learning, frozen: new Map([...learning.frozen, ...teacherFeeds(teacher)]) },
  };
}

function supervisedFrom(options: TuneOptions, { model, tokenizer }: Tuned, conversations: readonly Conversation[]) {
  const { maxLength, heldOutFraction, batchSize, settings, ...request } = options.request;
  const stage = options.reporter.stage('data');
  const limit = Math.min(maxLength, model.config.max_position_embeddings);
  const fitted = fitConversations(tokenizer, conversations, limit);
  const { train, heldOut } = splitHeldOut(fitted.conversations, heldOutFraction);
  const packed = request.packed && model.cacheShape.states.length === 0;
  // packing profits from long rows; without it a row is as long as the longest record
  const sequenceLength = packed ? limit : Math.min(limit, roundedUp(fitted.longest));
  const shape = { batchSize, sequenceLength, packed };
  const task = supervisedTask(
    model,
    { train, heldOut },
    {
      ...shape,
      fillToken: tokenizer.pad ?? tokenizer.endOfText,
      seed: settings.seed,
      bytesOf: (token) => tokenizer.tokenBytes(token).length,
    },
  );
  stage.done(
    `${formatCount(train.length)} conversations to learn from, ${formatCount(heldOut.length)} held out; ` +
      `${formatCount(task.learnedTokens)} tokens learned, the longest conversation ${formatCount(fitted.longest)}`,
  );
  for (const line of remarksOn(fitted, limit)) options.reporter.warn(line);
  return { task, shape };
}

/** What was done to records so that they fit, and what will go wrong with the answers. */
function remarksOn(fitted: FittedConversations, limit: number): string[] {
  const { shortened, turnsDropped, cut, leftOut } = fitted;
  const unending = fitted.conversations.filter(({ endsTurns }) => !endsTurns).length - cut;
  return [
    ...(shortened > 0
      ? [`${shortened} conversations were over ${limit} tokens: their ${turnsDropped} earliest turns are left out`]
      : []),
    ...(cut > 0 ? [`${cut} answers are cut off at ${limit} tokens`] : []),
    ...(leftOut > 0 ? [`${leftOut} conversations are left out: no answer begins within ${limit} tokens`] : []),
    ...(unending > 0
      ? ['the chat template ends answers with no special token: the model will not learn when to stop']
      : []),
  ];
}

async function preferencesFrom(
  options: TuneOptions,
  { base, model, tokenizer }: Tuned,
  beta: number,
): Promise<TuningTask> {
  const { data, maxLength, heldOutFraction, batchSize: pairCount, settings } = options.request;
  const { signal } = options;
  const stage = options.reporter.stage('data');
  const limit = Math.min(maxLength, model.config.max_position_embeddings);
  const { pairs, leftOut } = preparePairs(tokenizer, await readPreferences(data), limit);
  const { train, heldOut } = splitHeldOut(pairs, heldOutFraction);
  const lengthOf = ({ chosen, rejected }: PreferencePair): number =>
    Math.max(chosen.tokens.length, rejected.tokens.length);
  const sequenceLength = Math.min(limit, roundedUp(pairs.reduce((most, pair) => Math.max(most, lengthOf(pair)), 0)));
  const shape = { pairCount, sequenceLength, fillToken: tokenizer.pad ?? tokenizer.endOfText };
  const threads = settings.threads === undefined ? {} : { threads: settings.threads };
  // workers find it themselves, as fast as they train
  const refer = async (some: readonly PreferencePair[]) =>
    options.there === undefined
      ? referenceLogProbabilities(base.model, base.weights, some, { ...shape, ...threads, signal })
      : undefined;
  const referenced = async (some: readonly PreferencePair[]) => ({ pairs: some, reference: await refer(some) });
  const sides = { train: await referenced(train), heldOut: await referenced(heldOut) };
  stage.done(
    `${formatCount(train.length)} pairs to learn from, ${formatCount(heldOut.length)} held out` +
      (leftOut > 0 ? `; ${leftOut} left out, over ${limit} tokens` : ''),
  );
  return preferenceTask(model, sides, { ...shape, beta, seed: settings.seed });
}
