import { EXIT, type ExitCode } from './exit-codes.js';

/** Why the program should come to an end, and the exit code that says so. */
export interface Interruption {
  readonly signal: AbortSignal;
  /** The exit code of the reason; undefined while there is none. */
  readonly exitCode: ExitCode | undefined;
  /** Asks for an orderly end; the first reason stays. */
  request(code: ExitCode): void;
}

export function createInterruption(): Interruption {
  const controller = new AbortController();
  let exitCode: ExitCode | undefined;
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    request(code) {
      if (exitCode !== undefined) return;
      exitCode = code;
      controller.abort();
    },
  };
}

const SIGNALS = [
  ['SIGINT', EXIT.interrupted],
  ['SIGTERM', EXIT.terminated],
  ['SIGHUP', EXIT.hangup],
] as const;

/** The part of `process` that signals come from. */
export interface SignalSource {
  on(name: NodeJS.Signals, listener: () => void): unknown;
  exit(code: ExitCode): unknown;
}

/** First signal: an orderly end. A second one: out at once, so that nobody is ever trapped. */
export function listenForSignals(
  source: SignalSource,
  interruption: Interruption,
  onFirst: (code: ExitCode) => void,
): void {
  for (const [name, code] of SIGNALS) {
    source.on(name, () => {
      if (interruption.exitCode !== undefined) source.exit(code);
      interruption.request(code);
      onFirst(code);
    });
  }
}
