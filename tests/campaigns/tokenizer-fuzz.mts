/**
 * Compares ids and decoded texts with those that tokenizer-fuzz.py wrote, kind by kind.
 *
 *     npx tsx tests/campaigns/tokenizer-fuzz.mts FOLDER
 */
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadTokenizer } from '../../src/lab/tokenizer/tokenizer.js';

interface Encoded {
  readonly file: object;
  readonly ids: readonly (readonly number[])[];
  readonly decoded: readonly string[];
}

const folder = process.argv[2];
if (folder === undefined) throw new Error('name the folder that tokenizer-fuzz.py wrote');
const texts = JSON.parse(await readFile(path.join(folder, 'texts.json'), 'utf8')) as string[];
let failed = 0;
for (const name of (await readdir(folder)).sort()) {
  if (name === 'texts.json') continue;
  const { file, ids, decoded } = JSON.parse(await readFile(path.join(folder, name), 'utf8')) as Encoded;
  const place = await mkdtemp(path.join(tmpdir(), 'moat-fuzz-'));
  await writeFile(path.join(place, 'tokenizer.json'), JSON.stringify(file));
  const tokenizer = await loadTokenizer(place);
  await rm(place, { recursive: true });
  const isByteLevel = JSON.stringify(file).includes('"decoder":{"type":"ByteLevel"');
  const isNormalised = !JSON.stringify(file).includes('"normalizer":null');
  const differences: string[] = [];
  let notDecoded = 0;
  let lossy = 0;
  for (const [index, text] of texts.entries()) {
    const ours = tokenizer.encode(text);
    const theirs = ids[index] ?? [];
    if (ours.length !== theirs.length || ours.some((id, at) => id !== theirs[at])) {
      differences.push(`${JSON.stringify(text.slice(0, 60))}: ${ours.slice(0, 12)} instead of ${theirs.slice(0, 12)}`);
    }
    const back = tokenizer.decode(theirs);
    if (back !== decoded[index]) notDecoded++;
    if (isByteLevel && !isNormalised && tokenizer.decode(ours) !== text) lossy++;
  }
  if (differences.length + notDecoded + lossy > 0) failed++;
  console.log(
    `${path.basename(name, '.json')}: ${differences.length} of ${texts.length} texts with other ids, ${notDecoded} decoded otherwise, ${lossy} not given back`,
  );
  for (const difference of differences.slice(0, 5)) console.log(`  ${difference}`);
}
process.exitCode = failed === 0 ? 0 : 1;
