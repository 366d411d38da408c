/**
 * Python with the worker's packages, before any test: that of MOAT_PYTHON, or an environment of its own beside the worker,
 * made once, made anew when the pinned versions change, and begun again where it was cut off.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

/** Not `.venv`, which people make by hand to train with: this one is removed when it is not whole. */
const FOLDER = path.resolve('distributed', '.venv-tests');
const python = path.join(FOLDER, 'bin', 'python');
/** Holds what was installed, once all of it is. */
const DONE = path.join(FOLDER, 'installed.txt');
const NEEDED_GIGABYTES = 9;
const LARGE_DOWNLOAD = /^\s*Downloading ([^-]+)-\S+ \((\d{2,}\.\d MB)\)/;
/** What python-dependencies.txt leaves out. */
const FOR_GPUS = /^(triton|cuda-|nvidia-)/;

export async function setup(): Promise<void> {
  if (process.env['MOAT_PYTHON'] !== undefined) return;
  const worker = readdirSync('distributed').filter((name) => /^requirements.*\.txt$/.test(name));
  const files = [...worker.map((name) => path.join('distributed', name)), 'tests/distributed/python-dependencies.txt'];
  const wanted = files.map((file) => readFileSync(file, 'utf8')).join('\n');
  if (!existsSync(DONE) || readFileSync(DONE, 'utf8') !== wanted) {
    await make(files);
    writeFileSync(DONE, wanted);
  }
  process.env['MOAT_PYTHON'] = python;
}

async function make(files: readonly string[]): Promise<void> {
  const { bavail, bsize } = statfsSync('distributed');
  const freeGigabytes = (bavail * bsize) / 1e9;
  if (freeGigabytes < NEEDED_GIGABYTES) {
    throw new Error(`${FOLDER} takes ${NEEDED_GIGABYTES} GB to make; ${freeGigabytes.toFixed(1)} GB are free`);
  }
  const begun = performance.now();
  const say = (text: string): void =>
    console.log(`python for the tests, ${Math.round((performance.now() - begun) / 1000)} s: ${text}`);
  say(`installing into ${FOLDER}, once: some 3 GB from PyPI. MOAT_PYTHON names another that has the packages`);
  rmSync(FOLDER, { recursive: true, force: true });
  execFileSync('python3', ['-m', 'venv', FOLDER], { stdio: 'inherit' });
  await install(files, say);
  const lacking = lackingPackages();
  if (lacking.length > 0) throw new Error(`python-dependencies.txt lacks: ${lacking.join('; ')}`);
  say('done');
}

async function install(files: readonly string[], say: (text: string) => void): Promise<void> {
  // compiled when they are first imported: most never are
  const options = ['--no-deps', '--no-compile', '--progress-bar=off', '--disable-pip-version-check'];
  const child = spawn(python, ['-m', 'pip', 'install', ...options, ...files.flatMap((file) => ['-r', file])], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const [, name, size] = LARGE_DOWNLOAD.exec(line) ?? [];
    if (name !== undefined) say(`${name}, ${size}`);
    if (line.startsWith('Installing collected packages')) say('all are here; unpacking them');
  }
  const code = child.exitCode ?? (await new Promise((resolve) => child.once('exit', resolve)));
  if (code !== 0) throw new Error(`pip install ended with ${String(code)}; what it said is above`);
}

/** What the installed packages ask for and do not find, but for the GPU's. */
function lackingPackages(): string[] {
  const { stdout } = spawnSync(python, ['-m', 'pip', 'check'], { encoding: 'utf8' });
  return stdout.split('\n').filter((line) => {
    const name = /requires ([^,]+), which is not installed/.exec(line)?.[1];
    return name !== undefined ? !FOR_GPUS.test(name) : line.includes('but you have');
  });
}
