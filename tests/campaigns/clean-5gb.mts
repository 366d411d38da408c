/**
 * Cleans generated text of any size and says how long that took and how much memory the process held at most:
 * `npx tsx tests/campaigns/clean-5gb.mts [GIGABYTES] [FOLDER]` (5, in the system's temporary folder; twice that much disk).
 * Texts have 1 to 3 kB, one in twelve is a copy, one in twenty nearly so, one in fifty has an address. Linux only.
 */
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Rng } from '../../src/base/rng.js';
import { formatBytes } from '../../src/base/units.js';
import { prepareCorpus } from '../../src/lab/data/prepare-corpus.js';
import { renderDataReport } from '../../src/lab/data/report.js';

const FILE_BYTES = 250e6;
const MEMORY_LIMIT_BYTES = 1e9;
const COMMON = 'the of and to in that is was he for it with as his on be at by had not are but from or have they'.split(
  ' ',
);
const VOCABULARY = 60_000;
const KEPT_TO_COPY = 2000;

const rng = Rng.fromSeed(1);

/** A word as often as words of its rank are (Zipf), with letters that tell nothing. */
function word(): string {
  if (rng.below(5) < 2) return COMMON[rng.below(COMMON.length)] ?? 'the';
  let rank = Math.floor(VOCABULARY ** (rng.below(1 << 20) / (1 << 20)));
  let letters = '';
  for (; rank > 0; rank = Math.floor(rank / 20)) letters += 'aeioubcdfglmnprstvyh'[rank % 20] ?? '';
  return letters === '' ? 'a' : letters;
}

function sentence(): string {
  const text = Array.from({ length: 8 + rng.below(18) }, word).join(' ');
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function written(): string {
  const length = 1000 + rng.below(2000);
  let text = sentence();
  while (text.length < length) text += (rng.below(6) === 0 ? '\n' : ' ') + sentence();
  return rng.below(50) === 0 ? `${text} Write to reader${rng.below(1000)}@example.org.` : text;
}

const earlier: string[] = [];

function next(): string {
  const before = earlier[rng.below(KEPT_TO_COPY)];
  if (before !== undefined && rng.below(12) === 0) return before;
  if (before !== undefined && rng.below(20) === 0) return `${before} ${sentence()}`;
  const text = written();
  if (earlier.length < KEPT_TO_COPY) earlier.push(text);
  else earlier[rng.below(KEPT_TO_COPY)] = text;
  return text;
}

async function generate(folder: string, sizeBytes: number): Promise<void> {
  for (let file = 0, left = sizeBytes; left > 0; file++, left -= FILE_BYTES) {
    const stream = createWriteStream(path.join(folder, `part-${String(file).padStart(4, '0')}.jsonl`));
    for (let bytes = 0; bytes < Math.min(left, FILE_BYTES);) {
      const line = `${JSON.stringify({ text: next() })}\n`;
      bytes += line.length;
      if (!stream.write(line)) await once(stream, 'drain');
    }
    stream.end();
    await once(stream, 'finish');
  }
}

/** Of the whole process, its threads included. */
async function peakResidentBytes(): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8');
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

const sizeBytes = Number(process.argv[2] ?? 5) * 1e9;
const folder = await mkdtemp(path.join(process.argv[3] ?? tmpdir(), 'moat-clean-'));
try {
  const source = path.join(folder, 'texts');
  await mkdir(source);
  await generate(source, sizeBytes);
  const first = await stat(path.join(source, 'part-0000.jsonl'));
  console.log(`generated ${formatBytes(sizeBytes)} (first file ${formatBytes(first.size)})`);
  const startedMs = performance.now();
  const report = await prepareCorpus(path.join(folder, 'corpus'), { source });
  const seconds = (performance.now() - startedMs) / 1000;
  const peakBytes = await peakResidentBytes();
  console.log(renderDataReport(report).join('\n'));
  const speed = (report.read.bytes / 1e6 / seconds).toFixed(1);
  console.log(`cleaned in ${seconds.toFixed(0)} s, ${speed} MB/s, at most ${formatBytes(peakBytes)} resident`);
  if (peakBytes > MEMORY_LIMIT_BYTES) {
    console.error(`more than ${formatBytes(MEMORY_LIMIT_BYTES)}`);
    process.exitCode = 1;
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
