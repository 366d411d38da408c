/** Files of a deployment: made in memory or copied, and put in their place all together. */
import { constants } from 'node:fs';
import { copyFile, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';
import { explainWriteError, syncDirectory, temporaryNameFor } from '../../base/atomic-file.js';
import { MoatError } from '../../base/errors.js';

export interface DeployFile {
  /** Relative to the folder; `/` between its parts. */
  readonly name: string;
  /** What it holds, where to copy it from, or what writes it. */
  readonly content: string | { readonly copyOf: string } | ((file: string) => Promise<void>);
  readonly isProgram?: boolean;
}

/** One YAML document, or several. No anchors: every place says what holds there. */
export const yamlFile = (name: string, documents: readonly object[], heading = ''): DeployFile => ({
  name,
  content:
    heading + documents.map((each) => stringify(each, { aliasDuplicateObjects: false, lineWidth: 0 })).join('---\n'),
});

export const jsonFile = (name: string, value: object): DeployFile => ({
  name,
  content: `${JSON.stringify(value, undefined, 2)}\n`,
});

/**
 * Writes all files beside the folder first, and moves them in when every one is whole. Others in the folder stay.
 * @param force replaces files of these names
 * @throws MoatError `file-exists`, `disk-full`, `not-writable`
 */
export async function writeDeployment(folder: string, files: readonly DeployFile[], force: boolean): Promise<void> {
  for (const { name } of force ? [] : files) {
    if (!(await exists(path.join(folder, name)))) continue;
    throw new MoatError('file-exists', `${path.join(folder, name)} is already there; nothing was written`, {
      fix: 'Name another folder with --out, or replace the files of these names with --force.',
    });
  }
  const staging = temporaryNameFor(path.resolve(folder));
  try {
    for (const file of files) await writeOne(path.join(staging, file.name), file);
    for (const { name } of files) {
      await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
      await rename(path.join(staging, name), path.join(folder, name));
    }
    await syncDirectory(folder);
  } catch (error) {
    throw explainWriteError(error, folder);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function writeOne(target: string, { content, isProgram = false }: DeployFile): Promise<void> {
  await mkdir(path.dirname(target), { recursive: true });
  if (typeof content === 'function') await content(target);
  else if (typeof content === 'string')
    await writeFile(target, content, { mode: isProgram ? 0o755 : 0o644, flush: true });
  // where the file system can, the copy takes no space
  else await copyFile(content.copyOf, target, constants.COPYFILE_FICLONE);
}

const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );
