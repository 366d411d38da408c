/** Several places that texts come from, read as one: in their order, each file under the name of its source. */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { hashSource, type Passport } from './passport.js';
import { type RawItem, type ReadDocumentsOptions, readDocuments } from './read-documents.js';

export interface CorpusSource {
  /** A file, a folder or a glob. */
  readonly path: string;
  /** Stands before the file in ids and in the report; unique among the sources, empty for a single one. */
  readonly name: string;
  /** SPDX expression; the licence that a record itself names goes before it. */
  readonly licence?: string | undefined;
  /** The field of a record that holds its text; before the one that is said for all sources. */
  readonly textField?: string | undefined;
  /** The format of its texts, by name, where they are taken for something else. */
  readonly format?: string | undefined;
}

/** @throws MoatError as `readDocuments` */
export async function* readSources(
  sources: readonly CorpusSource[],
  options: ReadDocumentsOptions,
): AsyncGenerator<RawItem> {
  for (const { path, name, licence, textField, format } of sources) {
    const reading = {
      ...options,
      licence,
      textField: textField ?? options.textField,
      format: format ?? options.format,
    };
    const prefix = await prefixOf(path, name);
    for await (const item of readDocuments(path, reading)) yield prefix === '' ? item : under(prefix, item);
  }
}

/** A source that is one file of that name stands under it already. */
async function prefixOf(path: string, name: string): Promise<string> {
  if (name === '' || basename(path) !== name) return name === '' ? '' : `${name}/`;
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() === true ? '' : `${name}/`;
}

function under(prefix: string, item: RawItem): RawItem {
  const placed = <T extends { readonly id: string; readonly origin: string }>(entry: T): T => ({
    ...entry,
    id: `${prefix}${entry.id}`,
    origin: `${prefix}${entry.origin}`,
  });
  if (item.kind === 'document') return { kind: 'document', document: placed(item.document) };
  return { kind: 'dropped', dropped: placed(item.dropped) };
}

/** Every file of every source with its hash, in the order in which they are read. */
export async function hashSources(sources: readonly CorpusSource[]): Promise<Passport['files']> {
  const files: Passport['files'] = [];
  for (const { path, name } of sources) {
    const prefix = await prefixOf(path, name);
    for (const file of await hashSource(path)) files.push({ ...file, origin: `${prefix}${file.origin}` });
  }
  return files;
}
