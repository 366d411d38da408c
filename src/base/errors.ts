/**
 * Errors meant for a person. A `MoatError` is one line: what is wrong and where, then what to do about it.
 * Anything else that is thrown is a defect of the program and is shown with its stack.
 */
export class MoatError extends Error {
  /** Stable, machine-readable, kebab-case: `checkpoint-truncated`. Never renamed once published. */
  readonly code: string;
  /** What the reader can do about it, one sentence; undefined only when nothing can be done. */
  readonly fix: string | undefined;

  constructor(code: string, what: string, options: { fix?: string; cause?: unknown } = {}) {
    super(what, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'MoatError';
    this.code = code;
    this.fix = options.fix;
  }

  /** `what. fix` on one line, as the command line prints it. */
  get line(): string {
    const what = /[.!?。]$/.test(this.message) ? this.message : `${this.message}.`;
    return this.fix === undefined ? what : `${what} ${this.fix}`;
  }
}

/** Throws when an invariant of the program itself does not hold; never used for a user's input. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${message}`);
}

/** The error's text, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a Node system error (`ENOENT`, `ENOSPC` …), or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
