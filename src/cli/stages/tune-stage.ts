/** Fine-tuning from the command line: a model, records, and what to make of them. */
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import type { RunEvent } from '../../base/run-events.js';
import { type Micros, formatMicros, multiplyCeil } from '../../base/money.js';
import { formatCount } from '../../base/units.js';
import { Rng } from '../../base/rng.js';
import { type Interval, bootstrapRatio } from '../../lab/eval/bootstrap.js';
import { type LoadedModel, loadModel } from '../../lab/generate/load-model.js';
import type { CausalModel } from '../../lab/models/model.js';
import { adaptModel } from '../../lab/train/adapters/adapt-model.js';
import { adapterWeights } from '../../lab/train/adapters/adapter-weights.js';
import { type TrainableWeights, allOf } from '../../lab/train/supervised/trainable-weights.js';
import { type TuneJob, tuneModel } from '../../lab/train/supervised/tune-model.js';
import type { TuneResult } from '../../lab/train/supervised/tuning-record.js';
import type { TuningTask } from '../../lab/train/supervised/tuning-task.js';
import type { Reporter } from '../terminal/reporter.js';
import type { TuneOptions } from './tune-options.js';
import { taskFor } from './tune-tasks.js';

/** Files of a model beside its weights and `config.json`. */
const COMPANIONS: ReadonlySet<string> = new Set([
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
  'generation_config.json',
  'LICENSE',
]);

export interface TunedResult extends Omit<TuneResult, 'records'> {
  /** Of this machine's time. */
  readonly costMicros: Micros;
  /** 95 % bootstrap interval, over ids, of the change in nats a token; undefined where fewer than two ids are held out. */
  readonly change: Interval | undefined;
}

/** The ids are drawn again, each with its nats before and after: what differs between records falls out of the change. */
function changeOf({ records }: TuneResult, seed: number): Interval | undefined {
  if (records.length < 2) return undefined;
  const terms = records.map(({ tokens, natsBefore, natsAfter }) => ({
    numerator: natsAfter - natsBefore,
    denominator: tokens,
  }));
  return bootstrapRatio(terms, Rng.fromSeed(seed));
}

const MS_PER_HOUR = 3_600_000n;

const costOf = ({ wallSeconds }: TuneResult, hourlyMicros: Micros): Micros =>
  multiplyCeil(BigInt(Math.ceil(wallSeconds * 1000)), { numerator: hourlyMicros, denominator: MS_PER_HOUR });

/** Fine-tunes on records and leaves a model folder. @throws MoatError those of `loadModel`, `taskFor` and `tuneModel` */
export async function runTuneStage(options: TuneOptions): Promise<TunedResult> {
  const loading = options.reporter.stage('model');
  const base = await loadModel(options.from);
  loading.done(`${base.model.config.model_type} from ${path.basename(options.from)}`);
  const { model, weights: trainable } = trainableOf(options, base);
  const { task, weights } = await taskFor(options, { base, model, tokenizer: base.tokenizer }, trainable);
  return tune(options, base.model.config.model_type, task, weights);
}

/** Usual: the adapter's share counts twice. */
const ALPHA_PER_RANK = 2;

/** The model that learns, and which of its numbers do. */
function trainableOf(
  { adapter, from, settings }: TuneOptions,
  { model, weights }: LoadedModel,
): { readonly model: CausalModel; readonly weights: TrainableWeights } {
  if (adapter === undefined) return { model, weights: allOf(model, weights) };
  const { rank, precision, alpha = ALPHA_PER_RANK * rank, modules, dropout, dora } = adapter;
  const adapted = adaptModel(model, {
    rank,
    alpha,
    dropout,
    useDora: dora,
    ...(modules === undefined ? {} : { targetModules: modules }),
  });
  const { seed } = settings;
  return {
    model: adapted.model,
    weights: adapterWeights(adapted, { base: weights, precision, seed, baseModel: from }),
  };
}

async function tune(
  options: TuneOptions,
  architecture: string,
  task: TuningTask,
  weights: TrainableWeights,
): Promise<TunedResult> {
  const stage = options.reporter.stage('tune');
  const result = await tuneModel({
    folder: options.out,
    architecture,
    weights,
    task,
    settings: options.settings,
    // an adapter is read beside its model, which has these
    files: options.adapter === undefined ? await filesBeside(options.from) : {},
    clock: options.clock,
    signal: options.signal,
    onEvent: progressOn(stage),
  });
  const costMicros = costOf(result, options.hourlyMicros);
  const change = changeOf(result, options.settings.seed);
  stage.done(`${summaryOf(result, change)}; it cost ${formatMicros(costMicros)}`);
  const { records: _, ...facts } = result;
  return { ...facts, costMicros, change };
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

function summaryOf(result: TuneResult, change: Interval | undefined): string {
  const { trainedParameters, steps, keptStep, lossBefore, lossAfter, reason } = result;
  const interval =
    change === undefined ? '' : ` (change ${change.low.toFixed(3)} to ${change.high.toFixed(3)} with 95 % confidence)`;
  const perNat = 1 / Math.LN2 / (result.heldOutBytesPerToken ?? Number.NaN);
  const bits =
    lossBefore === undefined || lossAfter === undefined || Number.isNaN(perNat)
      ? ''
      : `, ${(lossBefore * perNat).toFixed(3)} → ${(lossAfter * perNat).toFixed(3)} bits a byte`;
  const measured =
    lossBefore === undefined || lossAfter === undefined
      ? `training loss ${result.trainingLoss.toFixed(3)}`
      : `held-out loss ${lossBefore.toFixed(3)} → ${lossAfter.toFixed(3)} nats${interval}${bits}, weights of step ${keptStep}`;
  const preferred =
    result.preferredAfter === undefined
      ? ''
      : `, ${Math.round(100 * result.preferredAfter)} % of pairs preferred rightly`;
  const worse = lossBefore !== undefined && lossAfter !== undefined && lossAfter >= lossBefore;
  const why = { finished: '', stopped: '; stopped and saved', converged: '; the held-out loss falls no more' }[reason];
  return (
    `${formatCount(trainedParameters)} parameters, ${formatCount(steps)} steps; ${measured}${preferred}${why}` +
    (worse ? '; no better than before' : '')
  );
}

async function filesBeside(folder: string): Promise<TuneJob['files']> {
  const names = (await readdir(folder)).filter((name) => COMPANIONS.has(name));
  const copied = Object.fromEntries(names.map((name) => [name, { copyOf: path.join(folder, name) }]));
  return { ...copied, 'config.json': await configFor(folder) };
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
