import { formatCount } from '../../base/units.js';
import { readCorpus } from '../../lab/data/corpus.js';
import type { Side } from '../../lab/data/split.js';
import { type WritingOptions, type WritingReport, measureWriting } from '../../lab/eval/writing.js';
import type { Project } from '../config/project.js';
import type { Reporter } from '../terminal/reporter.js';
import { table } from '../terminal/table.js';
import { filesOf } from './project-files.js';
import { loadEngine } from './local-models.js';

/** Lets a model continue the beginnings of test documents, and measures what it writes. */
export async function runWritingStage(
  project: Project,
  checkpoint: string,
  asked: Pick<WritingOptions, 'samples' | 'maxTokens' | 'temperature'>,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<WritingReport> {
  const stage = reporter.stage('writing');
  const { corpus } = filesOf(project);
  const engine = await loadEngine(project, checkpoint);
  try {
    const report = await measureWriting(engine, {
      ...asked,
      test: await textsOf(corpus, 'test'),
      training: await textsOf(corpus, 'train'),
      seed: project.config.data.seed,
      signal,
      onProgress: (written) => stage.progress({ fraction: written / asked.samples, text: `${written} texts written` }),
    });
    stage.done(`${formatCount(report.model.texts)} texts, ${formatCount(report.outputTokens)} tokens`);
    return report;
  } finally {
    await engine.close();
  }
}

async function textsOf(corpus: string, side: Side): Promise<string[]> {
  const texts: string[] = [];
  for await (const { text } of readCorpus(corpus, side)) texts.push(text);
  return texts;
}

const LONGEST_SHOWN = 70;

/** The model beside people. */
export function writingTable({ model, people, ended, maxTokens }: WritingReport, columns: number): string {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const [m1, m2, m3] = model.distinct;
  const [p1, p2, p3] = people.distinct;
  const rows = [
    ['different words, pairs, triples', [m1, m2, m3].map(percent).join(', '), [p1, p2, p3].map(percent).join(', ')],
    ['four words in a row said again', percent(model.repetition), percent(people.repetition)],
    ['word for word from the training text', percent(model.recited), percent(people.recited)],
    [
      `ends by itself within ${maxTokens} tokens`,
      `${percent(ended.share)} (${percent(ended.low)}–${percent(ended.high)})`,
      '',
    ],
  ];
  const figures = table(
    [
      { title: 'continuing test documents' },
      { title: 'this model', align: 'right' },
      { title: 'the documents', align: 'right' },
    ],
    rows,
    { columns },
  );
  const longest = Array.from(model.longestRecited.replaceAll(/\s+/g, ' '));
  if (longest.length === 0) return figures;
  const cut = longest.length > LONGEST_SHOWN ? `${longest.slice(0, LONGEST_SHOWN).join('')}…` : longest.join('');
  return `${figures}\nlongest recited (${formatCount(longest.length)} characters): ${cut}`;
}
