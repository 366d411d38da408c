/** One thing a machine has or lacks. */
export interface Check {
  readonly name: string;
  /** "missing": needed and not there. "optional": not there, and Moat works without it. */
  readonly status: 'ok' | 'missing' | 'optional';
  /** What was found, with figures. */
  readonly detail: string;
  /** What to do about it, where something can be done. */
  readonly fix?: string;
}

/** The answer of another program: its exit code (undefined when it could not start, or took too long) and its output. */
export interface ProgramAnswer {
  readonly exitCode: number | undefined;
  readonly output: string;
}

/** What the checks may touch, as arguments. */
export interface Surroundings {
  /** The project's folder, or the current one where there is no project. */
  readonly directory: string;
  readonly host: string;
  readonly port: number;
  /** A PostgreSQL to use instead of the embedded one. */
  readonly databaseUrl: string | undefined;
  /** Runs a program without a shell. */
  ask(program: string, args: readonly string[]): Promise<ProgramAnswer>;
}

export function ok(name: string, detail: string, fix?: string): Check {
  return { name, status: 'ok', detail, ...(fix === undefined ? {} : { fix }) };
}

export function missing(name: string, detail: string, fix: string): Check {
  return { name, status: 'missing', detail, fix };
}

export function optional(name: string, detail: string, fix: string): Check {
  return { name, status: 'optional', detail, fix };
}
