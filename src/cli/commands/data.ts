import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { renderDataReport } from '../../lab/data/report.js';
import { type CommandContext, type CommandResult, defineCommand } from '../command.js';
import type { Project } from '../config/project.js';
import { diffCorpora, explainDocument, reportOnCorpus } from '../stages/data-actions.js';
import { addDataSource, listDataSources, projectSources, removeDataSource } from '../stages/data-sources.js';
import { type ReportLanguage, reportLanguages } from '../data-report/texts.js';
import { lockData, readLock, runDataStage } from '../stages/data-stage.js';
import { filesOf } from '../stages/project-files.js';

interface Request extends Pick<
  CommandContext,
  'cwd' | 'env' | 'signal' | 'clock' | 'reporter' | 'terminal' | 'overrides'
> {
  readonly project: Project;
  /** What stands after the action. */
  readonly target: string | undefined;
  readonly other: string | undefined;
  readonly options: {
    readonly licence: string | undefined;
    readonly strict: boolean;
    readonly locked: boolean;
    readonly query: string | undefined;
    readonly html: string | undefined;
    readonly pageLanguage: ReportLanguage;
  };
}

/** By the word after `moat data`; any other word is a file, folder or glob to read. */
const actions: Readonly<Record<string, (request: Request) => Promise<CommandResult>>> = {
  async add({ project, target, options, overrides, ...rest }) {
    const source = wanted(target, 'add', 'a file, a folder, a URL, npm:PACKAGE, hf:OWNER/NAME or postgres:VARIABLE');
    const { licence, query } = options;
    // what is said on the command line is said of this source
    const said = (field: string): string | undefined => {
      const value = overrides.find(({ path: place }) => place === field)?.value;
      return value === undefined ? undefined : String(value);
    };
    const given = { licence, query, textField: said('data.textField'), format: said('data.format') };
    return { json: await addDataSource(project, { source, ...given, ...rest }) };
  },
  async remove({ project, target, terminal }) {
    const name = wanted(target, 'remove', 'the name of a source');
    const sources = await removeDataSource(project, name);
    terminal.print(`${name} is no source any more`);
    return { json: { sources } };
  },
  list: async ({ project, terminal }) => ({ json: { sources: await listDataSources(project, terminal) } }),
  report({ project, cwd, options, terminal }) {
    const { html, pageLanguage: language } = options;
    const page = html === undefined ? undefined : { file: path.resolve(cwd, html), language };
    return reportOnCorpus(project, page, terminal);
  },
  diff({ cwd, target, other, terminal }) {
    const [first, second] = [target, other].map((each) =>
      path.resolve(cwd, wanted(each, 'diff', 'two projects or corpora')),
    );
    return diffCorpora(first as string, second as string, terminal);
  },
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
    'Reads files and archives of text, tables, records, web pages and books, cleans them, drops duplicates, exact and near, and holds some documents back to measure with. Says what was dropped and why. It reads data.path and every source that was added: add SOURCE, list, remove NAME. About what it made: report, why ID, lock, diff A B.',
  arguments: {
    source: { description: 'add, list, remove, report, why, lock, diff; or a path', count: 'optional' },
    target: { description: 'of add: the source; of why: the id; of diff: a project', count: 'optional' },
    other: { description: 'for diff: the second corpus', count: 'optional' },
  },
  options: {
    licence: { kind: 'text', placeholder: 'SPDX', description: 'the licence of these texts, such as MIT or CC-BY-4.0' },
    strict: { kind: 'flag', description: 'refuse a file with a broken line; default: leave the line out' },
    locked: { kind: 'flag', description: 'refuse data that is not that of data.lock.json' },
    html: { kind: 'text', placeholder: 'FILE', description: 'of report: write it as a page with charts too' },
    pageLanguage: {
      kind: 'choice',
      choices: reportLanguages,
      default: 'en',
      description: 'of report --html: what the page is written in',
    },
    query: { kind: 'text', placeholder: 'SQL', description: 'of add postgres:VARIABLE: what to read' },
  },
  settings: ['data'],
  examples: [
    { command: 'moat data', does: "read the project's data" },
    { command: 'moat data ~/articles --licence CC-BY-4.0', does: 'read another folder' },
    { command: 'moat data add npm:chinese-poetry/dist/songci', does: 'texts from a package of npm' },
    { command: 'moat data add hf:OWNER/NAME:train', does: 'a dataset of the Hugging Face Hub' },
    { command: 'moat data report --html report.html', does: 'what was dropped, and why, with charts' },
    { command: 'moat data why faq.jsonl#12', does: 'what became of one document' },
    { command: 'moat data lock', does: 'write data.lock.json: every file, setting and result, by hash' },
    { command: 'moat data diff ../before .', does: 'what differs between two corpora' },
    { command: 'moat data --locked', does: 'the same corpus again, byte for byte, or a reason why not' },
  ],
  async run({ arguments: { source, target, other }, options, loadProject, ...context }) {
    const request = { ...context, project: await loadProject(), target, other, options };
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
  const { licence, strict } = options;
  const from = source === undefined ? await projectSources(project, licence) : path.resolve(cwd, source);
  const label = typeof from === 'string' ? path.basename(from) : from.map(({ name }) => name).join(', ');
  const report = await runDataStage(
    project,
    { path: from, label, licence, strict },
    reporter,
    options.locked ? await readLock(project) : undefined,
  );
  terminal.print(renderDataReport(report).join('\n'));
  return { json: report };
}

function wanted(value: string | undefined, action: string, what: string): string {
  if (value !== undefined) return value;
  throw new MoatError('usage', `data ${action}: ${what} is missing`, { fix: `Write moat data ${action} and it.` });
}
