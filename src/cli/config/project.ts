import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createJiti } from 'jiti';
import { messageOf, MoatError, systemCode } from '../../base/errors.js';
import { applyOverrides, type Override } from './overrides.js';
import { resolveConfig } from './resolve.js';
import type { ProjectConfig } from './types.js';

/** A founder's project: a folder with a configuration file in it. */
export interface Project {
  /** The project's folder, absolute. */
  readonly root: string;
  /** The configuration file, absolute; undefined where defaults stand in for one. */
  readonly configFile: string | undefined;
  readonly config: ProjectConfig;
  /** An absolute path for one given relative to the project's folder. */
  resolve(...parts: string[]): string;
}

export interface LoadOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly overrides?: readonly Override[];
  /** Where there is no project: take the folder itself with every default, instead of refusing. */
  readonly orDefaults?: boolean;
}

/** In order of preference, where a folder has several. */
export const CONFIG_FILE_NAMES = ['moat.config.ts', 'moat.config.mjs', 'moat.config.js', 'moat.config.json'] as const;
const MOST_CONFIG_BYTES = 1_000_000;

/** Walks up from `directory`, as git does, to the first folder with a configuration file. */
export async function findConfigFile(directory: string): Promise<string | undefined> {
  for (let folder = path.resolve(directory); ; folder = path.dirname(folder)) {
    for (const name of CONFIG_FILE_NAMES) {
      const file = path.join(folder, name);
      if (await isFile(file)) return file;
    }
    if (path.dirname(folder) === folder) return undefined;
  }
}

/**
 * Finds, reads and checks the project that `directory` is in.
 * @throws MoatError `no-project`, `config-unreadable` or `config-invalid`
 */
export async function loadProject(directory: string, options: LoadOptions): Promise<Project> {
  const configFile = await findConfigFile(directory);
  if (configFile === undefined && options.orDefaults !== true) {
    throw new MoatError('no-project', `no moat.config.ts in ${path.resolve(directory)} or any folder above it`, {
      fix: 'Run `moat init` to start a project, or go to the folder of one.',
    });
  }
  const root = configFile === undefined ? path.resolve(directory) : path.dirname(configFile);
  const overrides = options.overrides ?? [];
  const input = applyOverrides(configFile === undefined ? {} : await readConfigFile(configFile), overrides);
  const flags = new Map(overrides.map(({ path: field, label }) => [field, label]));
  const source = { file: path.relative(directory, configFile ?? 'moat.config.ts'), flags };
  const config = resolveConfig(input, { root, env: options.env, source });
  return { root, configFile, config, resolve: (...parts) => path.resolve(root, ...parts) };
}

async function readConfigFile(file: string): Promise<unknown> {
  try {
    const { size } = await stat(file);
    if (size > MOST_CONFIG_BYTES) throw new Error(`larger than ${MOST_CONFIG_BYTES} bytes`);
    if (file.endsWith('.json')) return JSON.parse(await readFile(file, 'utf8'));
    return await evaluate(file);
  } catch (error) {
    throw new MoatError('config-unreadable', `${file}: ${oneLine(messageOf(error), file)}`, {
      fix: 'Mend the file; `moat init` writes one that works.',
      cause: error,
    });
  }
}

/** A parser's message, which may hold the place ("…/moat.config.ts:2:0") on a line of its own. */
function oneLine(message: string, file: string): string {
  const [first = '', second = ''] = message
    .replace(/^ParseError: /, '')
    .split('\n')
    .map((line) => line.trim());
  const position = second.startsWith(`${file}:`)
    ? ` at line ${second.slice(file.length + 1).replace(':', ', column ')}`
    : '';
  return `${first.replace(`${file}: `, '')}${position}`;
}

/** Runs the file, with `moatlm` meaning this very program, so that a project needs nothing installed. */
async function evaluate(file: string): Promise<unknown> {
  const extension = path.extname(fileURLToPath(import.meta.url));
  const entry = fileURLToPath(new URL(`../../index${extension}`, import.meta.url));
  const jiti = createJiti(file, { alias: { moatlm: entry }, fsCache: false, moduleCache: false });
  const loaded: unknown = await jiti.import(file, { default: true });
  return loaded;
}

async function isFile(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isFile();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(systemCode(error) ?? '')) return false;
    throw error;
  }
}
