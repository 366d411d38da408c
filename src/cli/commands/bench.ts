import { writeFileAtomic } from '../../base/atomic-file.js';
import { MoatError, messageOf } from '../../base/errors.js';
import { type LoadCurve, capacityOf } from '../../company/business/load-curve.js';
import { defineCommand } from '../command.js';
import type { Project } from '../config/project.js';
import { curveTable } from '../load/curve-table.js';
import { measureLoad } from '../load/measure-load.js';
import type { LoadTarget } from '../load/timed-answer.js';
import { findModel } from '../stages/find-run.js';
import { filesOf } from '../stages/project-files.js';
import { loadCurveFileOf } from '../stages/read-picture.js';
import { startService } from '../stages/serve-stage.js';
import { openAiModelAt } from './model-at-url.js';

const KEY_VARIABLE = 'MOAT_BENCH_KEY';
const MOST_CONCURRENT = 256;

export const command = defineCommand({
  name: 'bench',
  summary: 'how much the served model can do, at rising load',
  description: `serve: sends a bounded load, more and more requests at once, and measures tokens a second read and written, the time to the first token and between tokens, several rounds of each. The model is this project's own, behind its own gateway on a free port of this machine, or one behind an API (its key in ${KEY_VARIABLE}). What was measured is kept in business/load-curve.json, from which moat business load works out what a token costs.`,
  arguments: { what: { description: 'serve', count: 'one' } },
  options: {
    concurrency: { kind: 'text', placeholder: 'LIST', default: '1,2,4,8', description: 'requests at once' },
    rounds: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 1,
      maximum: 20,
      default: 3,
      description: 'measurements of each; three or more have an error',
    },
    inputTokens: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 1,
      maximum: 100_000,
      default: 128,
      description: 'of a prompt to read, about',
    },
    outputTokens: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 2,
      maximum: 10_000,
      default: 64,
      description: 'of an answer to write, at most',
    },
    minutes: {
      kind: 'number',
      placeholder: 'N',
      minimum: 0.01,
      maximum: 600,
      default: 5,
      description: 'begin no higher load after so long',
    },
    run: { kind: 'text', placeholder: 'NAME', description: 'the run whose model to serve (default: the newest)' },
    target: { kind: 'text', placeholder: 'openai:MODEL@URL', description: 'a model behind an API instead' },
    seed: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 0,
      maximum: 4_294_967_295,
      default: 1,
      description: 'of the prompts',
    },
  },
  settings: ['serve', 'business', 'currency', 'timeZone', 'database'],
  examples: [
    { command: 'moat bench serve', does: 'one to eight requests at once' },
    { command: 'moat bench serve --concurrency 1,4,16 --rounds 5', does: 'further, and more exactly' },
    { command: 'moat bench serve --target openai:shop@http://127.0.0.1:6628/v1', does: 'a server that runs' },
  ],
  async run({ arguments: { what }, options, loadProject, clock, env, signal, reporter, terminal }) {
    if (what !== 'serve')
      throw new MoatError('usage', `bench: "${what}" is not a benchmark`, { fix: 'Write moat bench serve.' });
    const concurrencies = concurrenciesOf(options.concurrency);
    const project = await loadProject();
    const stage = reporter.stage('load');
    const steps = concurrencies.length * options.rounds;
    let step = 0;
    const { target, close } =
      options.target === undefined
        ? await ownTarget({
            project,
            run: options.run,
            clock,
            env,
            signal,
            onProblem: (error) => reporter.warn(messageOf(error)),
          })
        : { target: { ...remoteTarget(options.target, env), clock, signal }, close: async () => {} };
    let points: LoadCurve['points'];
    try {
      points = await measureLoad(target, {
        concurrencies,
        rounds: options.rounds,
        inputWords: options.inputTokens,
        outputTokens: options.outputTokens,
        seed: options.seed,
        maxSeconds: options.minutes * 60,
        onPoint: (concurrency, round) =>
          stage.progress({ fraction: step++ / steps, text: `${concurrency} at once, round ${round + 1}` }),
      });
    } finally {
      await close();
    }
    const curve: LoadCurve = {
      schemaVersion: 1,
      measuredAt: new Date(clock.now()).toISOString(),
      model: target.model,
      target: options.target === undefined ? 'own gateway' : new URL(target.endpoint).host,
      inputTokens: options.inputTokens,
      outputTokens: options.outputTokens,
      points,
    };
    const file = loadCurveFileOf(project);
    await writeFileAtomic(file, `${JSON.stringify(curve, undefined, 2)}\n`);
    stage.done(doneLine(curve));
    terminal.print(curveTable(curve, terminal.columns));
    terminal.print(`${file}; what it means for the price: moat business load`);
    return { json: { file, ...curve }, exitCode: capacityOf(curve) === null ? 1 : 0 };
  },
});

function concurrenciesOf(list: string): number[] {
  const numbers = list.split(',').map((each) => Number(each.trim()));
  if (numbers.length > 0 && numbers.every((each) => Number.isInteger(each) && each >= 1 && each <= MOST_CONCURRENT))
    return [...new Set(numbers)].sort((a, b) => a - b);
  throw new MoatError('usage', `bench: --concurrency "${list}" is not a list of numbers from 1 to ${MOST_CONCURRENT}`, {
    fix: 'Write it as 1,2,4,8.',
  });
}

function remoteTarget(written: string, env: NodeJS.ProcessEnv): Pick<LoadTarget, 'endpoint' | 'model' | 'apiKey'> {
  const { model, baseUrl } = openAiModelAt(written, '--target');
  return { model, endpoint: `${baseUrl.replace(/\/+$/, '')}/chat/completions`, apiKey: env[KEY_VARIABLE] };
}

/** The project's own gateway; its requests are its internal customer's, who is metered and never charged. */
async function ownTarget(options: {
  readonly project: Project;
  readonly run: string | undefined;
  readonly clock: LoadTarget['clock'];
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly onProblem: (error: unknown) => void;
}): Promise<{ target: LoadTarget; close: () => Promise<void> }> {
  const { project, run, clock, env, signal, onProblem } = options;
  const { config } = project;
  // An answer from memory measures nothing.
  const serve = { ...config.serve, port: 0, host: '127.0.0.1', responseCache: 0 };
  const service = await startService({
    project: { ...project, config: { ...config, serve } },
    folders: new Map([[serve.modelId, await findModel(filesOf(project).runs, run)]]),
    isFixed: true,
    clock,
    env,
    onProblem,
  });
  const { url, studioToken } = service.gateway;
  const target = { endpoint: `${url}/api/playground`, apiKey: studioToken, model: serve.modelId, clock, signal };
  return { target, close: () => service.close() };
}

function doneLine(curve: LoadCurve): string {
  const capacity = capacityOf(curve);
  if (capacity === null) return 'no load was carried without a failure';
  return `${capacity.decode.value.toFixed(0)} tokens/s written, ${capacity.prefill.value.toFixed(0)} read, ${capacity.concurrency} at once`;
}
