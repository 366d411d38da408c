import { StringDecoder } from 'node:string_decoder';
import { MoatError } from '../../base/errors.js';
import type { TerminalStream } from './terminal.js';

/** The part of `process.stdin` that a secret is read from. */
export interface SecretInput {
  readonly isTTY?: boolean;
  setRawMode?(on: boolean): unknown;
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  off(event: 'data', listener: (chunk: Buffer) => void): unknown;
  off(event: 'end', listener: () => void): unknown;
  pause(): unknown;
  resume(): unknown;
}

const MAX_CHARACTERS = 4096;
/** What arrow keys and the like send. */
const ESCAPES = new RegExp(String.raw`\u001b\[[0-9;]*[A-Za-z~]`, 'g');

/**
 * Asks for a password: without echo on a terminal, else the first line of what is piped in. Never from an argument,
 * which other users of the machine could read.
 * @throws MoatError `no-password`; an `AbortError` on Ctrl-C and when `signal` aborts
 */
export async function readSecret(
  question: string,
  input: SecretInput,
  output: TerminalStream,
  signal: AbortSignal,
): Promise<string> {
  const isTerminal = input.isTTY === true && input.setRawMode !== undefined;
  if (isTerminal) {
    output.write(question);
    input.setRawMode?.(true);
  }
  try {
    return await readLine(input, signal);
  } finally {
    input.pause();
    if (isTerminal) {
      input.setRawMode?.(false);
      output.write('\n');
    }
  }
}

function readLine(input: SecretInput, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const decoder = new StringDecoder('utf8');
    let typed: string[] = [];
    const finish = (settle: () => void): void => {
      input.off('data', onData);
      input.off('end', onEnd);
      signal.removeEventListener('abort', onAbort);
      settle();
    };
    const onAbort = (): void => finish(() => reject(new DOMException('stopped while asking', 'AbortError')));
    const onEnd = (): void => finish(() => (typed.length > 0 ? resolve(typed.join('')) : reject(nothingGiven())));
    const onData = (chunk: Buffer): void => {
      for (const character of decoder.write(chunk).replaceAll(ESCAPES, '')) {
        if (character === '\r' || character === '\n' || character === '\u0004') return onEnd();
        if (character === '\u0003') return onAbort();
        if (character === '\u007f' || character === '\b') typed = typed.slice(0, -1);
        else if (typed.length < MAX_CHARACTERS) typed.push(character);
      }
      return undefined;
    };
    input.on('data', onData);
    input.on('end', onEnd);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
    else input.resume();
  });
}

const nothingGiven = (): MoatError =>
  new MoatError('no-password', 'no password was given', { fix: 'Type it, or pipe one line to the command.' });
