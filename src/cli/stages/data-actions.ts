/** What `moat data` does beside reading: answers about a corpus that is there. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../../base/atomic-file.js';
import { MoatError } from '../../base/errors.js';
import { formatCount } from '../../base/units.js';
import { compareCorpora } from '../../lab/data/compare-corpora.js';
import { findInCorpus, readCorpus, readPassport, readReport } from '../../lab/data/corpus.js';
import { renderDataReport } from '../../lab/data/report.js';
import { type MeasuredDocument, measureLengths, type TokenLengths } from '../../lab/tokenizer/token-lengths.js';
import { loadTokenizer } from '../../lab/tokenizer/tokenizer.js';
import type { Project } from '../config/project.js';
import { renderDataPage } from '../data-report/page.js';
import type { ReportLanguage } from '../data-report/texts.js';
import type { Terminal } from '../terminal/terminal.js';
import { filesOf } from './project-files.js';
import { SIDES } from '../../lab/data/split.js';

/** @throws MoatError `no-such-document` */
export async function explainDocument(corpus: string, id: string, terminal: Terminal): Promise<{ json: object }> {
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

/** The report of the corpus that is there, with the lengths of its documents; as a page too, where one is asked for. */
export async function reportOnCorpus(
  project: Project,
  page: { readonly file: string; readonly language: ReportLanguage } | undefined,
  terminal: Terminal,
): Promise<{ json: object }> {
  const { corpus, tokenizer: folder } = filesOf(project);
  const report = await readReport(corpus);
  const tokenizer = await loadTokenizer(folder).catch((error: unknown) => {
    if (error instanceof MoatError && error.code === 'tokenizer-missing') return undefined;
    throw error;
  });
  const lengths = await measureLengths(documentsOf(corpus), tokenizer?.encode);
  terminal.print([...renderDataReport(report), ...lengthLines(lengths)].join('\n'));
  if (page !== undefined) {
    const wanted = Object.values(report.dropped).flatMap(({ examples }) =>
      examples.flatMap(({ copyOf }) => copyOf ?? []),
    );
    const facts = {
      project: project.config.name,
      report,
      passport: await readPassport(corpus),
      lengths,
      originals: await textsOf(corpus, new Set(wanted)),
    };
    await writeFileAtomic(page.file, renderDataPage(facts, page.language));
    terminal.print(`page      ${page.file}`);
  }
  return { json: { ...report, lengths } };
}

async function* documentsOf(corpus: string): AsyncGenerator<MeasuredDocument> {
  for (const side of SIDES) {
    for await (const { text, language = 'und' } of readCorpus(corpus, side)) yield { text, language };
  }
}

async function textsOf(corpus: string, ids: ReadonlySet<string>): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const side of SIDES) {
    for await (const { id, text } of readCorpus(corpus, side)) if (ids.has(id)) texts.set(id, text);
  }
  return texts;
}

function lengthLines({ unit, quantiles, longest, cuts }: TokenLengths): string[] {
  const most = [0.5, 0.95, 0.99].map((share) => `${share * 100} % up to ${formatCount(quantiles[share] ?? 0)}`);
  const losses = cuts.map(({ length, lostShare }) => `${formatCount(length)} loses ${(100 * lostShare).toFixed(1)} %`);
  return [
    `lengths   ${most.join(', ')}, longest ${formatCount(longest)} ${unit}`,
    ...(losses.length === 0 ? [] : [`  a context of ${losses.join(', ')}`]),
  ];
}

/** Prints what differs between two corpora. @param first and `second`: their folders, or projects that have one */
export async function diffCorpora(first: string, second: string, terminal: Terminal): Promise<{ json: object }> {
  const [a, b] = [await corpusIn(first), await corpusIn(second)];
  const difference = await compareCorpora(a, b);
  const { lines, documents, examples } = difference;
  const { same, moved, changed, onlyInFirst, onlyInSecond } = documents;
  terminal.print(lines.length === 0 ? 'the same files, settings and texts' : lines.join('\n'));
  const shown = (ids: readonly string[]): string => (ids.length === 0 ? '' : `  e.g. ${ids.join(', ')}`);
  terminal.print(`same      ${formatCount(same)} documents`);
  if (moved > 0)
    terminal.print(`moved     ${formatCount(moved)} between training and measuring${shown(examples.moved)}`);
  if (changed > 0) terminal.print(`changed   ${formatCount(changed)}${shown(examples.changed)}`);
  if (onlyInFirst > 0) terminal.print(`gone      ${formatCount(onlyInFirst)}${shown(examples.onlyInFirst)}`);
  if (onlyInSecond > 0) terminal.print(`new       ${formatCount(onlyInSecond)}${shown(examples.onlyInSecond)}`);
  return { json: difference };
}

/** A project's folder stands for its corpus. */
async function corpusIn(folder: string): Promise<string> {
  const inProject = path.join(folder, '.moat', 'corpus');
  const isProject = await stat(inProject).then(
    () => true,
    () => false,
  );
  return isProject ? inProject : folder;
}
