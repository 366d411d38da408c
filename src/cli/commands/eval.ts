import { defineCommand } from '../command.js';
import { evalTable, runEvalStage } from '../stages/eval-stage.js';
import { findModel } from '../stages/find-run.js';
import { filesOf } from '../stages/project-files.js';

export const command = defineCommand({
  name: 'eval',
  summary: 'measure a model on text it has not seen',
  description:
    'Bits per byte on the test documents, which neither training nor the choice of a checkpoint has seen, with a 95 % interval (bootstrap over documents), beside a unigram and a 6-gram model and brotli, alone and primed with the training text. Lower is better.',
  options: { run: { kind: 'text', placeholder: 'NAME', description: 'the run to measure (default: the newest)' } },
  settings: ['serve.threads'],
  examples: [
    { command: 'moat eval', does: 'the newest model' },
    { command: 'moat eval --run first --json', does: 'a named run, for machines' },
  ],
  async run({ options, loadProject, reporter, terminal, signal }) {
    const project = await loadProject();
    const checkpoint = await findModel(filesOf(project).runs, options.run);
    const result = await runEvalStage(project, checkpoint, reporter, signal);
    terminal.print(evalTable(result, terminal.columns));
    return { json: { checkpoint, ...result } };
  },
});
