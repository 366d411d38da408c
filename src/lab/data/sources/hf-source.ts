/** Datasets of the Hugging Face Hub as a source of texts, by the Parquet files that the Hub makes of every dataset. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { MoatError } from '../../../base/errors.js';
import { type DownloadOptions, download, MAX_SOURCE_BYTES } from './http-download.js';
import { askJson } from './json-answer.js';
import type { FetchedCopy } from './npm-source.js';

export interface HfSpec {
  /** `OWNER/NAME`, or a name alone. */
  readonly dataset: string;
  readonly config: string | undefined;
  readonly split: string | undefined;
}

/** `hf:OWNER/NAME[/CONFIG][:SPLIT]`. @throws MoatError `bad-source` */
export function parseHfSpec(source: string): HfSpec {
  const part = String.raw`[\w.-]+`;
  const match = new RegExp(`^hf:(${part}(?:/${part})?)(?:/(${part}))?(?::(${part}))?$`).exec(source);
  const [, dataset, config, split] = match ?? [];
  if (dataset !== undefined && !dataset.includes('..')) return { dataset, config, split };
  throw new MoatError('bad-source', `${source}: not a dataset of the Hub`, {
    fix: 'Write hf:OWNER/NAME, hf:OWNER/NAME:train or hf:OWNER/NAME/CONFIG:train.',
  });
}

/** Names of splits become folders, so that what an endpoint answers may not lead out of the copy. */
const name = z.string().regex(/^\w[\w.-]{0,127}$/);
const filesSchema = z.record(name, z.record(name, z.array(z.url())));
const factsSchema = z.object({ sha: z.string().optional(), tags: z.array(z.string()).catch([]) });

const MAX_FILES = 10_000;

/**
 * Fills an empty folder with the Parquet files of one configuration: of the split that is named, else of `train`, else of all.
 * @throws MoatError `bad-source`, `source-refused`, `source-unreachable`, `source-damaged`,
 *   `source-too-large`, `no-such-split`
 */
export async function fetchHf(
  source: string,
  folder: string,
  options: DownloadOptions & { readonly env: NodeJS.ProcessEnv },
): Promise<FetchedCopy> {
  const { dataset, config, split } = parseHfSpec(source);
  const endpoint = (options.env['HF_ENDPOINT'] ?? 'https://huggingface.co').replace(/\/+$/, '');
  const token = options.env['HF_TOKEN'];
  const authorization = token === undefined || token === '' ? {} : { authorization: `Bearer ${token}` };
  const ask = (place: string): Promise<unknown> =>
    askHub(`${endpoint}/api/datasets/${dataset}${place}`, source, authorization, options);
  const facts = factsSchema.safeParse(await ask('')).data;
  const { data: configs } = filesSchema.safeParse(await ask('/parquet'));
  if (configs === undefined) {
    throw new MoatError('source-damaged', `${source}: the list of its files is not what the Hub answers`, {
      fix: 'Check HF_ENDPOINT, or try again later.',
    });
  }
  const splits = chosen(
    configs,
    config ?? (Object.keys(configs).length === 1 ? undefined : 'default'),
    'configuration',
    source,
  );
  const wanted = split ?? ('train' in splits ? 'train' : undefined);
  const groups =
    wanted === undefined ? Object.entries(splits) : [[wanted, chosen(splits, wanted, 'split', source)] as const];
  const files = groups.flatMap(([name, urls]) =>
    urls.map((url, index) => ({ url, place: [name, `${index}.parquet`] })),
  );
  if (files.length === 0 || files.length > MAX_FILES)
    throw new MoatError('no-such-split', `${source}: the Hub lists ${files.length} files of it`);
  let bytesLeft = options.maxBytes ?? MAX_SOURCE_BYTES;
  for (const { url, place } of files) {
    const target = path.join(folder, ...place);
    await mkdir(path.dirname(target), { recursive: true });
    // the token goes to the Hub alone, not to where it keeps files
    const headers = url.startsWith(`${endpoint}/`) ? authorization : {};
    bytesLeft -= (await download(url, target, { ...options, headers, maxBytes: bytesLeft })).sizeBytes;
  }
  const licence = facts?.tags.find((tag) => tag.startsWith('license:'))?.slice('license:'.length);
  return { version: facts?.sha, licence: licence === 'unknown' || licence === 'other' ? undefined : licence };
}

/** What is called so, or the only one there is. */
function chosen<T>(all: Readonly<Record<string, T>>, name: string | undefined, what: string, source: string): T {
  const found = name === undefined ? Object.values(all)[0] : Object.hasOwn(all, name) ? all[name] : undefined;
  if (found !== undefined) return found;
  const names = Object.keys(all).slice(0, 12).join(', ');
  const example = what === 'split' ? 'hf:OWNER/NAME:SPLIT' : 'hf:OWNER/NAME/CONFIG';
  throw new MoatError('no-such-split', `${source}: there is no ${what} ${name ?? ''}`.trimEnd(), {
    fix: names === '' ? 'The Hub has no Parquet files of it.' : `Write ${example}; there are ${names}.`,
  });
}

async function askHub(
  url: string,
  source: string,
  headers: Readonly<Record<string, string>>,
  options: DownloadOptions,
): Promise<unknown> {
  let answer: Awaited<ReturnType<typeof askJson>>;
  try {
    answer = await askJson(url, { ...options, headers });
  } catch (error) {
    options.signal?.throwIfAborted();
    throw new MoatError('source-unreachable', `${source}: the Hub cannot be reached`, {
      fix: 'Check the network; HF_ENDPOINT names another address, such as that of a mirror.',
      cause: error,
    });
  }
  const { status, value } = answer;
  if (status < 400) return value;
  const [what, fix] =
    status === 401 || status === 403
      ? ['is private, gated, or does not exist', 'Ask for access on its page and set HF_TOKEN.']
      : status === 404
        ? ['there is no such dataset', 'Check the name on huggingface.co/datasets.']
        : status === 429
          ? ['the Hub asks to wait', 'Try again in a few minutes, or set HF_TOKEN for a larger share.']
          : [`the Hub answers ${status}`, 'Try again later.'];
  throw new MoatError('source-refused', `${source}: ${what}`, { fix });
}
