import { once } from 'node:events';
import path from 'node:path';
import type { Clock } from '../../base/clock.js';
import { MoatError, invariant, messageOf } from '../../base/errors.js';
import { audit } from '../../company/billing/audit.js';
import { businessSummary } from '../../company/business/business-summary.js';
import { readCorpus } from '../../lab/data/corpus.js';
import { findDemoCorpus } from '../../lab/data/demo-corpus.js';
import { defineCommand } from '../command.js';
import type { Override } from '../config/overrides.js';
import type { Project } from '../config/project.js';
import { measureThroughput } from '../demo/measure.js';
import { openDemoProject } from '../demo/project.js';
import { type DemoResult, demoJson, saleLines, summaryLines } from '../demo/report.js';
import { sellAnswers } from '../demo/sell.js';
import { readBusinessFacts } from '../stages/business-facts.js';
import { type DataSource, runDataStage } from '../stages/data-stage.js';
import { evalTable, runEvalStage } from '../stages/eval-stage.js';
import { filesOf } from '../stages/project-files.js';
import { type Service, startService } from '../stages/serve-stage.js';
import { runTokenizerStage } from '../stages/tokenizer-stage.js';
import { runTrainStage } from '../stages/train-stage.js';
import { curve } from '../terminal/curve.js';
import type { Reporter } from '../terminal/reporter.js';
import { summaryBox } from '../terminal/summary-box.js';
import type { Terminal } from '../terminal/terminal.js';

export const command = defineCommand({
  name: 'demo',
  summary: 'the whole job on real text: train, measure, sell, account',
  description:
    "Trains a small model from scratch on real text (the documentation comments of Node's type declarations, or your own folder), measures it beside baselines, serves it, sells an answer and shows what it cost and earned. About three minutes on two cores; then it keeps serving until Ctrl-C.",
  options: {
    dir: { kind: 'text', placeholder: 'DIR', default: 'moat-demo', description: "the demo's project folder" },
    exit: { kind: 'flag', description: 'end when done instead of serving on' },
  },
  settings: ['data', 'tokenizer', 'model', 'train', 'serve', 'business', 'database'],
  examples: [
    { command: 'moat demo', does: 'on text that is installed with Moat' },
    { command: 'moat demo --data ~/articles --minutes 5', does: 'on your own text, for five minutes' },
    { command: 'moat demo --exit --json', does: 'one JSON object with every figure' },
  ],
  async run({ options, overrides, cwd, env, clock, signal, json, reporter, terminal }) {
    const started = clock.monotonic();
    const project = await openDemoProject(path.resolve(cwd, options.dir), env, overrides);
    const world = { project, reporter, terminal, clock, signal, env };
    const lab = await runLab(world, await sourceOf(project, overrides, cwd));
    signal.throwIfAborted();
    const service = await openShop(world, lab.training.checkpoint);
    try {
      const company = await runCompany(world, service, lab.training.wallSeconds);
      const result: DemoResult = { ...lab, ...company, seconds: (clock.monotonic() - started) / 1000 };
      const box = { columns: terminal.columns };
      terminal.print(summaryBox('What this run made', summaryLines(result), box));
      if (!options.exit && !json) await keepServing(service, project, terminal, signal);
      return { json: demoJson(result), exitCode: result.audit.balanced ? 0 : 1 };
    } finally {
      await service.close();
    }
  },
});

interface World {
  readonly project: Project;
  readonly reporter: Reporter;
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly env: NodeJS.ProcessEnv;
}

async function sourceOf(project: Project, overrides: readonly Override[], cwd: string): Promise<DataSource> {
  if (overrides.some((override) => override.path === 'data.path')) {
    const given = path.resolve(cwd, project.config.data.path);
    return { path: given, label: path.basename(given), licence: undefined };
  }
  const corpus = await findDemoCorpus();
  return { path: corpus.path, label: `${corpus.name} documentation`, licence: corpus.licence };
}

