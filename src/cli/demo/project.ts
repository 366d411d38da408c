import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../../base/atomic-file.js';
import { MoatError } from '../../base/errors.js';
import type { Override } from '../config/overrides.js';
import { type Project, findConfigFile, loadProject } from '../config/project.js';

const CONFIG = `import { defineConfig } from 'moatlm';

// The demo's project: a small model, trained for two minutes. Change what you like and run the commands again.
export default defineConfig({
  schemaVersion: 1,
  name: 'demo',
  model: { depth: 6 },
  train: { minutes: 2 },
});
`;

/**
 * The demo's own project folder, made when it is not there, so that afterwards every command works in it.
 * @throws MoatError `not-a-demo` when the folder holds something else
 */
export async function openDemoProject(
  directory: string,
  env: NodeJS.ProcessEnv,
  overrides: readonly Override[],
): Promise<Project> {
  await mkdir(directory, { recursive: true });
  const file = path.join(directory, 'moat.config.ts');
  const exists = await stat(file).then(
    () => true,
    () => false,
  );
  if (!exists) await writeFileAtomic(file, CONFIG);
  if ((await findConfigFile(directory)) !== file) {
    throw new MoatError('not-a-demo', `${directory}: another project's configuration is in the way`, {
      fix: 'Choose another folder with --dir.',
    });
  }
  return loadProject(directory, { env, overrides });
}
