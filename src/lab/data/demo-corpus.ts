import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { z } from 'zod';
import { MoatError } from '../../base/errors.js';

export interface CorpusSource {
  /** Folder to give to `prepareCorpus`. */
  readonly path: string;
  readonly licence: string | undefined;
  /** e.g. `@types/node 20.19.43`. */
  readonly name: string;
}

const PACKAGE = '@types/node';
const manifestSchema = z.object({ version: z.string(), license: z.string().optional() });

/**
 * The demo's text: the documentation comments of the installed `@types/node`.
 * @throws MoatError `demo-corpus-missing` when the package is not installed
 */
export async function findDemoCorpus(): Promise<CorpusSource> {
  let manifestPath: string;
  try {
    manifestPath = createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`);
  } catch (error) {
    throw new MoatError(
      'demo-corpus-missing',
      `the package ${PACKAGE}, whose documentation the demo reads, is missing`,
      {
        fix: 'Run npm install again, or give your own texts with --data DIR.',
        cause: error,
      },
    );
  }
  const manifest = manifestSchema.parse(JSON.parse(await readFile(manifestPath, 'utf8')));
  return { path: path.dirname(manifestPath), licence: manifest.license, name: `${PACKAGE} ${manifest.version}` };
}
