import { writeFileAtomic } from '../../base/atomic-file.js';
import { MoatError, systemCode } from '../../base/errors.js';
import { formatBytes, formatCount } from '../../base/units.js';
import { readPassport, readPassportFile } from '../../lab/data/corpus.js';
import { type Passport, comparePassports } from '../../lab/data/passport.js';
import { prepareCorpus } from '../../lab/data/prepare-corpus.js';
import type { CorpusSource } from '../../lab/data/corpus-sources.js';
import type { DataReport } from '../../lab/data/report.js';
import type { Project } from '../config/project.js';
import type { Reporter } from '../terminal/reporter.js';
import { filesOf } from './project-files.js';

export interface DataSource {
  /** A file, a folder or a glob, absolute; or several sources. */
  readonly path: string | readonly CorpusSource[];
  /** What to call it in a stage line. */
  readonly label: string;
  /** SPDX identifier, when known. */
  readonly licence: string | undefined;
  /** Refuse files with broken lines instead of leaving the lines out. */
  readonly strict?: boolean;
}

/** Beside `moat.config.ts`, to be kept under version control. */
const LOCK_FILE = 'data.lock.json';

/** Writes the passport of the project's corpus where `--locked` looks for it. @returns the file */
export async function lockData(project: Project): Promise<string> {
  const file = project.resolve(LOCK_FILE);
  const passport = await readPassport(filesOf(project).corpus);
  await writeFileAtomic(file, `${JSON.stringify(passport, null, 2)}\n`);
  return file;
}

/** @throws MoatError `data-not-locked` when there is no lock; what it returns throws `data-differs` */
export async function readLock(project: Project): Promise<(passport: Passport) => void> {
  const file = project.resolve(LOCK_FILE);
  let expected: Passport;
  try {
    expected = await readPassportFile(file);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    throw new MoatError('data-not-locked', `${file}: no such file`, { fix: 'Write it with moat data lock.' });
  }
  return (passport) => {
    const differences = comparePassports(expected, passport);
    if (differences.length === 0) return;
    throw new MoatError('data-differs', `the data is not that of ${LOCK_FILE}: ${differences.join('; ')}`, {
      fix: 'Bring the files back, or accept the change with moat data lock.',
    });
  };
}

/** Reads, cleans, deduplicates and splits a source into the project's corpus. @param check sees the passport first */
export async function runDataStage(
  project: Project,
  source: DataSource,
  reporter: Reporter,
  check?: (passport: Passport) => void,
): Promise<DataReport> {
  const stage = reporter.stage('data');
  const {
    minCharacters,
    nearDuplicates,
    repeatedPassages,
    quality,
    testSets,
    textField,
    personalData,
    languages,
    format,
    allowLicences,
    denyLicences,
    validationFraction,
    testFraction,
    seed,
  } = project.config.data;
  const report = await prepareCorpus(filesOf(project).corpus, {
    source: source.path,
    licence: source.licence,
    thresholds: { 'too-short': minCharacters },
    nearDuplicates,
    repeatedPassages,
    quality,
    textField,
    format,
    licences: { allow: listOf(allowLicences), deny: listOf(denyLicences) },
    ...(source.strict === true ? { strict: true } : {}),
    testSets: testSets === undefined ? undefined : project.resolve(testSets),
    personalData,
    languages: listOf(languages),
    validationFraction,
    testFraction,
    seed,
    ...(check === undefined ? {} : { check }),
    onProgress: (documents) => stage.progress({ text: `${formatCount(documents)} documents read` }),
  });
  const { kept, read, validation, test } = report;
  const droppedCount = Object.values(report.dropped).reduce((total, { documents }) => total + documents, 0);
  stage.done(
    `${source.label}: ${formatCount(kept.documents)} documents kept of ${formatCount(read.documents)} (${formatBytes(kept.bytes)}), ` +
      `${formatCount(droppedCount)} dropped, ${formatCount(validation.documents)} to validate, ${formatCount(test.documents)} to test`,
  );
  return report;
}

/** Of a list as a founder writes it: "en, zh-Hans". */
function listOf(written: string | undefined): readonly string[] | undefined {
  return written
    ?.split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
}
