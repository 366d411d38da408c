import { execFile } from 'node:child_process';
import type { ProgramAnswer } from './check.js';

const LIMIT_MS = 20_000;
const LIMIT_BYTES = 1_000_000;

/** Runs a program without a shell and waits for it, within limits; never throws. */
export function askProgram(program: string, args: readonly string[], signal: AbortSignal): Promise<ProgramAnswer> {
  return new Promise((resolve) => {
    const options = { timeout: LIMIT_MS, maxBuffer: LIMIT_BYTES, signal, windowsHide: true };
    execFile(program, [...args], options, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : undefined;
      resolve({ exitCode, output: exitCode === 0 ? stdout : stderr || (error?.message ?? '') });
    });
  });
}
