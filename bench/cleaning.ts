/**
 * Group `cleaning`: texts cleaned as FineWeb was (Gopher, C4, FineWeb, near duplicates by 14 × 8 MinHash), a thread
 * against a process of datatrove and two threads against two. Ours also normalizes, looks for personal data and
 * identifies languages. `MOAT_BENCH_TEXT` names English texts, sentences in lines; documents of about 1 kB are made of
 * them. Ours cleans up to 8 MB, the start of its threads included; datatrove, warm, the first megabyte of them.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cleanDocuments } from '../src/lab/data/clean-corpus.js';
import type { RawItem } from '../src/lab/data/read-documents.js';
import { createReport } from '../src/lab/data/report.js';
import { startPeer } from './peer.js';
import { type BenchResult, compare } from './result.js';

const DOCUMENT_CHARACTERS = 1000;
const SENTENCES_A_LINE = 4;
const OUR_BYTES = 8e6;
const THEIR_BYTES = 1e6;
const RUNS = 3;
const TARGET_RATIO = 3;

export async function cleaningGroup(): Promise<BenchResult[]> {
  const source = process.env['MOAT_BENCH_TEXT'];
  if (source === undefined) {
    console.error('cleaning: set MOAT_BENCH_TEXT to a file of English sentences in lines; skipped');
    return [];
  }
  const sentences = await readFile(source, 'utf8');
  const texts = { ours: documentsOf(sentences, OUR_BYTES), theirs: documentsOf(sentences, THEIR_BYTES) };
  const folder = await mkdtemp(path.join(tmpdir(), 'moat-bench-'));
  const file = path.join(folder, 'texts.jsonl');
  try {
    await writeFile(file, texts.theirs.map((text) => `${JSON.stringify({ text })}\n`).join(''));
    const results: BenchResult[] = [];
    for (const workers of [1, 2]) results.push(await against(file, texts, workers));
    return results;
  } finally {
    await rm(folder, { recursive: true });
  }
}

function documentsOf(sentences: string, sizeBytes: number): string[] {
  const texts: string[] = [];
  let lines: string[] = [];
  let characters = 0;
  let bytes = 0;
  for (const sentence of sentences.split('\n')) {
    if (bytes >= sizeBytes) break;
    lines.push(sentence);
    characters += sentence.length;
    if (characters < DOCUMENT_CHARACTERS) continue;
    const text = inLines(lines);
    texts.push(text);
    bytes += Buffer.byteLength(text);
    lines = [];
    characters = 0;
  }
  return texts;
}

function inLines(sentences: readonly string[]): string {
  return sentences.map((sentence, at) => sentence + ((at + 1) % SENTENCES_A_LINE === 0 ? '\n' : ' ')).join('');
}

interface Texts {
  readonly ours: readonly string[];
  readonly theirs: readonly string[];
}

const megabytesOf = (texts: readonly string[]): number =>
  texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / 1e6;

async function against(file: string, texts: Texts, workers: number): Promise<BenchResult> {
  const kept = await clean(texts.theirs, workers);
  const peer = await startPeer('datatrove_clean.py', { file, workers });
  if (peer !== undefined) {
    const theirs = await peer.measure('kept');
    console.error(`cleaning: of ${texts.theirs.length} documents ours keeps ${kept}, ${peer.version} ${theirs}`);
  }
  const ours = async (): Promise<number> => {
    const startedMs = performance.now();
    await clean(texts.ours, workers);
    return (megabytesOf(texts.ours) * 1000) / (performance.now() - startedMs);
  };
  const measure = async (): Promise<number> => megabytesOf(texts.theirs) / ((await peer?.measure('seconds')) ?? 0);
  try {
    return await compare({
      group: 'cleaning',
      name: `web rules and near duplicates, ${workers} ${workers === 1 ? 'thread' : 'threads'}`,
      unit: 'MB/s',
      better: 'higher',
      target: TARGET_RATIO,
      runs: RUNS,
      ours,
      peer: peer && { name: peer.version, measure },
    });
  } finally {
    peer?.close();
  }
}

/** @returns how many are kept */
async function clean(texts: readonly string[], workers: number): Promise<number> {
  const report = createReport({ source: 'texts', validationFraction: 0.02, testFraction: 0.05, seed: 1 });
  const settings = {
    thresholds: {},
    personalData: 'mask',
    languages: undefined,
    quality: 'web',
    nearDuplicates: 0.72,
    repeatedPassages: 0,
    testSets: [],
  } as const;
  const items = async function* (): AsyncGenerator<RawItem> {
    for (const [at, text] of texts.entries()) {
      yield { kind: 'document', document: { id: `texts#${at + 1}`, origin: 'texts', text } };
    }
  };
  const threads = workers === 1 ? { threads: 0 } : { threads: workers, charactersBefore: 0 };
  let kept = 0;
  const clean = cleanDocuments(items(), settings, report, async () => undefined, threads);
  while ((await clean.next()).done !== true) kept++;
  return kept;
}
