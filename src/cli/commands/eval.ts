import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { defineCommand } from '../command.js';
import { evalTable, runEvalStage } from '../stages/eval-stage.js';
import { runWritingStage, writingTable } from '../stages/writing-stage.js';
import { findModel } from '../stages/find-run.js';
import { runMeasureStage } from '../stages/measure-stage.js';
import { filesOf } from '../stages/project-files.js';
import { taskLines, usageLine } from '../stages/task-stage.js';
import { openAiModelAt } from './model-at-url.js';

export const command = defineCommand({
  name: 'eval',
  summary: 'measure a model on text it has not seen',
  description:
    'Bits per byte on the test documents, which neither training nor the choice of a checkpoint has seen, with a 95 % interval (bootstrap over documents), beside a unigram and a 6-gram model and brotli, alone and primed with the training text. Lower is better. With --samples it also continues the beginnings of test documents: how varied that is, how often it repeats itself and ends by itself, and how much of it stands word for word in the training text, beside the same figures of the documents. With --model it measures a model of moat task on records of yours, beside others and any OpenAI-compatible one, with a paired test.',
  options: {
    run: { kind: 'text', placeholder: 'NAME', description: 'the run to measure (default: the newest)' },
    model: { kind: 'text', placeholder: 'NAME', description: 'a model of moat task, in place of a run' },
    data: { kind: 'text', placeholder: 'FILE', description: 'records to measure that model on' },
    beside: { kind: 'list', placeholder: 'NAME', description: 'another model of the same task, on the same records' },
    against: {
      kind: 'text',
      placeholder: 'openai:MODEL@URL',
      description: 'ask this model the same; its key in OPENAI_API_KEY',
    },
    shots: { kind: 'text', placeholder: 'FILE', description: 'a few records that show it what is wanted' },
    samples: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 1,
      maximum: 10_000,
      description: 'let it write so many texts, and measure those too',
    },
    maxTokens: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 1,
      maximum: 100_000,
      default: 200,
      description: 'of a text that it writes',
    },
    temperature: {
      kind: 'number',
      placeholder: 'X',
      minimum: 0,
      maximum: 5,
      default: 0.8,
      description: 'of what it writes; 0 takes the likeliest words',
    },
  },
  settings: ['serve.threads', 'serve.quantization', 'serve.device'],
  examples: [
    { command: 'moat eval', does: 'the newest model' },
    { command: 'moat eval --samples 50', does: 'and how it writes' },
    { command: 'moat eval --model opinion --data new.jsonl', does: 'a model of moat task' },
    { command: 'moat eval --run first --json', does: 'a named run, for machines' },
  ],
  async run({ options, cwd, env, clock, loadProject, reporter, terminal, signal }) {
    if (options.model !== undefined || options.data !== undefined) {
      if (options.model === undefined || options.data === undefined) {
        throw new MoatError('usage', 'eval: --model and --data go together', {
          fix: 'Name a model and a file of records.',
        });
      }
      const { report, usage } = await runMeasureStage({
        project: await loadProject({ orDefaults: true }),
        model: options.model,
        file: path.resolve(cwd, options.data),
        shotsFile: options.shots === undefined ? undefined : path.resolve(cwd, options.shots),
        beside: options.beside,
        against:
          options.against === undefined
            ? undefined
            : { ...openAiModelAt(options.against, '--against'), apiKey: env['OPENAI_API_KEY'] || undefined },
        seed: 1,
        clock,
        reporter,
        signal,
      });
      for (const line of taskLines(report, terminal.columns)) terminal.print(line);
      if (usage.questions > 0) terminal.print(usageLine(usage));
      return { json: { ...report, usage } };
    }
    const project = await loadProject();
    const checkpoint = await findModel(filesOf(project).runs, options.run);
    const result = await runEvalStage(project, checkpoint, reporter, signal);
    terminal.print(evalTable(result, terminal.columns));
    if (options.samples === undefined) return { json: { checkpoint, ...result } };
    const { samples, maxTokens, temperature } = options;
    const writing = await runWritingStage(project, checkpoint, { samples, maxTokens, temperature }, reporter, signal);
    terminal.print(`\n${writingTable(writing, terminal.columns)}`);
    return { json: { checkpoint, ...result, writing } };
  },
});
