import { stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { MoatError } from '../../../base/errors.js';
import { PASSPORT_FILE, REPORT_FILE, readPassport, readReport } from '../../../lab/data/corpus.js';
import { DUPLICATES_FILE, readDuplicateGroups } from '../../../lab/data/duplicate-groups.js';
import type { Passport } from '../../../lab/data/passport.js';
import { type DataReport, lengthBins } from '../../../lab/data/report.js';
import { SIDES } from '../../../lab/data/split.js';
import { ApiProblem } from '../api-problem.js';
import type { DataSummary, DuplicatePage, NamedTally, PassportSummary, TextTally } from '../api-types.js';
import { readShardManifest } from '../../../lab/tokenizer/shard-reader.js';
import { readJson } from '../request-body.js';
import type { AdminContext, AdminRequest, AdminRoute } from './admin-route.js';

/** A passport names every file: of a hundred thousand it has some 20 MB. */
const MAX_READ_BYTES = 32 * 1024 * 1024;
const MAX_FILES_SHOWN = 100;

/** What the corpus is made of. */
export const dataRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/api/data',
    needs: 'runs',
    handle: async ({ corpusDirectory, shardsDirectory }, c) =>
      c.json({ data: await readData(corpusDirectory, shardsDirectory) }),
  },
  {
    method: 'GET',
    path: '/api/data/tokenizers',
    needs: 'runs',
    handle: async ({ tokenPreviews }, c) => c.json({ tokenizers: await tokenPreviews.tokenizers() }),
  },
  { method: 'POST', path: '/api/data/tokens', needs: 'runs', handle: previewTokens },
  {
    method: 'GET',
    path: '/api/data/duplicates',
    needs: 'runs',
    handle: async ({ corpusDirectory }, c) =>
      c.json({ duplicates: await readDuplicates(corpusDirectory, (name) => c.req.query(name)) }),
  },
];

/** @throws ApiProblem 409 `corpus_damaged`, `corpus_too_large` */
async function readData(corpus: string, shards: string): Promise<DataSummary | null> {
  try {
    const report = await readReport(await bounded(corpus));
    return { ...summaryOf(report, await readPassport(corpus)), tokenLengths: await readTokenLengths(shards) };
  } catch (error) {
    if (!(error instanceof MoatError)) throw error;
    if (error.code === 'corpus-missing') return null;
    throw damaged(error);
  }
}

function damaged(error: unknown): unknown {
  if (!(error instanceof MoatError) || error.code !== 'corpus-damaged') return error;
  return new ApiProblem(409, 'corpus_damaged', 'The corpus cannot be read. Make it again with moat data.', {
    cause: error,
  });
}

/** Of all sides together. */
async function readTokenLengths(shards: string): Promise<DataSummary['tokenLengths']> {
  const manifest = await readShardManifest(shards).catch(() => undefined);
  const sides = Object.values(manifest?.splits ?? {}).map(({ lengths }) => lengths);
  const counted = sides.filter((lengths) => lengths !== undefined);
  if (counted.length === 0 || counted.length < sides.length) return null;
  const longest = Math.max(...counted.map(({ length }) => length));
  return lengthBins(
    Array.from({ length: longest }, (_, digits) => counted.reduce((sum, each) => sum + (each[digits] ?? 0), 0)),
  );
}

const tokensWish = z.union([
  z.strictObject({ tokenizer: z.string().max(128), text: z.string().max(100_000) }),
  z.strictObject({ tokenizer: z.string().max(128), document: z.int().min(0).max(9_999) }),
]);

/** Changes nothing; a text is too long for an address. */
async function previewTokens({ tokenPreviews }: AdminContext, c: AdminRequest): Promise<Response> {
  const wish = await readJson(c.env.incoming, tokensWish);
  const preview =
    'text' in wish
      ? tokenPreviews.ofText(wish.tokenizer, wish.text)
      : tokenPreviews.ofDocument(wish.tokenizer, wish.document);
  return c.json(
    await preview.catch((error: unknown) => {
      throw damaged(error);
    }),
  );
}

const MAX_SEARCH = 200;

/** @throws ApiProblem 409 `corpus_damaged` */
async function readDuplicates(
  corpus: string,
  query: (name: string) => string | undefined,
): Promise<DuplicatePage | null> {
  const all = await readDuplicateGroups(await bounded(corpus)).catch((error: unknown) => {
    throw damaged(error);
  });
  if (all === undefined) return null;
  const search = (query('search') ?? '').slice(0, MAX_SEARCH).toLowerCase();
  const holds = ({ id, text }: { id: string; text: string }): boolean =>
    id.toLowerCase().includes(search) || text.toLowerCase().includes(search);
  const found = all.groups.filter(({ kept, copies }) => holds(kept) || copies.some(holds));
  const from = z.coerce.number().int().min(0).catch(0).parse(query('from'));
  const limit = z.coerce.number().int().min(1).max(50).catch(10).parse(query('limit'));
  return { groups: found.slice(from, from + limit), total: found.length, isComplete: all.isComplete };
}

async function bounded(corpus: string): Promise<string> {
  for (const name of [REPORT_FILE, PASSPORT_FILE, DUPLICATES_FILE]) {
    const facts = await stat(path.join(corpus, name)).catch(() => undefined);
    if ((facts?.size ?? 0) > MAX_READ_BYTES)
      throw new ApiProblem(409, 'corpus_too_large', `${name} has more than 32 MB. Look at it with moat data.`);
  }
  return corpus;
}

function summaryOf(report: DataReport, passport: Passport): Omit<DataSummary, 'tokenLengths'> {
  const { files, read, kept, train, validation, test, lengths } = report;
  const licences = new Map(passport.sources?.map(({ name, licence }) => [name, licence]));
  return {
    source: path.isAbsolute(report.source) ? path.basename(report.source) : report.source,
    files,
    read,
    kept,
    train,
    validation,
    test,
    lengths,
    languages: largestFirst(report.languages),
    licences: largestFirst(report.licences),
    origins: Object.entries(report.origins).map(([name, tallies]) => ({
      name,
      licence: licences.get(name) ?? passport.licence ?? null,
      ...tallies,
    })),
    masked: Object.entries(report.masked).map(([kind, count]) => ({ kind, count })),
    dropped: Object.entries(report.dropped).map(([reason, { documents, bytes, examples }]) => ({
      reason,
      documents,
      bytes,
      examples: examples.map(({ id, detail, excerpt = null, copyOf = null }) => ({ id, detail, excerpt, copyOf })),
    })),
    passport: passportSummary(passport),
  };
}

const largestFirst = (tallies: Readonly<Record<string, TextTally>>): NamedTally[] =>
  Object.entries(tallies)
    .map(([name, tally]) => ({ name, ...tally }))
    .sort((a, b) => b.bytes - a.bytes);

function passportSummary({ licence, files, settings, outputs }: Passport): PassportSummary {
  return {
    licence: licence ?? null,
    fileCount: files.length,
    files: files.slice(0, MAX_FILES_SHOWN),
    settings: Object.entries(settings)
      .map(([name, value]) => ({ name, value: Array.isArray(value) ? value.join(', ') : String(value) }))
      .filter(({ value }) => value !== ''),
    outputs: SIDES.map((side) => ({ name: `${side}.jsonl`, ...outputs[side] })),
  };
}
