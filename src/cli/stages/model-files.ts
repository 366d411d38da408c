/** What stands around a run's weights, wherever it is trained. */
import path from 'node:path';
import type { CheckpointContents } from '../../lab/checkpoint/save-checkpoint.js';
import { readPassport } from '../../lab/data/corpus.js';
import { findArchitecture } from '../../lab/models/registry.js';
import type { loadTokenizer } from '../../lab/tokenizer/tokenizer.js';
import { PASSPORT_NAME, renderModelCard } from '../../lab/train/model-card.js';
import type { Project } from '../config/project.js';
import { checkedRunName } from './find-run.js';
import { filesOf } from './project-files.js';
import type { TokenizerFacts } from './run-settings.js';

type LoadedTokenizer = Awaited<ReturnType<typeof loadTokenizer>>;

/** `runs/<name>`. @throws MoatError `bad-run-name` */
export const runDirectoryOf = (project: Project, name: string): string =>
  path.join(filesOf(project).runs, checkedRunName(name));

/** The files beside the weights in every checkpoint: the tokenizer's, the model card and the data's passport. */
export async function modelFiles(
  project: Project,
  runName: string,
  tokenizer: LoadedTokenizer,
): Promise<CheckpointContents['files']> {
  return { ...tokenizerFiles(filesOf(project).tokenizer, tokenizer), ...(await cardFiles(project, runName)) };
}

export function tokenizerFacts(tokenizer: LoadedTokenizer): TokenizerFacts {
  const { vocabSize: vocabularySize, endOfText, pad, endOfTurn, hash } = tokenizer;
  return { vocabularySize, endOfText, pad, endOfTurn, hash };
}

/** Where the model's data came from, in the form that the Hub shows. */
async function cardFiles(project: Project, name: string): Promise<Record<string, string>> {
  const passport = await readPassport(filesOf(project).corpus);
  const { architecture } = project.config.model;
  const { title, source } = findArchitecture(architecture, 'model.architecture');
  return {
    'README.md': renderModelCard({ name, architecture: { title, source }, passport }),
    [PASSPORT_NAME]: `${JSON.stringify(passport, undefined, 2)}\n`,
  };
}

/** What stands beside the weights in every checkpoint, so that the folder alone is a model. */
function tokenizerFiles(
  folder: string,
  { endOfText, endOfTurn, pad }: { endOfText: number; endOfTurn: number; pad: number | undefined },
) {
  const generation = {
    bos_token_id: endOfText,
    eos_token_id: [endOfText, endOfTurn],
    ...(pad === undefined ? {} : { pad_token_id: pad }),
  };
  return {
    'tokenizer.json': { copyOf: path.join(folder, 'tokenizer.json') },
    'tokenizer_config.json': { copyOf: path.join(folder, 'tokenizer_config.json') },
    'generation_config.json': `${JSON.stringify(generation, undefined, 2)}\n`,
  };
}
