// The rules of the house that no general linter knows: which room may import which (docs/ARCHITECTURE.md), and how
// files are named. Prints each breach as `file:line: what, and what to do`; exits 1 when there is one.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const LAB = [
  'graph',
  'runtime',
  'checkpoint',
  'data',
  'tokenizer',
  'models',
  'train',
  'distributed',
  'generate',
  'eval',
  'planning',
  'tasks',
  'compress',
];
const COMPANY = ['store', 'access', 'billing', 'business', 'apps', 'gateway'];
const FORBIDDEN_NAMES = /(^|[-.])(utils?|helpers?|common|misc)([-.]|$)/;

/** Migrations that were published before gateways could be replaced one by one. */
const LAST_UNCHECKED_MIGRATION = 10;
/** What a program of the version before may still read. */
const REMOVES =
  /\b(drop\s+(table|column|view|function|type|schema|index|constraint)|rename|set\s+not\s+null|alter\s+(column\s+)?\w+\s+(set\s+data\s+)?type)\b/i;

/** @returns {number | undefined} the line of a migration that removes something and does not say what becomes of older programs */
function lineOfRemoval(file, lines) {
  const number = /migrations[\\/](\d{4})-/.exec(file)?.[1];
  if (number === undefined || Number(number) <= LAST_UNCHECKED_MIGRATION) return undefined;
  if (lines.some((line) => /^\s*olderPrograms:/.test(line))) return undefined;
  const index = lines.findIndex((line) => !/^\s*(--|\*|\/)/.test(line) && REMOVES.test(line));
  return index < 0 ? undefined : index + 1;
}

/** @returns {{ wing: string, room: string, rank: number }} the place of a file given relative to src/ */
function place(file) {
  const [wing = '', room = ''] = file.split(path.sep);
  if (wing === 'lab') return { wing, room, rank: LAB.indexOf(room) };
  if (wing === 'company') return { wing, room, rank: COMPANY.indexOf(room) };
  return { wing, room: '', rank: 0 };
}

/** @returns {string | undefined} why `from` may not import `to`, or undefined when it may */
function breach(from, to, source, target) {
  if (from.wing === 'cli' || from.wing === 'index.ts') return undefined;
  if (to.wing === 'base') return undefined;
  if (from.wing === 'base') return 'base/ imports nothing but base/';
  if (to.wing === 'cli') return 'only cli/ may import cli/';
  if (from.wing === 'studio') {
    if (to.wing === 'studio') return undefined;
    return target === path.join('company', 'gateway', 'api-types.ts')
      ? undefined
      : 'the studio shares only gateway/api-types.ts';
  }
  if (from.wing === 'lab' && to.wing !== 'lab') return 'the lab imports only base/ and the lab';
  if (from.wing === 'company' && to.wing === 'lab') return undefined;
  if (from.wing !== to.wing) return `${from.wing}/ does not import ${to.wing}/`;
  return to.rank > from.rank ? `${from.room}/ stands above ${to.room}/ and may not import it` : undefined;
}

const breaches = [];
const files = readdirSync(path.join(root, 'src'), { recursive: true })
  .map(String)
  .filter((file) => /\.tsx?$/.test(file) && !file.endsWith('.d.ts'));
for (const file of files) {
  const base = path.basename(file);
  if (FORBIDDEN_NAMES.test(base)) breaches.push(`src/${file}:1: name the file after what it does, not "${base}"`);
  if (!/^[a-z0-9][a-z0-9_.-]*\.tsx?$/.test(base))
    breaches.push(`src/${file}:1: file names are lower-case with hyphens`);
  if (base === 'index.ts' && file !== 'index.ts')
    breaches.push(`src/${file}:1: no barrels inside rooms; import the file itself`);
  const from = place(file);
  if (from.rank < 0) breaches.push(`src/${file}:1: unknown room; add it to scripts/tidy.mjs and docs/ARCHITECTURE.md`);
  const lines = readFileSync(path.join(root, 'src', file), 'utf8').split('\n');
  const removal = lineOfRemoval(file, lines);
  if (removal !== undefined)
    breaches.push(
      `src/${file}:${removal}: removes or renames what gateways of the version before may read: say olderPrograms`,
    );
  for (const [index, line] of lines.entries()) {
    const match = /(?:from|import)\s*\(?\s*'(\.[^']+)'/.exec(line);
    if (match === null) continue;
    const target = path.join(path.dirname(file), match[1].replace(/\.js$/, '.ts'));
    if (target.startsWith('..')) continue;
    const why = file.endsWith('.test.ts') ? undefined : breach(from, place(target), file, target);
    if (why !== undefined) breaches.push(`src/${file}:${index + 1}: imports ${match[1]}: ${why}`);
  }
}
for (const line of breaches) console.error(line);
console.log(
  breaches.length === 0
    ? `tidy: ${files.length} files keep the rules of the house`
    : `tidy: ${breaches.length} breaches`,
);
process.exit(breaches.length === 0 ? 0 : 1);
