/** Which model folders a server opens, by the names customers ask for. */
import { existsSync } from 'node:fs';
import { MoatError } from '../../base/errors.js';
import { SERVING_FILE, folderOfSource, holdPromoted, readServing } from '../../company/gateway/model-source.js';
import type { Project } from '../config/project.js';
import { findModel } from './find-run.js';
import { filesOf } from './project-files.js';

/**
 * Models that were promoted, under their names; under the project's own name, unless one was promoted for it, the newest. A run that is
 * named stands above both.
 * @returns folders by name; empty where nothing is trained yet: the studio trains and promotes, and there may be models elsewhere
 * @throws MoatError `no-model`, `bad-serving`, `promoted-model-missing`
 */
export async function servedFolders(project: Project, run: string | undefined): Promise<Map<string, string>> {
  const { runs } = filesOf(project);
  const { modelId } = project.config.serve;
  const folders = new Map<string, string>();
  await holdPromoted(project.root);
  for (const [name, source] of await readServing(project.root)) {
    const folder = folderOfSource(runs, source);
    if (name === modelId && run !== undefined) continue;
    if (!existsSync(folder)) throw promotedMissing(name, folder);
    folders.set(name, folder);
  }
  if (folders.has(modelId)) return folders;
  const own = await findModel(runs, run).catch((error: unknown) => {
    if (run === undefined && error instanceof MoatError && error.code === 'no-model') return undefined;
    throw error;
  });
  // the first is the one that the terminal and the demo speak of
  return own === undefined ? folders : new Map([[modelId, own], ...folders]);
}

const promotedMissing = (name: string, folder: string): MoatError =>
  new MoatError(
    'promoted-model-missing',
    `${folder}: this is what "${name}" was promoted to (${SERVING_FILE}), and it is gone`,
    {
      fix: `Promote another one: moat models promote RUN --as ${name}.`,
    },
  );
