import { formatBytes, formatCount } from '../../base/units.js';
import { prepareCorpus } from '../../lab/data/prepare-corpus.js';
import type { DataReport } from '../../lab/data/report.js';
import { splitTags } from '../config/fields.js';
import type { Project } from '../config/project.js';
import type { Reporter } from '../terminal/reporter.js';
import { filesOf } from './project-files.js';

export interface DataSource {
  /** A file, a folder or a glob, absolute. */
  readonly path: string;
  /** What to call it in a stage line. */
  readonly label: string;
  /** SPDX identifier, when known. */
  readonly licence: string | undefined;
}

/** Reads, cleans, deduplicates and splits a source into the project's corpus. */
export async function runDataStage(project: Project, source: DataSource, reporter: Reporter): Promise<DataReport> {
  const stage = reporter.stage('data');
  const { minCharacters, nearDuplicates, languages, heldOutFraction, seed } = project.config.data;
  const report = await prepareCorpus(filesOf(project).corpus, {
    source: source.path,
    licence: source.licence,
    thresholds: { 'too-short': minCharacters },
    nearDuplicates,
    languages: languages === undefined ? undefined : splitTags(languages),
    heldOutFraction,
    seed,
    onProgress: (documents) => stage.progress({ text: `${formatCount(documents)} documents read` }),
  });
  const { kept, read, heldout } = report;
  const droppedCount = Object.values(report.dropped).reduce((total, { documents }) => total + documents, 0);
  stage.done(
    `${source.label}: ${formatCount(kept.documents)} documents kept of ${formatCount(read.documents)} (${formatBytes(kept.bytes)}), ` +
      `${formatCount(droppedCount)} dropped, ${formatCount(heldout.documents)} held out`,
  );
  return report;
}
