import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { formatCount } from '../../base/units.js';
import { type Baselines, measureBaselines } from '../../lab/eval/baselines.js';
import type { BitsPerByte } from '../../lab/eval/bits-per-byte.js';
import { type ObjectiveLoss, evaluateObjective } from '../../lab/eval/evaluate-objective.js';
import { writeEvaluation } from '../../lab/eval/evaluation-file.js';
import { evaluateCheckpoint } from '../../lab/eval/evaluate-model.js';
import { readCorpus } from '../../lab/data/corpus.js';
import type { Side } from '../../lab/data/split.js';
import { readModelConfig } from '../../lab/models/registry.js';
import { readTokenSplit } from '../../lab/tokenizer/shard-reader.js';
import { loadTokenizer } from '../../lab/tokenizer/tokenizer.js';
import { namedShares } from '../../lab/train/objectives/objectives.js';
import { parseRunConfig } from '../../lab/train/run-config.js';
import { readRunConfig } from '../../lab/train/run-directory.js';
import type { Project } from '../config/project.js';
import type { Reporter } from '../terminal/reporter.js';
import { table } from '../terminal/table.js';
import { filesOf } from './project-files.js';

export interface EvalResult {
  readonly model: BitsPerByte;
  readonly baselines: Baselines;
}

/** Scores a checkpoint on the test documents, beside the baselines on the same text, and keeps the figures with the run. */
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
  await writeEvaluation(checkpoint, { model, baselines });
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

/** What a run learned that gives a text no probability: how well it does it on the test documents. */
export async function runObjectiveStage(
  project: Project,
  checkpoint: string,
  reporter: Reporter,
): Promise<ObjectiveLoss> {
  const stage = reporter.stage('evaluate');
  const tokenizer = await loadTokenizer(checkpoint);
  const { tokens } = await readTokenSplit(filesOf(project).shards, 'test', tokenizer);
  // runs/NAME/checkpoints/STEP
  const run = path.dirname(path.dirname(checkpoint));
  const config = parseRunConfig(await readRunConfig(run), path.join(run, 'config.json'));
  stage.progress({ text: 'scoring the test documents' });
  const { threads } = project.config.serve;
  const result = await evaluateObjective(
    checkpoint,
    config,
    tokens,
    tokenizer,
    threads === undefined ? {} : { threads },
  );
  stage.done(
    `${result.loss.toFixed(3)} nats a prediction (95 %: ${result.low.toFixed(3)} to ${result.high.toFixed(3)}), ` +
      `${result.untrained.toFixed(3)} before training; ${namedShares(result.objective)
        .map(([name, share]) => `${name} ${share}`)
        .join(', ')}`,
  );
  return result;
}

/** @returns whether the model of a checkpoint continues texts, and so gives each a probability */
export async function continuesTexts(checkpoint: string): Promise<boolean> {
  const file = path.join(checkpoint, 'config.json');
  const { model } = readModelConfig(JSON.parse(await readFile(file, 'utf8')), file);
  return model.kind === 'causal';
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
