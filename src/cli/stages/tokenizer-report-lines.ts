import { formatCount } from '../../base/units.js';
import { readCorpus } from '../../lab/data/corpus.js';
import { loadTokenizer } from '../../lab/tokenizer/tokenizer.js';
import {
  type LanguageFit,
  RARE_BELOW,
  type ReportedText,
  reportTokenizer,
  type TokenizerReport,
} from '../../lab/tokenizer/tokenizer-report.js';
import { table } from '../terminal/table.js';
import type { Terminal } from '../terminal/terminal.js';
import { SIDES } from '../../lab/data/split.js';

/** Measures a tokenizer on the held-out and the training documents of a corpus, and prints what came out. */
export async function printTokenizerReport(
  folder: string,
  corpus: string,
  terminal: Terminal,
): Promise<TokenizerReport> {
  const report = await reportTokenizer(await loadTokenizer(folder), textsOf(corpus));
  const { vocabulary, vocabularySize } = report;
  const rows = [...Object.entries(report.languages), ['all', report.total] as const].map(([language, fit]) =>
    cellsOf(language, fit),
  );
  terminal.print(table(COLUMNS, rows, { columns: terminal.columns, heading: terminal.colors.bold }));
  terminal.print('');
  terminal.print(
    `${formatCount(vocabulary.used)} of ${formatCount(vocabularySize)} tokens are used, ${formatCount(vocabulary.rare)} fewer than ${RARE_BELOW} times`,
  );
  terminal.print(`longest: ${vocabulary.longest.map((token) => JSON.stringify(token)).join(' ')}`);
  if (vocabulary.neverUsed.length > 0)
    terminal.print(`never used: ${vocabulary.neverUsed.map((token) => JSON.stringify(token)).join(' ')}`);
  return report;
}

const figure = (title: string) => ({ title, align: 'right' }) as const;
const COLUMNS = [
  { title: 'language' },
  figure('tokens'),
  figure('bytes/token'),
  figure('letters/token'),
  figure('tokens/word'),
  figure('unknown'),
  figure('split letters'),
];

function cellsOf(language: string, fit: LanguageFit): string[] {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  return [
    language,
    formatCount(fit.tokens),
    fit.bytesPerToken.toFixed(2),
    fit.charactersPerToken.toFixed(2),
    fit.fertility.toFixed(2),
    percent(fit.unknownRate),
    percent(fit.splitCharacterRate),
  ];
}

async function* textsOf(corpus: string): AsyncGenerator<ReportedText> {
  for (const side of SIDES) {
    for await (const { text, language = 'und' } of readCorpus(corpus, side)) yield { text, language };
  }
}
