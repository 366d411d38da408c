import { readFileSync } from 'node:fs';

/** What the program says about itself; read from package.json, so that no figure is written twice. */
export interface PackageFacts {
  readonly version: string;
  /** The range of Node versions Moat is tested with, e.g. ">=20.19". */
  readonly nodeRange: string;
  /** Where defects are reported; undefined while the package names no place. */
  readonly bugsUrl: string | undefined;
}

const PACKAGE_FILE = new URL('../../package.json', import.meta.url);

export function readPackageFacts(file: URL = PACKAGE_FILE): PackageFacts {
  const json: unknown = JSON.parse(readFileSync(file, 'utf8'));
  return {
    version: textAt(json, 'version') ?? '0.0.0',
    nodeRange: textAt(json, 'engines', 'node') ?? '*',
    bugsUrl: textAt(json, 'bugs', 'url'),
  };
}

function textAt(json: unknown, ...keys: string[]): string | undefined {
  let value = json;
  for (const key of keys) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Object.entries(value).find(([name]) => name === key)?.[1];
  }
  return typeof value === 'string' ? value : undefined;
}
