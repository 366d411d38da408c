/** What a project sells beside the model that writes: vectors of texts, and what a classifier says of them. */
import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import type { ModerationModel } from '../../company/gateway/moderation.js';
import { createClassifierEngine } from '../../lab/tasks/classification/classifier-engine.js';
import { type EmbeddingEngine, createEmbeddingEngine } from '../../lab/tasks/embedding/embedding-engine.js';
import type { Project } from '../config/project.js';
import { filesOf } from './project-files.js';

export interface SideModels {
  /** By the name customers ask for. */
  readonly embedders: ReadonlyMap<string, EmbeddingEngine>;
  readonly moderators: ReadonlyMap<string, ModerationModel>;
  close(): Promise<void>;
}

/**
 * Opens those that the configuration names; each has the name of its folder.
 * @throws MoatError `moderation-flags`, and what opening a model throws
 */
export async function openSideModels(project: Project): Promise<SideModels> {
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(closers.map((closer) => closer()));
  };
  try {
    const embedders = new Map<string, EmbeddingEngine>();
    const { embeddings, moderation, threads } = project.config.serve;
    if (embeddings !== undefined) {
      const folder = project.resolve(embeddings);
      const engine = await createEmbeddingEngine({ modelId: path.basename(folder), folder, threads });
      closers.push(() => engine.close());
      embedders.set(engine.modelId, engine);
    }
    const moderators = new Map<string, ModerationModel>();
    if (moderation !== undefined) {
      const folder = path.join(filesOf(project).models, moderation);
      const engine = await createClassifierEngine({ modelId: moderation, folder });
      closers.push(() => engine.close());
      const { moderationThreshold: threshold } = project.config.serve;
      moderators.set(moderation, { engine, flaggedLabels: flaggedLabels(project, engine.labels), threshold });
    }
    return { embedders, moderators, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The founder says which labels are bad: no name of a label says it for sure. */
function flaggedLabels({ config }: Project, labels: readonly string[]): string[] {
  const named = (config.serve.moderationFlags ?? '').split(',').map((label) => label.trim());
  const flagged = named.filter((label) => label !== '');
  const unknown = flagged.find((label) => !labels.includes(label));
  if (flagged.length > 0 && unknown === undefined) return flagged;
  const what = unknown === undefined ? 'no label is named that flags a text' : `"${unknown}" is no label of the model`;
  throw new MoatError('moderation-flags', `serve.moderationFlags: ${what}`, {
    fix: `Name some of ${labels.join(', ')}, with commas between them.`,
  });
}
