/** Fine-tuning from the command line: a model, records, and what to make of them. */
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import type { RunEvent } from '../../base/run-events.js';
import { type Micros, formatMicros, multiplyCeil } from '../../base/money.js';
import { formatCount } from '../../base/units.js';
import { Rng } from '../../base/rng.js';
import { type Interval, bootstrapRatio } from '../../lab/eval/bootstrap.js';
import { type LoadedModel, loadModel } from '../../lab/generate/load-model.js';
import type { CausalModel } from '../../lab/models/model.js';
import { CONFIG_FILE } from '../../lab/checkpoint/model-folder.js';
import { type AdaptedModel, adaptModel } from '../../lab/train/adapters/adapt-model.js';
import { adapterWeights } from '../../lab/train/adapters/adapter-weights.js';
import { type TrainableWeights, allOf } from '../../lab/train/supervised/trainable-weights.js';
import { type TuneJob, tuneModel, tuningRecordOf } from '../../lab/train/supervised/tune-model.js';
import type { TuneResult } from '../../lab/train/supervised/tuning-record.js';
import type { PortableTuning } from '../../lab/distributed/tuning-folder.js';
import type { Stage } from '../terminal/reporter.js';
import type { TuneOptions, TuneRequest } from './tune-options.js';
import { askedOf, checkMarks, marksOf } from './tune-request.js';
import { taskFor } from './tune-tasks.js';
import { tuneThere } from './tune-there-stage.js';

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

/** @returns undefined where a cluster goes on by itself, or keeps what this machine does not see */
export async function runTuneStage(options: TuneOptions): Promise<TunedResult | undefined> {
  const { request, out, resume } = options;
  const loading = options.reporter.stage('model');
  const base = await loadModel(request.from);
  const { config: model } = base.model;
  loading.done(`${model.model_type} from ${path.basename(request.from)}`);
  if (options.there !== undefined) checkDistributable(request);
  const adapted = adaptedOf(request, base.model);
  const trainable = trainableOf(request, base, adapted);
  const { tokenizer } = base;
  const { task, weights } = await taskFor(options, { base, model: adapted?.model ?? base.model, tokenizer }, trainable);
  const marks = marksOf(task.examples, trainable);
  if (resume) await checkMarks(out, request, marks);
  const { settings } = request;
  // an adapter is read beside its model, which has these
  const files = request.adapter === undefined ? await filesBeside(request.from) : {};
  const job = { architecture: model.model_type, weights, task, settings, files, asked: askedOf(request, marks) };
  if (options.there === undefined) return tuneHere(options, job);
  const { objective, from } = request;
  return tuneWithWorkers(options, {
    ...job,
    adapted,
    model: { ...model },
    origin: path.join(from, CONFIG_FILE),
    tokenizerHash: tokenizer.hash,
    objective: objective.kind === 'dpo' ? objective : { kind: 'sft' },
    record: tuningRecordOf({ ...job, clock: options.clock }),
  });
}

/** Usual: the adapter's share counts twice. */
const ALPHA_PER_RANK = 2;

/** @returns undefined where all of the model is trained */
function adaptedOf({ adapter }: TuneRequest, model: CausalModel): AdaptedModel | undefined {
  if (adapter === undefined) return undefined;
  const { rank, alpha = ALPHA_PER_RANK * rank, modules, dropout, dora } = adapter;
  return adaptModel(model, {
    rank,
    alpha,
    dropout,
    useDora: dora,
    ...(modules === undefined ? {} : { targetModules: modules }),
  });
}

/** Which of the model's numbers learn. */
function trainableOf(
  { adapter, from, settings }: TuneRequest,
  { model, weights }: LoadedModel,
  adapted: AdaptedModel | undefined,
): TrainableWeights {
  if (adapted === undefined) return allOf(model, weights);
  const { seed } = settings;
  return adapterWeights(adapted, { base: weights, precision: adapter?.precision ?? 'float32', seed, baseModel: from });
}

/** @throws MoatError `cannot-distribute` */
function checkDistributable({ objective, adapter }: TuneRequest): void {
  const refuse = (what: string, fix: string): never => {
    throw new MoatError('cannot-distribute', `tune: workers ${what}`, { fix });
  };
  if (objective.kind === 'distil')
    refuse('do not hold a teacher beside the model', 'Distil here, without --on, or from an API: --teacher MODEL@URL.');
  if (adapter !== undefined && adapter.precision !== 'float32')
    refuse(`keep the model as it is, not as ${adapter.precision}`, 'Leave --quantize out, or tune here, without --on.');
}

type Job = Omit<TuneJob, 'folder' | 'clock'>;

async function tuneHere(options: TuneOptions, job: Job): Promise<TunedResult> {
  const { out: folder, resume, clock, signal, reporter } = options;
  const stage = reporter.stage('tune');
  const result = await tuneModel({ ...job, folder, resume, clock, signal, onEvent: progressOn(stage) });
  return toldResult(options, stage, result, 1);
}

async function tuneWithWorkers(options: TuneOptions, tuning: PortableTuning): Promise<TunedResult | undefined> {
  const { out, resume, clock, signal, reporter, there } = options;
  if (there === undefined) return undefined;
  const stage = reporter.stage('tune');
  const onEvent = progressOn(stage);
  const { result, machines } = await tuneThere({ out, resume, clock, signal, reporter, there, onEvent }, tuning);
  if (result !== undefined) return toldResult(options, stage, result, machines);
  stage.done('nothing of it is here yet');
  return undefined;
}

function toldResult(options: TuneOptions, stage: Stage, result: TuneResult, machines: number): TunedResult {
  const costMicros = costOf(result, options.hourlyMicros * BigInt(machines));
  const change = changeOf(result, options.request.settings.seed);
  stage.done(`${summaryOf(result, change)}; it cost ${formatMicros(costMicros)}`);
  const { records: _, ...facts } = result;
  return { ...facts, costMicros, change };
}

function progressOn(stage: Stage): (event: RunEvent) => void {
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
  const { dtype, ...config } = JSON.parse(await readFile(path.join(folder, CONFIG_FILE), 'utf8')) as Record<
    string,
    unknown
  >;
  const type = dtype === undefined ? { torch_dtype: 'float32' } : { dtype: 'float32' };
  return `${JSON.stringify({ ...config, ...type }, undefined, 2)}\n`;
}
