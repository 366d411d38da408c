/** The sources of a project: what `moat data` reads beside `data.path`, added and removed by name. */
import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { formatBytes, formatCount } from '../../base/units.js';
import type { CorpusSource } from '../../lab/data/corpus-sources.js';
import { addSource, removeSource, sourcePath } from '../../lab/data/sources/fetch-source.js';
import {
  nameFor,
  readSourceRecords,
  SOURCES_FILE,
  type SourceRecord,
  writeSourceRecords,
} from '../../lab/data/sources/source-record.js';
import type { Clock } from '../../base/clock.js';
import type { Project } from '../config/project.js';
import type { Reporter } from '../terminal/reporter.js';
import { table } from '../terminal/table.js';
import type { Terminal } from '../terminal/terminal.js';
import { filesOf } from './project-files.js';

export interface AddRequest {
  readonly source: string;
  readonly licence: string | undefined;
  readonly query: string | undefined;
  readonly textField: string | undefined;
  readonly format: string | undefined;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly reporter: Reporter;
}

/** Brings a source here where it is elsewhere, and records it. @throws MoatError of the kind of source */
export async function addDataSource(
  project: Project,
  { source, clock, reporter, ...given }: AddRequest,
): Promise<SourceRecord> {
  const file = project.resolve(SOURCES_FILE);
  const stage = reporter.stage('data');
  const { record, records } = await addSource(source, await readSourceRecords(file), {
    ...given,
    projectFolder: project.resolve(),
    stateFolder: filesOf(project).state,
    home: homedir(),
    today: new Date(clock.now()).toISOString().slice(0, 10),
    onProgress: ({ bytes, rows }) =>
      stage.progress({ text: rows === undefined ? formatBytes(bytes ?? 0) : `${formatCount(rows)} rows` }),
  });
  await writeSourceRecords(file, records);
  stage.done(`${record.name}: ${describe(record)}`);
  return record;
}

function describe({ files, licence, version }: SourceRecord): string {
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const parts = [
    `${formatCount(files.length)} files, ${formatBytes(sizeBytes)}`,
    `licence ${licence ?? 'unknown'}`,
    ...(version === undefined ? [] : [`version ${version}`]),
  ];
  return parts.join(', ');
}

/** @throws MoatError `no-such-source` */
export async function removeDataSource(project: Project, name: string): Promise<readonly SourceRecord[]> {
  const file = project.resolve(SOURCES_FILE);
  const records = await removeSource(name, await readSourceRecords(file), filesOf(project).state);
  await writeSourceRecords(file, records);
  return records;
}

export async function listDataSources(project: Project, terminal: Terminal): Promise<readonly SourceRecord[]> {
  const records = await readSourceRecords(project.resolve(SOURCES_FILE));
  if (records.length === 0) {
    terminal.print(`no source was added; moat data reads ${project.config.data.path}`);
    return records;
  }
  const rows = records.map((record) => [record.name, record.source, describe(record), record.addedOn]);
  const columns = [{ title: 'name' }, { title: 'source' }, { title: 'what' }, { title: 'added' }];
  terminal.print(table(columns, rows, { columns: terminal.columns, heading: terminal.colors.bold }));
  return records;
}

/**
 * All that `moat data` reads: the project's own folder, where it is there, and every source. A single folder stays one, so that
 * ids are short.
 * @param licence of the project's own folder
 */
export async function projectSources(
  project: Project,
  licence: string | undefined,
): Promise<string | readonly CorpusSource[]> {
  const own = project.resolve(project.config.data.path);
  const records = await readSourceRecords(project.resolve(SOURCES_FILE));
  if (records.length === 0) return own;
  const places = { projectFolder: project.resolve(), stateFolder: filesOf(project).state };
  const added = records.map((record) => ({ ...record, path: sourcePath(record, places) }));
  const isThere = await stat(own).then(
    () => true,
    () => false,
  );
  if (!isThere || added.some(({ path }) => path === own)) return added;
  const taken = added.map(({ name }) => name);
  return [{ path: own, name: nameFor(project.config.data.path, taken), licence }, ...added];
}
