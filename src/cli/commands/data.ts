import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { findInCorpus, readReport } from '../../lab/data/corpus.js';
import { renderDataReport } from '../../lab/data/report.js';
import { defineCommand } from '../command.js';
import { lockData, readLock, runDataStage } from '../stages/data-stage.js';
import { filesOf } from '../stages/project-files.js';
import type { Terminal } from '../terminal/terminal.js';

export const command = defineCommand({
  name: 'data',
  summary: 'read, clean and split your texts',
  description:
    'Reads a file, folder or glob (.txt, .md, .jsonl, .csv, .tsv, and the documentation comments of .ts and .js files), cleans it, drops duplicates, exact and near, and holds some documents back to measure with. Says what was dropped and why.',
  arguments: {
    source: { description: 'a file, folder or glob (default: data.path of the project)', count: 'optional' },
  },
  options: {
    licence: { kind: 'text', placeholder: 'SPDX', description: 'the licence of these texts, such as MIT or CC-BY-4.0' },
    strict: { kind: 'flag', description: 'refuse a file with a broken line; default: leave the line out' },
    report: { kind: 'flag', description: 'show the report of the last time; read nothing' },
    lock: { kind: 'flag', description: 'write data.lock.json: every file, setting and result, by hash' },
    locked: { kind: 'flag', description: 'refuse data that is not that of data.lock.json' },
    why: { kind: 'text', placeholder: 'ID', description: 'what became of this document, and why; read nothing' },
  },
  settings: ['data'],
  examples: [
    { command: 'moat data', does: "read the project's data folder" },
    { command: 'moat data ~/articles --licence CC-BY-4.0', does: 'read another folder' },
    { command: 'moat data --report', does: 'what was dropped, and why' },
    { command: 'moat data --why faq.jsonl#12', does: 'what became of one document' },
    { command: 'moat data --locked', does: 'the same corpus again, byte for byte, or a reason why not' },
  ],
  async run({ arguments: { source }, options, cwd, loadProject, reporter, terminal }) {
    const project = await loadProject();
    if (options.why !== undefined) return explain(filesOf(project).corpus, options.why, terminal);
    const from = source === undefined ? project.resolve(project.config.data.path) : path.resolve(cwd, source);
    const report = options.report
      ? await readReport(filesOf(project).corpus)
      : await runDataStage(
          project,
          { path: from, label: path.basename(from), licence: options.licence, strict: options.strict },
          reporter,
          options.locked ? await readLock(project) : undefined,
        );
    const lock = options.lock ? await lockData(project) : undefined;
    terminal.print(renderDataReport(report).join('\n'));
    if (lock !== undefined) terminal.print(`locked    ${lock}`);
    return { json: report };
  },
});

/** @throws MoatError `no-such-document` */
async function explain(corpus: string, id: string, terminal: Terminal): Promise<{ json: object }> {
  const found = await findInCorpus(corpus, id);
  if (found === undefined) {
    throw new MoatError('no-such-document', `no document of the last moat data has the id ${id}`, {
      fix: 'Ids are those of the report, such as faq.jsonl#12: the file and the place in it.',
    });
  }
  const { dim } = terminal.colors;
  if (found.kind === 'dropped') {
    const { reason, detail, excerpt } = found.dropped;
    terminal.print(`${id} was dropped: ${reason}, ${detail}`);
    if (excerpt !== undefined) terminal.print(dim(excerpt));
  } else {
    terminal.print(`${id} was kept, ${found.side === 'train' ? 'to train on' : 'held out to measure with'}`);
    terminal.print(dim(found.document.text.slice(0, 400)));
  }
  return { json: found };
}
