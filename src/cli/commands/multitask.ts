import path from 'node:path';
import { defineCommand } from '../command.js';
import { multiTaskLines, runMultiTaskStage } from '../stages/multi-task-stage.js';
import { checkedName } from './model-name.js';

export const command = defineCommand({
  name: 'multitask',
  summary: 'several tasks on one encoder, beside each alone',
  description:
    'Reads a plan (JSON), fits its tasks on one shared encoder, with a head each, and every task alone on an encoder of its own, and measures both on the same examples that neither saw: figures with 95 % intervals, and whether learning together is better by a paired test. A plan: {"tasks": [{"name": "opinion", "kind": "classification", "data": "reviews.jsonl"}, {"name": "names", "kind": "tagging", "data": "entities.jsonl"}], "weights": "fixed"}. Kinds: classification (text, label) and tagging (text, entities). Weights: fixed (each task\'s "weight"), uncertainty (Kendall et al. 2018), gradnorm (Chen et al. 2018). "cascade": ["opinion", "names"] tells the second task what the first says of its texts. Further fields: base (a folder of an encoder), width, layers, heads, vocabularySize, maxTokens, dropout, batchSize, epochs, learningRate.',
  arguments: { plan: { description: 'the plan: a .json file; its files are found from where it lies', count: 'one' } },
  options: {
    name: { kind: 'text', placeholder: 'NAME', description: "what the model is called (default: the plan's name)" },
    seed: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 0,
      maximum: 0xffff_ffff,
      default: 1,
      description: 'of splits and models',
    },
  },
  settings: ['serve.threads'],
  examples: [
    { command: 'moat multitask plan.json', does: 'fit, measure, keep' },
    { command: 'moat multitask plan.json --name desk', does: 'then moat predict desk --text "…"' },
  ],
  async run({ arguments: { plan }, options, cwd, clock, signal, reporter, terminal, loadProject }) {
    const planFile = path.resolve(cwd, plan);
    const { report, folder } = await runMultiTaskStage({
      project: await loadProject({ orDefaults: true }),
      planFile,
      name: checkedName(options.name ?? path.parse(planFile).name),
      seed: options.seed,
      clock,
      reporter,
      signal,
    });
    for (const line of multiTaskLines(report, terminal.columns)) terminal.print(line);
    terminal.print(`model and report in ${path.relative(cwd, folder)}`);
    return { json: { folder, ...report } };
  },
});
