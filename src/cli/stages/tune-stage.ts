/** Fine-tuning from the command line: a model, records, and what to make of them. */
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../../base/clock.js';
import type { RunEvent } from '../../base/run-events.js';
import { formatCount } from '../../base/units.js';
import { type LoadedModel, loadModel } from '../../lab/generate/load-model.js';
import { fitConversations } from '../../lab/train/supervised/fit-context.js';
import { readConversations } from '../../lab/train/supervised/read-conversations.js';
import type { RenderedConversation } from '../../lab/train/supervised/render-conversation.js';
import { splitHeldOut } from '../../lab/train/supervised/split-held-out.js';
import { type TrainableWeights, allOf } from '../../lab/train/supervised/trainable-weights.js';
import { type TuneResult, type TuneSettings, tuneModel } from '../../lab/train/supervised/tune-model.js';
import { type TuningTask, supervisedTask } from '../../lab/train/supervised/tuning-task.js';
import type { Reporter } from '../terminal/reporter.js';

export interface TuneOptions {
  readonly data: string;
  readonly from: string;
  readonly out: string;
  readonly batchSize: number;
  /** Tokens of one row at most; shorter where no record needs as many. */
  readonly maxLength: number;
  readonly packed: boolean;
  readonly heldOutFraction: number;
  readonly settings: TuneSettings;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly reporter: Reporter;
}

/** Rows are a multiple of this long. */
const LENGTH_STEP = 32;

/** Files of a model beside its weights and `config.json`. */
const COMPANIONS: ReadonlySet<string> = new Set([
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
  'generation_config.json',
  'LICENSE',
]);

/** Fine-tunes on conversations and leaves a model folder. */
export async function runTuneStage(options: TuneOptions): Promise<TuneResult> {
  const loading = options.reporter.stage('model');
  const base = await loadModel(options.from);
  loading.done(`${base.model.config.model_type} from ${path.basename(options.from)}`);
  const task = await supervisedFrom(options, base);
  return tune(options, base, task, allOf(base.model, base.weights));
}

async function supervisedFrom(options: TuneOptions, { model, tokenizer }: LoadedModel): Promise<TuningTask> {
  const stage = options.reporter.stage('data');
  const conversations = await readConversations(options.data);
  const limit = Math.min(options.maxLength, model.config.max_position_embeddings);
  const fitted = fitConversations(tokenizer, conversations, limit);
  const { train, heldOut } = splitHeldOut(fitted.conversations, options.heldOutFraction);
  const recurrent = model.cacheShape.states.length > 0;
  const packed = options.packed && !recurrent;
  const { length: sequenceLength, longest } = rowLength(fitted.conversations, limit, packed);
  const task = supervisedTask(
    model,
    { train, heldOut },
    {
      batchSize: options.batchSize,
      sequenceLength,
      packed,
      fillToken: tokenizer.pad ?? tokenizer.endOfText,
      seed: options.settings.seed,
      bytesOf: (token) => tokenizer.tokenBytes(token).length,
    },
  );
  stage.done(
    `${formatCount(train.length)} conversations to learn from, ${formatCount(heldOut.length)} held out; ` +
      `${formatCount(task.learnedTokens)} tokens learned, the longest of ${formatCount(longest)}`,
  );
  for (const line of remarksOn(fitted, limit)) options.reporter.warn(line);
  return task;
}

/** Packing profits from long rows; without it a row is as long as the longest record. */
function rowLength(
  conversations: readonly RenderedConversation[],
  limit: number,
  packed: boolean,
): { length: number; longest: number } {
  const longest = conversations.reduce((most, { tokens }) => Math.max(most, tokens.length), 0);
  const needed = Math.ceil(longest / LENGTH_STEP) * LENGTH_STEP;
  return { length: packed ? limit : Math.min(limit, needed), longest };
}

/** What was done to records so that they fit, and what will go wrong with the answers. */
export function remarksOn(
  { shortened, turnsDropped, cut, leftOut, conversations }: ReturnType<typeof fitConversations>,
  limit: number,
): string[] {
  const unending = conversations.find(({ endsTurns }, index) => !endsTurns && index >= 0 && cut === 0);
  return [
    ...(shortened > 0
      ? [`${shortened} conversations were over ${limit} tokens: their ${turnsDropped} earliest turns are left out`]
      : []),
    ...(cut > 0 ? [`${cut} answers are cut off at ${limit} tokens`] : []),
    ...(leftOut > 0 ? [`${leftOut} conversations are left out: no answer begins within ${limit} tokens`] : []),
    ...(unending === undefined
      ? []
      : ['the chat template ends answers with no special token: the model will not learn when to stop']),
  ];
}

async function tune(
  options: TuneOptions,
  base: LoadedModel,
  task: TuningTask,
  weights: TrainableWeights,
): Promise<TuneResult> {
  const stage = options.reporter.stage('tune');
  const result = await tuneModel({
    folder: options.out,
    architecture: base.model.config.model_type,
    weights,
    task,
    settings: options.settings,
    files: { ...(await companionsOf(options.from)), 'config.json': await configFor(options.from) },
    clock: options.clock,
    signal: options.signal,
    onEvent: progressOn(stage),
  });
  stage.done(summaryOf(result));
  return result;
}

function progressOn(stage: ReturnType<Reporter['stage']>): (event: RunEvent) => void {
  let heldOut = '';
  return (event) => {
    if (event.type === 'eval') heldOut = `  held out ${event.loss.toFixed(3)}`;
    if (event.type !== 'step') return;
    const total = event.elapsedSeconds + event.remainingSeconds;
    stage.progress({
      fraction: total === 0 ? 0 : event.elapsedSeconds / total,
      text: `step ${event.step}  loss ${event.loss.toFixed(3)}${heldOut}  ${formatCount(event.tokensPerSecond)} tok/s`,
      remainingSeconds: event.remainingSeconds,
    });
  };
}

function summaryOf(result: TuneResult): string {
  const { trainedParameters, steps, keptStep, lossBefore, lossAfter, reason } = result;
  const measured =
    lossBefore === undefined || lossAfter === undefined
      ? `training loss ${result.trainingLoss.toFixed(3)}`
      : `held-out loss ${lossBefore.toFixed(3)} → ${lossAfter.toFixed(3)} nats, weights of step ${keptStep}`;
  const worse = lossBefore !== undefined && lossAfter !== undefined && lossAfter >= lossBefore;
  const why = { finished: '', stopped: '; stopped and saved', converged: '; the held-out loss falls no more' }[reason];
  return (
    `${formatCount(trainedParameters)} parameters, ${formatCount(steps)} steps; ${measured}${why}` +
    (worse ? '; no better than before' : '')
  );
}

async function companionsOf(folder: string): Promise<Record<string, { readonly copyOf: string }>> {
  const names = (await readdir(folder)).filter((name) => COMPANIONS.has(name));
  return Object.fromEntries(names.map((name) => [name, { copyOf: path.join(folder, name) }]));
}

/** Trained weights are written as float32, whatever they were. */
async function configFor(folder: string): Promise<string> {
  const { dtype, ...config } = JSON.parse(await readFile(path.join(folder, 'config.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  const type = dtype === undefined ? { torch_dtype: 'float32' } : { dtype: 'float32' };
  return `${JSON.stringify({ ...config, ...type }, undefined, 2)}\n`;
}
