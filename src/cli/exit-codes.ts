/** The exit codes of `moat`, the same for every command; 64–78 follow BSD sysexits, 128 + n means "ended by signal n". */
export const EXIT = {
  ok: 0,
  /** Something the user can mend: bad data, a missing file, a port that is taken. */
  failure: 1,
  /** The command line itself was wrong: an unknown command or option, a value of the wrong kind. */
  usage: 2,
  /** A defect of Moat (EX_SOFTWARE). */
  defect: 70,
  hangup: 129,
  interrupted: 130,
  brokenPipe: 141,
  terminated: 143,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
