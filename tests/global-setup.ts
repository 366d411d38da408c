import { execFileSync } from 'node:child_process';

/** Worker threads and whole-program tests run the built files, so they are brought up to date once, before any test. */
export default function setup(): void {
  execFileSync(process.execPath, ['scripts/build.mjs', '--quiet'], { stdio: 'inherit' });
}
