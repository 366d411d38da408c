import { mkdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../../base/atomic-file.js';
import { MoatError, systemCode } from '../../base/errors.js';
import { defineCommand } from '../command.js';
import { CONFIG_FILE_NAMES } from '../config/project.js';

export const command = defineCommand({
  name: 'init',
  summary: 'start a project in a folder',
  description:
    'Writes a small moat.config.ts, a data folder that says what belongs in it, and a .gitignore. Nothing that is already there is changed.',
  arguments: {
    directory: { description: 'the folder to start in; made when missing (default: this one)', count: 'optional' },
  },
  options: {
    force: { kind: 'flag', description: 'replace the moat.config.ts that is there' },
  },
  examples: [
    { command: 'moat init shop', does: 'a new project in the folder "shop"' },
    { command: 'moat init', does: 'a project in this folder' },
  ],
  async run({ arguments: { directory }, options, cwd, terminal }) {
    const root = path.resolve(cwd, directory ?? '.');
    await refuseUnlessFree(root, options.force);
    const written = await writeProject(root);
    const { colors } = terminal;
    const shown = path.relative(cwd, root) || '.';
    for (const file of written) terminal.print(`${colors.green('✓')} ${path.join(shown, file)}`);
    terminal.print(`\nNext:\n${nextSteps(shown).join('\n')}`);
    return { json: { root, written } };
  },
});

async function refuseUnlessFree(root: string, force: boolean): Promise<void> {
  const found = await kindOf(root);
  if (found === 'file') {
    throw new MoatError('not-a-folder', `${root} is a file`, { fix: 'Name a folder, new or existing.' });
  }
  for (const name of CONFIG_FILE_NAMES) {
    const there = await kindOf(path.join(root, name));
    if (there === 'missing') continue;
    if (force && name === 'moat.config.ts' && there === 'file') continue;
    const fix =
      force || there === 'folder'
        ? 'Remove it first, or choose another folder.'
        : 'Edit that file, choose another folder, or replace it with --force.';
    throw new MoatError('project-exists', `${path.join(root, name)} is already there`, { fix });
  }
}

async function kindOf(file: string): Promise<'missing' | 'file' | 'folder'> {
  try {
    return (await stat(file)).isDirectory() ? 'folder' : 'file';
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return 'missing';
    if (code === 'ENOTDIR')
      throw new MoatError('not-a-folder', `${path.dirname(file)} is a file`, { fix: 'Name a folder.', cause: error });
    throw error;
  }
}

/** Each file whole or not at all, moat.config.ts last: only a finished project is a project. Returns what it wrote. */
async function writeProject(root: string): Promise<string[]> {
  const written: string[] = [];
  const write = async (name: string, content: string): Promise<void> => {
    await writeFileAtomic(path.join(root, name), content);
    written.push(name);
  };
  await makeFolder(path.join(root, 'data'));
  // beside the folder, not in it: what lies there is learned from
  if ((await kindOf(path.join(root, 'DATA.md'))) === 'missing') await write('DATA.md', DATA_NOTES);
  const ignored = await readIfThere(path.join(root, '.gitignore'));
  const missing = IGNORED.filter((line) => !ignored.split(/\r?\n/).includes(line));
  if (missing.length > 0) {
    const before = ignored === '' || ignored.endsWith('\n') ? ignored : `${ignored}\n`;
    await write('.gitignore', `${before}${missing.join('\n')}\n`);
  }
  await write('moat.config.ts', configText(path.basename(root)));
  return written;
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EEXIST' || code === 'ENOTDIR') {
      throw new MoatError('not-a-folder', `${folder} cannot be made: a file is in its place`, {
        fix: 'Move that file away.',
        cause: error,
      });
    }
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
      throw new MoatError('not-writable', `${folder}: this user may not write here`, {
        fix: 'Choose another folder or change its permissions.',
        cause: error,
      });
    }
    throw error;
  }
}

async function readIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return '';
    throw error;
  }
}

const IGNORED = ['.moat/', 'runs/', 'exports/'];

function nextSteps(folder: string): string[] {
  const enter = folder === '.' ? [] : [`  cd ${/^[\w./-]+$/.test(folder) ? folder : JSON.stringify(folder)}`];
  return [
    ...enter,
    '  put your text into data/   (DATA.md says what helps)',
    '  moat doctor                what this machine has and what is missing',
    '  moat --help                the commands, in the order you will need them',
  ];
}

function configText(folderName: string): string {
  const name = folderName.trim().slice(0, 64) || 'moat';
  return `import { defineConfig } from 'moatlm';

// Every field may be left out, and every one can be given for a single run: moat train --depth 8 --minutes 30
export default defineConfig({
  schemaVersion: 1,
  name: ${quoted(name)},

  // What you charge and pay in (ISO 4217), and where your business day begins (IANA).
  currency: 'USD',
  timeZone: 'UTC',

  // The text to learn from: a folder or a file, relative to this one.
  data: { path: 'data' },

  // depth is the one dial: more is smarter, slower and dearer. Layers, width and heads follow from it.
  model: { depth: 6 },

  // How long to train; steps may be given instead, or both.
  train: { minutes: 10 },

  // Amounts are text, because money is never a rounded number.
  business: {
    machineHourlyPrice: '0.10', // what an hour of this machine costs you
    inputPricePerMillion: '0.50', // what you charge for a million tokens read
    outputPricePerMillion: '1.50', // and for a million tokens written
  },
});
`;
}

/** A single-quoted TypeScript string. */
function quoted(text: string): string {
  return `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}

const DATA_NOTES = `# Your text goes here

Put the documents your model should learn from into the folder \`data/\`; subfolders and archives are fine: .txt .md .html .pdf
.docx .epub .csv .tsv .jsonl .json .parquet .xml .po .srt, packed as .gz .zst .zip .tar too. Or name where they are:
\`moat data add FOLDER\`, \`moat data add https://…\`, \`npm:PACKAGE\`, \`hf:OWNER/NAME\`, \`postgres:VARIABLE --query "…"\`.

- What only you have is worth most: support answers, manuals, contracts, notes, code, chats.
- Write-ups of one kind and one language give a small model the best chance.
- A few hundred kilobytes are enough to try; a few megabytes make a useful small model.
- Leave out what must not be repeated to a customer: passwords, private data, other people's work without a licence.

Duplicates and broken files are dropped, each with its reason: \`moat data\` reports them, \`moat data why ID\` says what became of
one document.
`;
