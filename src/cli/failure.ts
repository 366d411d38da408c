import { MoatError } from '../base/errors.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import type { PackageFacts } from './package-facts.js';

/** The code of errors in the command line itself, wherever they are found; they end with 2 instead of 1. */
const USAGE = 'usage';

/** How a command ended badly, for a person and for a program. */
export interface Failure {
  readonly exitCode: ExitCode;
  /** For stderr, without a trailing newline. */
  readonly text: string;
  /** For stdout under `--json`. */
  readonly json: { readonly error: { readonly code: string; readonly message: string; readonly fix?: string } };
}

export function describeFailure(error: unknown, facts: () => PackageFacts): Failure {
  if (error instanceof MoatError) return userFailure(error);
  const { version, bugsUrl } = facts();
  const shown = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const where = bugsUrl === undefined ? 'to whoever gave you Moat' : `at ${bugsUrl}`;
  const report = `Please report it ${where}, with the lines above and the output of \`moat doctor --json\`.`;
  return {
    exitCode: EXIT.defect,
    text: `${shown}\n\nmoat: this is a defect of Moat ${version} (Node ${process.version}), not your doing. ${report}`,
    json: { error: { code: 'defect', message: error instanceof Error ? error.message : String(error), fix: report } },
  };
}

function userFailure(error: MoatError): Failure {
  const { code, message, fix } = error;
  return {
    exitCode: code === USAGE ? EXIT.usage : EXIT.failure,
    text: `moat: ${error.line}`,
    json: { error: { code, message, ...(fix === undefined ? {} : { fix }) } },
  };
}

/** The command line itself was wrong. */
export function usageFailure(what: string, fix: string): Failure {
  return userFailure(new MoatError(USAGE, what, { fix }));
}
