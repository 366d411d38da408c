import type { Clock } from '../base/clock.js';
import type { Override } from './config/overrides.js';
import type { Project } from './config/project.js';
import type { Reporter } from './terminal/reporter.js';
import type { Terminal } from './terminal/terminal.js';

/**
 * What a command is: one record in `commands/NAME.ts`, and one line in `commands.ts`. The frame turns the record into
 * options, help, JSON output and exit codes; the command itself never sees argv, `process` or the console.
 */
export interface Command<Options extends OptionTable = OptionTable, Arguments extends ArgumentTable = ArgumentTable> {
  readonly name: string;
  /** One line for the list of commands; lower case, no full stop. */
  readonly summary: string;
  /** A paragraph for the command's own help. */
  readonly description: string;
  /** Positional arguments, in order; the key is the name shown. */
  readonly arguments?: Arguments;
  /** By camelCase name: `keepAll` is `--keep-all`. */
  readonly options?: Options;
  /**
   * For commands that work in a project: which configuration fields get options of their own, by section ("train") or
   * path ("data.path"). Such a command also takes `--project DIR` and `--set FIELD=VALUE` (any field at all).
   */
  readonly settings?: readonly string[];
  /** At least one, shown in the help. */
  readonly examples: readonly Example[];
  /**
   * What `--json` writes to stdout: one object (what `run` returns as `json`), or, where a command says here what
   * its lines are, one object a line through `context.emit`.
   */
  readonly jsonLines?: string;
  run(context: CommandContext<Options, Arguments>): Promise<CommandResult | undefined>;
}

export interface Example {
  readonly command: string;
  /** What it does, in a few words. */
  readonly does: string;
}

/** What a command leaves behind. `undefined` means: done, and nothing for machines. */
export interface CommandResult {
  /** Printed to stdout under `--json`; a bigint becomes a decimal string. */
  readonly json?: object;
  /** 1 when the answer itself is "no" (a missing requirement, a failed check); also wins over the code of a signal. */
  readonly exitCode?: 0 | 1;
}

/** One option, as `options` of a command lists it. */
export type OptionSpec = { readonly description: string; readonly short?: string } & (
  | { readonly kind: 'flag' }
  | { readonly kind: 'text'; readonly placeholder: string; readonly default?: string }
  /** May be given several times. */
  | { readonly kind: 'list'; readonly placeholder: string }
  | {
      readonly kind: 'choice';
      readonly choices: readonly string[];
      readonly default?: string;
      /** Default: the choices; said where they are many. */
      readonly placeholder?: string;
    }
  | {
      /** "integer" takes whole numbers only. Both ends of the range are allowed. */
      readonly kind: 'integer' | 'number';
      readonly placeholder: string;
      readonly minimum: number;
      readonly maximum: number;
      readonly default?: number;
    }
);

export interface ArgumentSpec {
  readonly description: string;
  /** "optional" may be left out; "many" takes one or more. */
  readonly count: 'one' | 'optional' | 'many';
}

export type OptionTable = Readonly<Record<string, OptionSpec>>;
export type ArgumentTable = Readonly<Record<string, ArgumentSpec>>;

type ValueOf<Spec extends OptionSpec> = Spec extends { kind: 'flag' }
  ? boolean
  : Spec extends { kind: 'list' }
    ? readonly string[]
    : Spec extends { kind: 'integer' | 'number' }
      ? number
      : Spec extends { kind: 'choice'; choices: readonly (infer Choice)[] }
        ? Choice
        : string;

/** Flags and lists always have a value, and so has whatever has a default; the rest is undefined when not given. */
export type OptionValues<Options extends OptionTable> = {
  readonly [Name in keyof Options]: Options[Name] extends { kind: 'flag' | 'list' } | { default: string | number }
    ? ValueOf<Options[Name]>
    : ValueOf<Options[Name]> | undefined;
};

export type ArgumentValues<Arguments extends ArgumentTable> = {
  readonly [Name in keyof Arguments]: Arguments[Name]['count'] extends 'many'
    ? readonly string[]
    : Arguments[Name]['count'] extends 'optional'
      ? string | undefined
      : string;
};

/** Everything a command may touch of the world around it. */
export interface CommandContext<
  Options extends OptionTable = OptionTable,
  Arguments extends ArgumentTable = ArgumentTable,
> {
  readonly options: OptionValues<Options>;
  readonly arguments: ArgumentValues<Arguments>;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  /** Aborts on the first Ctrl-C, on SIGTERM, and when nobody reads the output any more. Finish what is half done and return. */
  readonly signal: AbortSignal;
  /** True under `--json`. */
  readonly json: boolean;
  /** For people: stdout, or stderr under `--json`. */
  readonly terminal: Terminal;
  /** Stage lines and bars, on the same terminal. */
  readonly reporter: Reporter;
  /** Asks for a password: unseen on a terminal (twice, so that a slip is noticed), else the first line piped in. */
  readNewPassword(): Promise<string>;
  /** Under `--json`: writes one JSON line to stdout; otherwise nothing. Only for commands that say `jsonLines`. */
  emit(line: object): void;
  /** The fields that this command line overrides. */
  readonly overrides: readonly Override[];
  /**
   * The project this command works in, with its configuration read, overridden and checked. With `orDefaults` a
   * folder without moat.config.ts is one too, with every default.
   */
  loadProject(options?: { readonly orDefaults?: boolean }): Promise<Project>;
}

/** Gives a command record its types: `context.options` and `context.arguments` follow from the tables. */
export function defineCommand<
  const Options extends OptionTable = Record<never, OptionSpec>,
  const Arguments extends ArgumentTable = Record<never, ArgumentSpec>,
>(command: Command<Options, Arguments>): Command<Options, Arguments> {
  return command;
}
