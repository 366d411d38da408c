import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { readReport } from '../../lab/data/corpus.js';
import { renderDataReport } from '../../lab/data/report.js';
import type { CommandResult } from '../command.js';
import { defineCommand } from '../command.js';
import type { Project } from '../config/project.js';
import { explainDocument } from '../stages/data-actions.js';
import { lockData, readLock, runDataStage } from '../stages/data-stage.js';
import { filesOf } from '../stages/project-files.js';
import type { Reporter } from '../terminal/reporter.js';
import type { Terminal } from '../terminal/terminal.js';

interface Request {
  readonly project: Project;
  readonly cwd: string;
  /** What stands after the action. */
  readonly target: string | undefined;
  readonly other: string | undefined;
  readonly options: {
    readonly licence: string | undefined;
    readonly strict: boolean;
    readonly locked: boolean;
  };
  readonly reporter: Reporter;
  readonly terminal: Terminal;
}

/** By the word after `moat data`; any other word is a file, folder or glob to read. */
const actions: Readonly<Record<string, (request: Request) => Promise<CommandResult>>> = {
  report: showReport,
  why: ({ project, target, terminal }) =>
    explainDocument(
      filesOf(project).corpus,
      wanted(target, 'why', 'the id of a document, such as faq.jsonl#12'),
      terminal,
    ),
  async lock({ project, terminal }) {
    const file = await lockData(project);
    terminal.print(`locked    ${file}`);
    return { json: { file } };
  },
};

export const command = defineCommand({
  name: 'data',
  summary: 'read, clean and split your texts',
  description:
    'Reads files and archives of text, tables, records, web pages and books, cleans them, drops duplicates, exact and near, and holds some documents back to measure with. Says what was dropped and why. Other words do: report, why ID, lock.',
  arguments: {
    source: { description: 'report, why or lock; or what to read (default: data.path)', count: 'optional' },
    target: { description: 'for why: the id of a document', count: 'optional' },
    other: { description: 'for diff: the second corpus', count: 'optional' },
  },
  options: {
    licence: { kind: 'text', placeholder: 'SPDX', description: 'the licence of these texts, such as MIT or CC-BY-4.0' },
    strict: { kind: 'flag', description: 'refuse a file with a broken line; default: leave the line out' },
    locked: { kind: 'flag', description: 'refuse data that is not that of data.lock.json' },
  },
  settings: ['data'],
  examples: [
    { command: 'moat data', does: "read the project's data" },
    { command: 'moat data ~/articles --licence CC-BY-4.0', does: 'read another folder' },
    { command: 'moat data report', does: 'what was dropped, and why' },
    { command: 'moat data why faq.jsonl#12', does: 'what became of one document' },
    { command: 'moat data lock', does: 'write data.lock.json: every file, setting and result, by hash' },
    { command: 'moat data --locked', does: 'the same corpus again, byte for byte, or a reason why not' },
  ],
  async run({ arguments: { source, target, other }, options, cwd, loadProject, reporter, terminal }) {
    const request = { project: await loadProject(), cwd, target, other, options, reporter, terminal };
    const action = source === undefined ? undefined : actions[source];
    if (action !== undefined) return action(request);
    if (target !== undefined) {
      throw new MoatError('usage', `data: "${source}" is not an action`, {
        fix: `Write one of ${Object.keys(actions).join(', ')}, or a single file, folder or glob (in quotes).`,
      });
    }
    return read(request, source);
  },
});

async function read({ project, cwd, options, reporter, terminal }: Request, source: string | undefined) {
  const from = source === undefined ? project.resolve(project.config.data.path) : path.resolve(cwd, source);
  const report = await runDataStage(
    project,
    { path: from, label: path.basename(from), licence: options.licence, strict: options.strict },
    reporter,
    options.locked ? await readLock(project) : undefined,
  );
  terminal.print(renderDataReport(report).join('\n'));
  return { json: report };
}

async function showReport({ project, terminal }: Request): Promise<CommandResult> {
  const report = await readReport(filesOf(project).corpus);
  terminal.print(renderDataReport(report).join('\n'));
  return { json: report };
}

function wanted(value: string | undefined, action: string, what: string): string {
  if (value !== undefined) return value;
  throw new MoatError('usage', `data ${action}: ${what} is missing`, { fix: `Write moat data ${action} and it.` });
}
