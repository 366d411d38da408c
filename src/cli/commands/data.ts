import path from 'node:path';
import { readReport } from '../../lab/data/corpus.js';
import { renderDataReport } from '../../lab/data/report.js';
import { defineCommand } from '../command.js';
import { runDataStage } from '../stages/data-stage.js';
import { filesOf } from '../stages/project-files.js';

export const command = defineCommand({
  name: 'data',
  summary: 'read, clean and split your texts',
  description:
    'Reads a file, folder or glob (.txt, .md, .jsonl, and the documentation comments of .ts and .js files), cleans it, drops exact duplicates and holds some documents back to measure with. Says what was dropped and why.',
  arguments: {
    source: { description: 'a file, folder or glob (default: data.path of the project)', count: 'optional' },
  },
  options: {
    licence: { kind: 'text', placeholder: 'SPDX', description: 'the licence of these texts, such as MIT or CC-BY-4.0' },
    report: { kind: 'flag', description: 'show the report of the last time; read nothing' },
  },
  settings: ['data'],
  examples: [
    { command: 'moat data', does: "read the project's data folder" },
    { command: 'moat data ~/articles --licence CC-BY-4.0', does: 'read another folder' },
    { command: 'moat data --report', does: 'what was dropped, and why' },
  ],
  async run({ arguments: { source }, options, cwd, loadProject, reporter, terminal }) {
    const project = await loadProject();
    const from = source === undefined ? project.resolve(project.config.data.path) : path.resolve(cwd, source);
    const report = options.report
      ? await readReport(filesOf(project).corpus)
      : await runDataStage(project, { path: from, label: path.basename(from), licence: options.licence }, reporter);
    terminal.print(renderDataReport(report).join('\n'));
    return { json: report };
  },
});
