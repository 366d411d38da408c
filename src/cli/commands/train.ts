import { MoatError } from '../../base/errors.js';
import { holdPromoted } from '../../company/gateway/model-source.js';
import { assertNoneHeldAfter } from '../../lab/train/run-directory.js';
import { type CommandResult, defineCommand } from '../command.js';
import { freeRunName, newestRunName } from '../stages/find-run.js';
import { runDirectoryOf } from '../stages/model-files.js';
import { filesOf } from '../stages/project-files.js';
import { type RayStageOptions, runRayStage } from '../stages/ray-stage.js';
import { runTorchrunStage } from '../stages/torchrun-stage.js';
import { type TrainStageOptions, runRateSearchStage, runTrainStage } from '../stages/train-stage.js';
import { curve } from '../terminal/curve.js';
import type { Terminal } from '../terminal/terminal.js';
import { stopRun } from './stop-run.js';
import { clusterOptions, targetOptions, trainTarget } from './train-target.js';

export const command = defineCommand({
  name: 'train',
  summary: 'train the model, or go on training it',
  description:
    'Trains on the token shards until the time or the steps are used up, measuring on the validation documents and saving as it goes. Ctrl-C saves and stops; --resume goes on exactly where it was, also after a kill.',
  options: {
    name: { kind: 'text', placeholder: 'NAME', description: "the run's name under runs/ (default: run-1, run-2 …)" },
    resume: { kind: 'flag', short: 'r', description: 'go on with the run named by --name, or with the newest' },
    fromStep: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 1,
      maximum: 1_000_000_000,
      description: 'with --resume or --with-weights: from the checkpoint of this step instead of the last',
    },
    stop: { kind: 'flag', description: 'save and end the run named by --name, or the newest, wherever it trains' },
    fork: {
      kind: 'text',
      placeholder: 'RUN',
      description: 'a new run with the settings of this one, those given changed',
    },
    withWeights: { kind: 'flag', description: 'with --fork: begin with its weights instead of from scratch' },
    findLr: { kind: 'flag', description: 'train nothing: try learning rates on a fresh model and suggest one' },
    ...targetOptions,
  },
  settings: ['train', 'model'],
  examples: [
    { command: 'moat train --minutes 30', does: 'half an hour' },
    { command: 'moat train --steps 300 --name first', does: '300 steps, in runs/first' },
    { command: 'moat train --objective causal=0.7,infill=0.3', does: 'to fill gaps, too' },
    { command: 'moat train --on torchrun', does: "on this machine's PyTorch, all GPUs" },
    { command: 'moat train --find-lr', does: 'which learning rate to use' },
    { command: 'moat train --fork first --learning-rate 0.01', does: 'the same with another rate' },
    { command: 'moat train --resume', does: 'go on with the newest run' },
    { command: 'moat train --on ray://10.0.0.5:8265 --workers 8', does: 'on a Ray cluster' },
    { command: 'moat train --stop --name big', does: 'save and end a run, also one that a cluster trains' },
  ],
  async run({ options, overrides, loadProject, reporter, terminal, signal, clock, env }) {
    const target = trainTarget(options.on);
    const project = await loadProject();
    checkTogether(options);
    const isThere = options.resume || options.stop;
    const runName = options.name ?? (await (isThere ? newestRun : freeRunName)(filesOf(project).runs));
    if (options.stop) return endRun({ project, runName, reporter, clock, env }, terminal);
    if (target.kind !== 'here' && options.fork !== undefined) {
      throw new MoatError('usage', '--fork begins a run here, not with --on', { fix: 'Leave one of them out.' });
    }
    const { fork: run, withWeights, fromStep } = options;
    const fork = run === undefined ? undefined : { run, withWeights, fromStep, overrides };
    const resume = options.resume ? { fromStep: options.fromStep } : undefined;
    await holdPromoted(project.root);
    if (resume?.fromStep !== undefined)
      await assertNoneHeldAfter(runDirectoryOf(project, runName), resume.fromStep, clock);
    const stage = { project, runName, resume, fork, reporter, clock, signal };
    if (options.findLr) return suggestRate(stage, terminal);
    if (target.kind === 'ray') {
      return trainThere({ ...stage, ...clusterOptions(options), address: target.address, env }, terminal);
    }
    const result =
      target.kind === 'torchrun'
        ? await runTorchrunStage({ ...stage, workers: options.workers, env })
        : await runTrainStage(stage);
    showCurve(result.losses, terminal);
    terminal.print(`checkpoint: ${result.checkpoint}`);
    if (result.reason === 'stopped')
      terminal.print(
        `go on with: moat train --resume --name ${runName}${options.on === undefined ? '' : ` --on ${options.on}`}`,
      );
    const { losses: _losses, ...json } = result;
    return { json };
  },
});

