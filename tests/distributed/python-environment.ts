/**
 * Python with the worker's packages, before any test: that of MOAT_PYTHON, or an environment of its own beside the worker,
 * made once (some 6 GB from PyPI) and made anew when the requirements change.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const FOLDER = path.resolve('distributed', '.venv');

export function setup(): void {
  if (process.env['MOAT_PYTHON'] !== undefined) return;
  const python = path.join(FOLDER, 'bin', 'python');
  const files = readdirSync('distributed').filter((name) => /^requirements.*\.txt$/.test(name));
  const wanted = files.map((name) => readFileSync(path.join('distributed', name), 'utf8')).join('\n');
  const stamp = path.join(FOLDER, 'installed.txt');
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
    mkdirSync(FOLDER, { recursive: true });
    console.log(`installing ${files.join(', ')} into ${FOLDER}: some 6 GB, once`);
    execFileSync('python3', ['-m', 'venv', FOLDER], { stdio: 'inherit' });
    const install = [
      '-m',
      'pip',
      'install',
      '--quiet',
      ...files.flatMap((name) => ['-r', path.join('distributed', name)]),
    ];
    execFileSync(python, install, { stdio: 'inherit' });
    writeFileSync(stamp, wanted);
  }
  process.env['MOAT_PYTHON'] = python;
}
