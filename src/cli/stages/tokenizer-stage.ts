import { formatCount, formatSeconds } from '../../base/units.js';
import { readCorpus } from '../../lab/data/corpus.js';
import type { Document } from '../../lab/data/document.js';
import { findArchitecture } from '../../lab/models/registry.js';
import { type ShardManifest, writeTokenShards } from '../../lab/tokenizer/shard-writer.js';
import type { Tokenizer } from '../../lab/tokenizer/tokenizer.js';
import { trainTokenizer } from '../../lab/tokenizer/train-tokenizer.js';
import { USUAL_OBJECTIVE, tokensFor } from '../../lab/train/objectives/objectives.js';
import type { Project } from '../config/project.js';
import type { Reporter } from '../terminal/reporter.js';
import { filesOf } from './project-files.js';
import { objectiveOf } from './run-settings.js';
import { trainingDocuments } from './training-documents.js';

export interface TokenizerResult {
  readonly tokenizer: Tokenizer;
  readonly shards: ShardManifest;
  /** UTF-8 bytes of the test documents per token. */
  readonly bytesPerToken: number;
}

/** Trains the tokenizer on the training documents and writes every side of the corpus as token shards. */
export async function runTokenizerStage(project: Project, reporter: Reporter): Promise<TokenizerResult> {
  const stage = reporter.stage('tokenizer');
  const files = filesOf(project);
  const { vocabularySize, model, split } = project.config.tokenizer;
  const started = performance.now();
  const tokenizer = await trainTokenizer(files.tokenizer, textsOf(readCorpus(files.corpus, 'train')), {
    vocabularySize,
    model,
    split,
    specialTokens: objectiveTokens(project),
    onProgress: (tokens) =>
      stage.progress({
        // Unigram begins with more than it keeps
        fraction: Math.min(tokens, vocabularySize) / Math.max(tokens, vocabularySize),
        text: `${formatCount(tokens)} tokens`,
      }),
  });
  const trainedSeconds = (performance.now() - started) / 1000;
  const shards = await writeTokenShards(
    files.shards,
    {
      train: (await trainingDocuments(project)).open(),
      validation: readCorpus(files.corpus, 'validation'),
      test: readCorpus(files.corpus, 'test'),
    },
    tokenizer,
    { onProgress: (split, tokens) => stage.progress({ text: `${formatCount(tokens)} ${split} tokens written` }) },
  );
  const { train, validation, test } = shards.splits;
  const bytesPerToken = (test?.textBytes ?? 0) / Math.max(1, test?.tokens ?? 0);
  stage.done(
    `${formatCount(tokenizer.vocabSize)} tokens learned in ${formatSeconds(trainedSeconds)}, ${bytesPerToken.toFixed(2)} bytes a token; ` +
      `${formatCount(train?.tokens ?? 0)} to train on, ${formatCount(validation?.tokens ?? 0)} to validate, ${formatCount(test?.tokens ?? 0)} to test`,
  );
  return { tokenizer, shards, bytesPerToken };
}

/** Tokens that the model will be trained with and no text holds. */
function objectiveTokens({ config: { model, train } }: Project): string[] {
  const { kind } = findArchitecture(model.architecture, 'model.architecture');
  if (kind === 'classifier' || kind === 'adversarial') return [];
  const shares = train.objective === undefined ? { [USUAL_OBJECTIVE[kind]]: 1 } : objectiveOf(train.objective);
  return tokensFor(shares, kind);
}

async function* textsOf(documents: AsyncIterable<Document>): AsyncGenerator<string> {
  for await (const { text } of documents) yield text;
}
