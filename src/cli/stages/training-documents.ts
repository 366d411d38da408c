import { readCorpus } from '../../lab/data/corpus.js';
import type { Document } from '../../lab/data/document.js';
import { mixDocuments } from '../../lab/data/mix-documents.js';
import { groupings, type GroupShare } from '../../lab/data/mixture.js';
import { readWeights } from '../config/fields.js';
import type { Project } from '../config/project.js';
import { filesOf } from './project-files.js';

export interface TrainingDocuments {
  /** Starts again from the beginning at every call. */
  open(): AsyncIterable<Document>;
  /** Every group before and after mixing; undefined when the corpus is trained on as it is, in its own order. */
  readonly groups: readonly GroupShare[] | undefined;
}

/**
 * The documents to train on, mixed as `data.mixtureTemperature` and `data.mixtureWeights` say; as they stand in the corpus
 * when these say nothing.
 * @throws MoatError `corpus-missing`, `corpus-damaged`, `mixture-group`, `mixture-weights`
 */
export async function trainingDocuments(project: Project): Promise<TrainingDocuments> {
  const { corpus } = filesOf(project);
  const open = (): AsyncIterable<Document> => readCorpus(corpus, 'train');
  const { mixtureTemperature: temperature, mixtureWeights, mixtureBy, maxRepeats, seed } = project.config.data;
  if (temperature === 1 && mixtureWeights === undefined) return { open, groups: undefined };
  const weights = mixtureWeights === undefined ? {} : readWeights(mixtureWeights);
  const groupOf = groupings[mixtureBy];
  const { documents, groups } = await mixDocuments(open, { temperature, weights, maxRepeats, seed, groupOf });
  return { open: documents, groups };
}
