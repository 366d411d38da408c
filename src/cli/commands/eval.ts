import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { defineCommand } from '../command.js';
import type { Project } from '../config/project.js';
import { runChoicesStage } from '../stages/choices-stage.js';
import { continuesTexts, evalTable, runEvalStage, runObjectiveStage } from '../stages/eval-stage.js';
import { runWritingStage, writingTable } from '../stages/writing-stage.js';
import { keepEvaluation } from '../stages/keep-evaluation.js';
import { findModel, findModelOrFolder } from '../stages/find-run.js';
import { runChatMeasureStage, runMeasureStage } from '../stages/measure-stage.js';
import { filesOf } from '../stages/project-files.js';
import { taskLines, usageLine } from '../stages/task-stage.js';
import { openAiModelAt } from './model-at-url.js';

export const command = defineCommand({
  name: 'eval',
  summary: 'measure a model on text it has not seen',
  description:
    'Bits per byte on the test documents, which neither training nor the choice of a checkpoint has seen, with a 95 % interval (bootstrap over documents), beside a unigram and a 6-gram model and brotli, alone and primed with the training text. Lower is better. Of encoders and encoder-decoders, the loss of what they learned, beside the same before training. With --samples it also continues the beginnings of test documents: how varied that is, how often it repeats itself and ends by itself, and how much of it stands word for word in the training text, beside the same figures of the documents. With --model it measures a model of moat task on records of yours, beside others and any OpenAI-compatible one, with a paired test; with --chat what a model answers to questions, with --choices which of several answers it finds likeliest.',
  options: {
    run: { kind: 'text', placeholder: 'NAME', description: 'the run to measure (default: the newest)' },
    model: { kind: 'text', placeholder: 'NAME', description: 'a model of moat task, in place of a run' },
    chat: { kind: 'text', placeholder: 'FOLDER', description: 'a model that answers questions, in place of a run' },
    choices: {
      kind: 'text',
      placeholder: 'FILE',
      description: 'questions with choices: acc and acc_norm of the run, which may be a folder here',
    },
    template: {
      kind: 'text',
      placeholder: 'TEXT',
      description: 'what it reads: {question} and, at the end, {choice}; with --choices',
    },
    data: { kind: 'text', placeholder: 'FILE', description: 'records to measure that model on' },
    beside: { kind: 'list', placeholder: 'NAME', description: 'another such model, on the same records' },
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
    { command: 'moat eval --chat niche --data faq.jsonl --beside runs/smol', does: 'is the tuned model better?' },
    { command: 'moat eval --choices arc.jsonl --run runs/smol', does: 'multiple choice' },
    { command: 'moat eval --run first --json', does: 'a named run, for machines' },
  ],
  async run({ options, cwd, env, clock, loadProject, reporter, terminal, signal }) {
    const measured = options.model ?? options.chat;
    const file = options.choices ?? options.data;
    if (measured !== undefined || file !== undefined) {
      if (file === undefined || (options.choices === undefined) === (measured === undefined)) {
        throw new MoatError('usage', 'eval: --model or --chat, and --data go together; --choices goes with --run', {
          fix: 'Name a model and a file of records.',
        });
      }
      const project = await loadProject({ orDefaults: true });
      const asking = {
        project,
        file: path.resolve(cwd, file),
        against:
          options.against === undefined
            ? undefined
            : { ...openAiModelAt(options.against, '--against'), apiKey: env['OPENAI_API_KEY'] || undefined },
        seed: 1,
        clock,
        reporter,
        signal,
      };
      const at = (folder: string): string => path.resolve(cwd, folder);
      const { report, usage } =
        measured === undefined
          ? await runChoicesStage({
              ...asking,
              folder: await modelHere(cwd, project, options.run),
              beside: await Promise.all(options.beside.map((each) => modelHere(cwd, project, each))),
              template: options.template?.replaceAll('\\n', '\n'),
            })
          : options.model === undefined
            ? await runChatMeasureStage({
                ...asking,
                folder: at(measured),
                beside: options.beside.map(at),
                maxTokens: options.maxTokens,
              })
            : await runMeasureStage({
                ...asking,
                model: options.model,
                beside: options.beside,
                shotsFile: options.shots === undefined ? undefined : at(options.shots),
              });
      for (const line of taskLines(report, terminal.columns)) terminal.print(line);
      const kept = await keepEvaluation(project, report, file);
      if (kept !== undefined) terminal.print(`kept in ${kept}; the studio shows it under Evaluate`);
      if (usage.questions > 0) terminal.print(usageLine(usage));
      return { json: { ...report, usage } };
    }
    const project = await loadProject();
    const checkpoint = await findModel(filesOf(project).runs, options.run);
    if (!(await continuesTexts(checkpoint)) && options.samples === undefined) {
      return { json: { checkpoint, ...(await runObjectiveStage(project, checkpoint, reporter)) } };
    }
    const result = await runEvalStage(project, checkpoint, reporter, signal);
    terminal.print(evalTable(result, terminal.columns));
    if (options.samples === undefined) return { json: { checkpoint, ...result } };
    const { samples, maxTokens, temperature } = options;
    const writing = await runWritingStage(project, checkpoint, { samples, maxTokens, temperature }, reporter, signal);
    terminal.print(`\n${writingTable(writing, terminal.columns)}`);
    return { json: { checkpoint, ...result, writing } };
  },
});

/** A folder, or a run by its name; the newest run when none is named. */
const modelHere = (cwd: string, project: Project, name: string | undefined): Promise<string> =>
  name === undefined ? findModel(filesOf(project).runs, undefined) : findModelOrFolder(cwd, name);
