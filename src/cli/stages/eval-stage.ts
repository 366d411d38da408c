import { formatCount } from '../../base/units.js';
import { type Baselines, measureBaselines } from '../../lab/eval/baselines.js';
import type { BitsPerByte } from '../../lab/eval/bits-per-byte.js';
import { evaluateCheckpoint } from '../../lab/eval/evaluate-model.js';
import { readCorpus } from '../../lab/data/corpus.js';
import type { Side } from '../../lab/data/split.js';
import { readTokenSplit } from '../../lab/tokenizer/shard-reader.js';
import { loadTokenizer } from '../../lab/tokenizer/tokenizer.js';
import type { Project } from '../config/project.js';
import type { Reporter } from '../terminal/reporter.js';
import { table } from '../terminal/table.js';
import { filesOf } from './project-files.js';

export interface EvalResult {
  readonly model: BitsPerByte;
  readonly baselines: Baselines;
}

/** Scores a checkpoint on the test documents, beside the baselines on the same text. */
export async function runEvalStage(
  project: Project,
  checkpoint: string,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<EvalResult> {
  const stage = reporter.stage('evaluate');
  const files = filesOf(project);
  const tokenizer = await loadTokenizer(checkpoint);
  const test = await readTokenSplit(files.shards, 'test', tokenizer);
  stage.progress({ text: 'scoring the test documents' });
  const model = await evaluateCheckpoint(
    checkpoint,
    { ...test, endOfText: tokenizer.endOfText },
    { threads: project.config.serve.threads, signal },
  );
  stage.progress({ text: 'baselines on the same text' });
  const baselines = await measureBaselines(await texts(files.corpus, 'train'), await texts(files.corpus, 'test'));
  stage.done(
    `${model.bitsPerByte.toFixed(3)} bits a byte (95 %: ${model.low.toFixed(3)} to ${model.high.toFixed(3)}) on ` +
      `${formatCount(model.documents)} unseen documents`,
  );
  return { model, baselines };
}

async function texts(corpus: string, side: Side): Promise<string[]> {
  const result: string[] = [];
  for await (const { text } of readCorpus(corpus, side)) result.push(text);
  return result;
}

/** The model among its baselines, best first. */
export function evalTable({ model, baselines }: EvalResult, columns: number): string {
  const interval = ({ low, high }: BitsPerByte): string => `${low.toFixed(3)} – ${high.toFixed(3)}`;
  const entries = [
    { name: '▸ this model', bits: model.bitsPerByte, range: interval(model) },
    { name: 'brotli 11, primed with the training text', bits: baselines.brotliPrimed.bitsPerByte, range: '' },
    { name: 'byte 6-gram (Witten–Bell)', bits: baselines.sixgram.bitsPerByte, range: interval(baselines.sixgram) },
    { name: 'brotli 11, alone', bits: baselines.brotli.bitsPerByte, range: '' },
    { name: 'byte unigram', bits: baselines.unigram.bitsPerByte, range: interval(baselines.unigram) },
  ].sort((a, b) => a.bits - b.bits);
  return table(
    [{ title: 'on the same unseen text' }, { title: 'bits a byte', align: 'right' }, { title: '95 % interval' }],
    entries.map(({ name, bits, range }) => [name, bits.toFixed(3), range]),
    { columns },
  );
}