/** From text to a measured model. */
async function runLab({ project, reporter, terminal, clock, signal }: World, source: DataSource) {
  const data = await runDataStage(project, source, reporter);
  await runTokenizerStage(project, reporter);
  const runName = `demo-${new Date(clock.now()).toISOString().slice(0, 19).replaceAll(':', '-')}`;
  const training = await runTrainStage({ project, runName, resume: undefined, reporter, clock, signal });
  if (training.losses.length > 1) {
    terminal.print(
      curve(training.losses, { columns: terminal.columns, rows: 6, caption: 'training loss, nats a token' }),
    );
  }
  if (training.reason === 'stopped') signal.throwIfAborted();
  const evaluation = await runEvalStage(project, training.checkpoint, reporter, signal);
  terminal.print(evalTable(evaluation, terminal.columns));
  return { data, training, evaluation };
}

/** Serves on the project's port, or on a free one when that is taken: a demo should not fail over a port. */
async function openShop(world: World, model: string): Promise<Service> {
  const { project, reporter, clock } = world;
  const stage = reporter.stage('serve');
  const folders = new Map([[project.config.serve.modelId, model]]);
  const start = (of: Project): Promise<Service> =>
    startService({
      project: of,
      folders,
      isFixed: true,
      clock,
      env: world.env,
      onProblem: (error) => reporter.warn(messageOf(error)),
    });
  const service = await start(project).catch((error: unknown) => {
    if (!(error instanceof MoatError) || error.code !== 'port-taken') throw error;
    reporter.warn(`${error.message}; a free one is used instead`);
    return start({ ...project, config: { ...project.config, serve: { ...project.config.serve, port: 0 } } });
  });
  stage.done(`OpenAI-compatible API at ${service.gateway.url}/v1, model "${service.modelIds.join(', ')}"`);
  return service;
}

/** From a model to a paid answer and its accounts. */
async function runCompany(world: World, service: Service, trainingWallSeconds: number) {
  const { project, reporter, terminal, signal } = world;
  const { books, gateway, engine } = service;
  invariant(engine !== undefined, 'the demo serves its own model');
  const { currency, serve } = project.config;
  const prompt = await promptFromUnseenText(project);
  const selling = reporter.stage('sell');
  const sale = await sellAnswers({
    books,
    url: gateway.url,
    model: engine.modelId,
    currency,
    prompt,
    signal,
    onText: (text) => selling.progress({ text: text.replaceAll(/\s+/g, ' ') }),
  });
  selling.done(`two answers streamed to the official openai client`);
  terminal.print(
    summaryBox(
      'The first sale',
      [['asked', prompt], ['answer', sale.completion.trim()], ...saleLines(sale, currency)],
      { columns: terminal.columns },
    ),
  );
  const accounting = reporter.stage('account');
  accounting.progress({ text: 'measuring throughput' });
  const throughput = await measureThroughput(engine, engine.encode(prompt), serve.maxConcurrent);
  const facts = {
    ...(await readBusinessFacts(project, books, {
      decodeTokensPerSecond: throughput.loadedTokensPerSecond,
      prefillTokensPerSecond: throughput.prefillTokensPerSecond,
    })),
    trainingWallSeconds,
  };
  const business = businessSummary(facts);
  const proof = await audit(books);
  accounting.done(
    `cost, price and margin from what was measured; books ${proof.balanced ? 'balanced' : 'NOT balanced'}`,
  );
  return { throughput, prompt, sale, facts, business, audit: proof };
}

const PROMPT_WORDS = 6;

/** The beginning of a test document: the model continues text it has never seen. */
async function promptFromUnseenText(project: Project): Promise<string> {
  for await (const { text } of readCorpus(filesOf(project).corpus, 'test')) {
    const words = text.split(/\s+/).slice(0, PROMPT_WORDS);
    if (words.length === PROMPT_WORDS) return words.join(' ').slice(0, 200);
  }
  return 'The';
}

async function keepServing(service: Service, project: Project, terminal: Terminal, signal: AbortSignal): Promise<void> {
  terminal.print(
    summaryBox(
      'Open for business',
      [
        ['API', `${service.gateway.url}/v1`],
        ['a key', `moat keys create "Your name" --credit 5.00 --project ${project.root}`],
        ['stop', 'Ctrl-C'],
      ],
      { columns: terminal.columns },
    ),
  );
  // alone on its line, so that a terminal can open it and a person can copy it
  terminal.print(`studio  ${service.studioUrl}`);
  if (!signal.aborted) await once(signal, 'abort');
}
