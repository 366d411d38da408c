import path from 'node:path';
import { TASKS, findTask } from '../../lab/tasks/registry.js';
import { TEXT_LANGUAGES } from '../../lab/tasks/run-task.js';
import type { AnyTask } from '../../lab/tasks/task.js';
import { defineCommand } from '../command.js';
import { runTaskStage, taskLines, usageLine } from '../stages/task-stage.js';
import { openAiModelAt } from './model-at-url.js';
import { checkedName } from './model-name.js';
import { pairsOf } from './task-pairs.js';

export const command = defineCommand({
  name: 'task',
  summary: 'fit a model to a task and say how good it is',
  description:
    'Reads records, splits them so that no near-copies straddle, fits a model, and measures it on examples that it never saw: every figure with a 95 % interval, beside baselines fitted on the same examples, with a paired test that says when the difference is not decisive, by groups, with the worst answers. Model and report are kept under models/NAME. Without arguments it lists the tasks; with a task alone it says what its records, settings and figures are.',
  arguments: {
    task: { description: 'which task', count: 'optional' },
    data: { description: 'records: .jsonl, .json, .csv or .tsv', count: 'optional' },
  },
  options: {
    name: { kind: 'text', placeholder: 'NAME', description: "what the model is called (default: the task's name)" },
    field: {
      kind: 'list',
      placeholder: 'FIELD=NAME',
      description: 'which field of the records holds a field of the task',
    },
    setting: {
      kind: 'list',
      placeholder: 'NAME=VALUE',
      description: 'a setting of the task; moat task NAME lists them',
    },
    test: { kind: 'text', placeholder: 'FILE', description: 'examples to measure with, instead of a part of the data' },
    validation: { kind: 'text', placeholder: 'FILE', description: 'examples that tell when to stop; with --test' },
    from: { kind: 'text', placeholder: 'FOLDER', description: 'a model in Hugging Face layout to begin with' },
    against: {
      kind: 'text',
      placeholder: 'openai:MODEL@URL',
      description: 'ask this model the same questions; its key in OPENAI_API_KEY',
    },
    trainLanguage: {
      kind: 'choice',
      choices: TEXT_LANGUAGES,
      description: 'learn from examples of this language alone',
    },
    testLanguage: {
      kind: 'choice',
      choices: TEXT_LANGUAGES,
      description: 'measure with examples of this language alone',
    },
    strict: { kind: 'flag', description: 'refuse the data when a record cannot be used' },
    seed: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 0,
      maximum: 0xffff_ffff,
      default: 1,
      description: 'of split and model',
    },
  },
  settings: ['serve.threads'],
  examples: [
    { command: 'moat task', does: 'which tasks there are' },
    { command: 'moat task tabular', does: 'its records, settings and figures' },
    { command: 'moat task classification reviews.jsonl --name opinion', does: 'fit, measure, keep' },
    { command: 'moat task topics a.jsonl --train-language en --test-language zh', does: 'does it carry over?' },
    {
      command: 'moat task classification a.jsonl --against openai:MODEL@URL',
      does: 'beside a giant',
    },
  ],
  async run({
    arguments: { task: taskName, data },
    options,
    cwd,
    env,
    clock,
    signal,
    reporter,
    terminal,
    loadProject,
  }) {
    if (taskName === undefined) {
      for (const { name, title, description } of TASKS) terminal.print(`${name}  ${title}. ${description}`);
      return { json: { tasks: TASKS.map(({ name, title, description }) => ({ name, title, description })) } };
    }
    const task = findTask(taskName);
    if (data === undefined) {
      const facts = factsOf(task);
      for (const line of factLines(facts)) terminal.print(line);
      return { json: facts };
    }
    const at = (file: string): string => path.resolve(cwd, file);
    const { report, folder, usage } = await runTaskStage({
      project: await loadProject({ orDefaults: true }),
      task,
      name: checkedName(options.name ?? task.name),
      data: {
        file: at(data),
        testFile: options.test && at(options.test),
        validationFile: options.validation && at(options.validation),
        fields: pairsOf(options.field, '--field'),
        strict: options.strict,
        trainLanguage: options.trainLanguage,
        testLanguage: options.testLanguage,
      },
      settings: pairsOf(options.setting, '--setting'),
      base: options.from && at(options.from),
      seed: options.seed,
      against:
        options.against === undefined
          ? undefined
          : { ...openAiModelAt(options.against, '--against'), apiKey: env['OPENAI_API_KEY'] || undefined },
      clock,
      reporter,
      signal,
    });
    for (const line of taskLines(report, terminal.columns)) terminal.print(line);
    if (usage.questions > 0) terminal.print(usageLine(usage));
    terminal.print(`model and report in ${path.relative(cwd, folder)}`);
    return { json: { folder, ...report, usage } };
  },
});

/** What a founder must know before the first run. */
function factsOf(task: AnyTask) {
  return task.use(({ name, description, fieldNames, settings, metrics, baselines, asked }) => ({
    name,
    description,
    fields: Object.fromEntries(Object.entries(fieldNames).map(([field, names]) => [field, [...names]])),
    settings: { ...settings.parse({}) },
    metrics: metrics.map((metric) => metric.name),
    baselines: baselines.map((baseline) => baseline.name),
    canBeAsked: asked !== undefined,
  }));
}

function factLines({
  name,
  description,
  fields,
  settings,
  metrics,
  baselines,
  canBeAsked,
}: ReturnType<typeof factsOf>): string[] {
  const named = Object.entries(fields).map(
    ([field, names]) => `  ${field}${names.length === 0 ? '' : ` (or ${names.join(', ')})`}`,
  );
  return [
    description,
    '',
    'a record has',
    ...named,
    '',
    'settings',
    ...Object.entries(settings).map(([setting, value]) => `  --setting ${setting}=${String(value)}`),
    '',
    `measured by ${metrics.join(', ')}`,
    `beside ${baselines.join('; ')}${canBeAsked ? '; and any chat model, with --against' : ''}`,
    '',
    `moat task ${name} FILE`,
  ];
}