async function endRun(run: Parameters<typeof stopRun>[0], terminal: Terminal): Promise<CommandResult> {
  const { runName } = run;
  const result = await stopRun(run);
  if (result === undefined) {
    terminal.print(`${runName} was asked to save and end`);
    return { json: { runName } };
  }
  const { losses: _losses, ...json } = result;
  terminal.print(`${runName} has ended at step ${json.step} (${json.reason})`);
  return { json };
}

/** On a cluster: the same to look at, but that the run may be left alone. */
async function trainThere(stage: RayStageOptions, terminal: Terminal): Promise<CommandResult> {
  const { losses, ...json } = await runRayStage(stage);
  showCurve(losses, terminal);
  const storage = stage.storage === undefined ? '' : ` --storage ${stage.storage}`;
  const again = `moat train --resume --name ${json.runName} --on ${json.address}${storage}`;
  if (json.reason === 'detached') terminal.print(`follow it, or stop it with Ctrl-C then: ${again}`);
  if (json.reason === 'stopped') terminal.print(`go on with: ${again}`);
  if (json.checkpoint !== undefined) terminal.print(`checkpoint: ${json.checkpoint}`);
  else if (stage.storage !== undefined) terminal.print(`checkpoints: ${stage.storage}/${json.runName}/checkpoints`);
  return { json };
}

function showCurve(losses: readonly number[], { columns, print }: Terminal): void {
  if (losses.length < 2) return;
  print(curve(losses, { columns, rows: 8, caption: 'training loss, nats a token' }));
}

/** Options that mean nothing without another one are refused rather than passed over. */
function checkTogether(given: {
  resume: boolean;
  stop: boolean;
  fork: string | undefined;
  withWeights: boolean;
  fromStep: number | undefined;
}): void {
  const { resume, stop, fork, withWeights, fromStep } = given;
  const refused = (what: string, fix: string): MoatError => new MoatError('usage', what, { fix });
  if (stop && (resume || fork !== undefined))
    throw refused('--stop ends a run, --resume and --fork begin one', 'Give one of them.');
  if (resume && fork !== undefined)
    throw refused('--resume goes on with a run, --fork starts another', 'Give one of them.');
  if (withWeights && fork === undefined) throw refused('--with-weights: of which run?', 'Name it with --fork RUN.');
  if (fromStep !== undefined && !resume && !withWeights)
    throw refused('--from-step needs a run to go on from', 'Give --resume, or --fork RUN --with-weights.');
}

const RATE_FLAGS = [
  ['learningRate', 'learning-rate'],
  ['embeddingLearningRate', 'embedding-learning-rate'],
  ['headLearningRate', 'head-learning-rate'],
  ['vectorLearningRate', 'vector-learning-rate'],
] as const;
type Rates = Record<(typeof RATE_FLAGS)[number][0], number>;

/** The search moves all rates together, so all of them are suggested, to two digits. */
function scaledRates(rates: Rates, factor: number): Rates {
  const scaled = RATE_FLAGS.map(([field]) => [field, Number((rates[field] * factor).toPrecision(2))]);
  return Object.fromEntries(scaled) as Rates;
}

async function suggestRate(stage: TrainStageOptions, terminal: Terminal): Promise<CommandResult> {
  const { points, suggestedFactor } = await runRateSearchStage(stage);
  const [first, last] = [points[0], points.at(-1)];
  if (first !== undefined && last !== undefined && points.length > 1) {
    const span = `rates × ${first.factor.toPrecision(2)} to × ${last.factor.toPrecision(2)}, even steps of the logarithm`;
    const losses = points.map(({ smoothed }) => smoothed);
    terminal.print(curve(losses, { columns: terminal.columns, rows: 8, caption: `loss over ${span}` }));
  }
  const suggestion =
    suggestedFactor === undefined ? undefined : scaledRates(stage.project.config.train, suggestedFactor);
  if (suggestion !== undefined) {
    const flags = RATE_FLAGS.map(([field, flag]) => `--${flag} ${suggestion[field]}`);
    terminal.print(`try: moat train ${flags.join(' ')}`);
  }
  return { json: { points, suggestedFactor, suggestion } };
}

async function newestRun(runs: string): Promise<string> {
  const name = await newestRunName(runs);
  if (name !== undefined) return name;
  throw new MoatError('no-such-run', `${runs}: there is no run to resume`, { fix: 'Start one with moat train.' });
}
