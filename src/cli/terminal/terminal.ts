import type { Writable } from 'node:stream';
import picocolors from 'picocolors';
import { truncate } from './width.js';

type Colors = ReturnType<typeof picocolors.createColors>;

/** Where people read. One live line (a bar, a spinner) may stand at the bottom; everything else scrolls above it. */
export interface Terminal {
  /** Whether a person is likely to be watching: a real terminal that understands cursor movement. */
  readonly interactive: boolean;
  /** Width in columns, as it is now; 80 where it is not known. */
  readonly columns: number;
  readonly colors: Colors;
  /** Writes text and a line break; lines longer than the terminal are left to wrap. */
  print(text?: string): void;
  /** Writes text as it is, such as a streamed answer; the live line is taken away first and does not come back by itself. */
  write(text: string): void;
  /** Shows, replaces or (with undefined) removes the live line; does nothing where nobody watches. */
  setLive(line: string | undefined): void;
}

/** The part of a Node stream that a terminal needs. */
export interface TerminalStream extends Pick<Writable, 'write'> {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const DEFAULT_COLUMNS = 80;
const ERASE_LINE = '\r\u001b[2K';

export function createTerminal(stream: TerminalStream, env: NodeJS.ProcessEnv): Terminal {
  const interactive = stream.isTTY === true && env['TERM'] !== 'dumb';
  let live: string | undefined;
  const widthNow = (): number => stream.columns ?? DEFAULT_COLUMNS;
  return {
    interactive,
    colors: picocolors.createColors(wantsColor(interactive, env)),
    get columns() {
      return widthNow();
    },
    print(text = '') {
      const before = live === undefined ? '' : ERASE_LINE;
      stream.write(`${before}${text}\n${live === undefined ? '' : live}`);
    },
    write(text) {
      if (live !== undefined) stream.write(ERASE_LINE);
      live = undefined;
      stream.write(text);
    },
    setLive(line) {
      if (!interactive) return;
      const next = line === undefined ? undefined : truncate(line, widthNow() - 1);
      if (next === live) return;
      stream.write(`${live === undefined ? '' : ERASE_LINE}${next ?? ''}`);
      live = next;
    },
  };
}

/** https://no-color.org: any non-empty NO_COLOR wins; FORCE_COLOR asks for colour where no terminal is. */
function wantsColor(interactive: boolean, env: NodeJS.ProcessEnv): boolean {
  if ((env['NO_COLOR'] ?? '') !== '') return false;
  const forced = env['FORCE_COLOR'] ?? '';
  if (forced !== '') return forced !== '0';
  return interactive;
}
