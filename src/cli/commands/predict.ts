import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { readRecords } from '../../lab/data/read-records.js';
import { withTaskNames } from '../../lab/tasks/read-examples.js';
import { readSettings } from '../../lab/tasks/run-task.js';
import { findTask } from '../../lab/tasks/registry.js';
import { holdsMultiTask, predictMultiTask } from '../../lab/tasks/multi/multi-task-folder.js';
import { MODEL_FOLDER, readTaskCard } from '../../lab/tasks/task-folder.js';
import type { DataRecord } from '../../lab/tasks/task.js';
import { defineCommand } from '../command.js';
import { filesOf } from '../stages/project-files.js';

export const command = defineCommand({
  name: 'predict',
  summary: 'answer with a model of moat task or moat multitask',
  description:
    'One answer a record of a file, or one for a text on the command line, as JSON lines. Records need the fields of the task but for the one to be answered.',
  arguments: {
    model: { description: 'its name, or its folder', count: 'one' },
    data: { description: 'records: .jsonl, .json, .csv or .tsv', count: 'optional' },
  },
  options: { text: { kind: 'list', placeholder: 'TEXT', description: 'a text to answer for, in place of a file' } },
  jsonLines: 'one a record: its line, and the output',
  examples: [
    { command: 'moat predict opinion --text "Works as it should"', does: 'one text' },
    { command: 'moat predict opinion new-reviews.jsonl > answers.jsonl', does: 'a file' },
  ],
  async run({ arguments: { model, data }, options, cwd, clock, signal, terminal, json, emit, loadProject }) {
    if ((data === undefined) === (options.text.length === 0)) {
      throw new MoatError('usage', 'predict: give a file of records, or texts with --text', { fix: 'One of the two.' });
    }
    const project = await loadProject({ orDefaults: true });
    const folder = /[\\/]/.test(model) ? path.resolve(cwd, model) : path.join(filesOf(project).models, model);
    const write = (line: object): void => {
      if (json) emit(line);
      else terminal.print(JSON.stringify(line));
    };
    if (await holdsMultiTask(folder)) {
      const texts = data === undefined ? options.text : await textsIn(path.resolve(cwd, data));
      const outputs = await predictMultiTask(folder, texts, project.config.serve.threads);
      for (const [at, output] of outputs.entries()) write({ record: at + 1, output });
      return undefined;
    }
    const card = await readTaskCard(folder);
    // a text is the first of the task's fields: text, question, source …
    const field = findTask(card.task).use((task) => Object.keys(task.fieldNames)[0] ?? 'text');
    const asked =
      data === undefined
        ? options.text.map((text) => ({ [field]: text }))
        : await recordsIn(path.resolve(cwd, data), card.task);
    await findTask(card.task).use(async (task) => {
      const context = {
        settings: readSettings(task, card.settings),
        seed: card.seed,
        threads: project.config.serve.threads,
        clock,
        signal,
      };
      const predictor = await task.load(path.join(folder, MODEL_FOLDER), context);
      try {
        const examples = asked.map((record, at) => {
          const read = task.question.safeParse(withTaskNames(record, task.fieldNames, card.fields));
          if (read.success) return read.data;
          const what = read.error.issues[0];
          throw new MoatError('bad-record', `record ${at + 1}: ${what?.path.join('.')}: ${what?.message}`, {
            fix: `A record of ${task.name} has ${Object.keys(task.fieldNames).join(', ')}.`,
          });
        });
        const outputs = await predictor.predict(examples);
        for (const [at, output] of outputs.entries()) write({ record: at + 1, output });
      } finally {
        await predictor.close?.();
      }
    });
    return undefined;
  },
});

/** A model of several tasks reads texts alone. */
async function textsIn(file: string): Promise<string[]> {
  const records = await recordsIn(file, 'the model');
  return records.map((record, at) => {
    const text = record['text'];
    if (typeof text === 'string' && text.trim() !== '') return text;
    throw new MoatError('bad-record', `record ${at + 1}: text: there is none`, { fix: 'Give each record a text.' });
  });
}

async function recordsIn(file: string, who: string): Promise<DataRecord[]> {
  const records: DataRecord[] = [];
  for await (const found of readRecords(file)) {
    if ('problem' in found) {
      throw new MoatError('bad-record', `${file}:${found.line}: ${found.problem}`, {
        fix: `Mend it; ${who} answers all records or none.`,
      });
    }
    records.push(found.fields);
  }
  return records;
}
