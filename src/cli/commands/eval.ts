import { defineCommand } from '../command.js';
import { evalTable, runEvalStage } from '../stages/eval-stage.js';
import { runWritingStage, writingTable } from '../stages/writing-stage.js';
import { findModel } from '../stages/find-run.js';
import { filesOf } from '../stages/project-files.js';

export const command = defineCommand({
  name: 'eval',
  summary: 'measure a model on text it has not seen',
  description:
    'Bits per byte on the test documents, which neither training nor the choice of a checkpoint has seen, with a 95 % interval (bootstrap over documents), beside a unigram and a 6-gram model and brotli, alone and primed with the training text. Lower is better. With --samples it also continues the beginnings of test documents: how varied that is, how often it repeats itself and ends by itself, and how much of it stands word for word in the training text, beside the same figures of the documents.',
  options: {
    run: { kind: 'text', placeholder: 'NAME', description: 'the run to measure (default: the newest)' },
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
    { command: 'moat eval --run first --json', does: 'a named run, for machines' },
  ],
  async run({ options, loadProject, reporter, terminal, signal }) {
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
