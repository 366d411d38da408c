import { Command as Parser, CommanderError } from 'commander';
import type { Clock } from '../base/clock.js';
import { MoatError } from '../base/errors.js';
import type { Command, CommandContext, CommandResult } from './command.js';
import type { CommandEntry } from './commands.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { describeFailure, type Failure, usageFailure } from './failure.js';
import type { Interruption } from './interruption.js';
import { nearestName } from './nearest-name.js';
import { type ParsedCommandLine, parserFor } from './options.js';
import type { PackageFacts } from './package-facts.js';
import { createReporter } from './terminal/reporter.js';
import type { SecretInput } from './terminal/secret.js';
import { createTerminal, type Terminal, type TerminalStream } from './terminal/terminal.js';

/** The world around the program, as arguments, so that tests can be the world. */
export interface World {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly stdout: TerminalStream;
  readonly stderr: TerminalStream;
  /** Where passwords come from. Default: nowhere. */
  readonly stdin?: SecretInput;
  readonly clock: Clock;
  readonly interruption: Interruption;
  readonly commands: readonly CommandEntry[];
  readonly facts: () => PackageFacts;
}

/** Runs one command line from parsing to the exit code; never throws. */
export async function runProgram(world: World): Promise<ExitCode> {
  const json = world.argv.includes('--json');
  const errors = createTerminal(world.stderr, world.env);
  const fail = (failure: Failure): ExitCode => {
    if (json) writeJson(world.stdout, failure.json);
    errors.print(failure.text);
    return failure.exitCode;
  };
  try {
    const name = commandNameIn(world.argv);
    const entry = world.commands.find((known) => known.name === name);
    if (name !== undefined && name !== 'help' && entry === undefined) return fail(unknownCommand(name, world.commands));
    return await parseAndRun(world, entry);
  } catch (error) {
    if (error instanceof CommanderError)
      return error.exitCode === 0 ? EXIT.ok : fail(usageFailureOf(error, world.argv));
    if (world.interruption.exitCode !== undefined && isAbort(error)) return world.interruption.exitCode;
    return fail(describeFailure(error, world.facts));
  }
}

async function parseAndRun(world: World, entry: CommandEntry | undefined): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok;
  const root = new Parser('moat')
    .description('Turn your own data into a language model you own, sell its answers, and see whether it pays.')
    .version(entry === undefined ? world.facts().version : '', '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show the help of a command');
  configure(root, world);
  for (const known of world.commands) {
    if (known !== entry) {
      root.addCommand(configure(new Parser(known.name).summary(known.summary).usage('[options]'), world));
      continue;
    }
    const { command } = await known.load();
    const parser = await parserFor(command, async (parsed) => {
      exitCode = await runCommand(command, parsed, world);
    });
    root.addCommand(configure(parser, world).helpOption('-h, --help', 'show this help'));
  }
  root.addHelpText(
    'after',
    '\nStart here:\n  moat demo           the whole way, from raw text to a paid answer\n  moat init shop      a project of your own\n\n`moat COMMAND --help` shows options and examples.',
  );
  if (world.argv.length === 0) {
    root.outputHelp();
    return EXIT.ok;
  }
  await root.parseAsync([...world.argv], { from: 'user' });
  return exitCode;
}

function configure(parser: Parser, world: World): Parser {
  return parser
    .exitOverride()
    .showHelpAfterError(false)
    .configureOutput({
      writeOut: (text) => void world.stdout.write(text),
      writeErr: (text) => void world.stderr.write(text),
      outputError: () => {}, // the error itself arrives as an exception and is shown in Moat's own form
      getOutHelpWidth: () => Math.min(world.stdout.columns ?? 80, 100),
      getErrHelpWidth: () => Math.min(world.stderr.columns ?? 80, 100),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
}

async function runCommand(command: Command, parsed: ParsedCommandLine, world: World): Promise<ExitCode> {
  const terminal = createTerminal(parsed.json ? world.stderr : world.stdout, world.env);
  const context = contextFor(parsed, world, terminal);
  let result: CommandResult | undefined;
  try {
    result = await command.run(context);
  } catch (error) {
    context.reporter.close(isAbort(error) ? 'stopped' : 'failed');
    throw error;
  }
  context.reporter.close('stopped');
  if (parsed.json && result?.json !== undefined) writeJson(world.stdout, result.json);
  return result?.exitCode ?? world.interruption.exitCode ?? EXIT.ok;
}

function contextFor(parsed: ParsedCommandLine, world: World, terminal: Terminal): CommandContext {
  return {
    // The record's own tables made the parser, so what it read has the types they promise.
    options: parsed.options as CommandContext['options'],
    arguments: parsed.arguments as CommandContext['arguments'],
    cwd: world.cwd,
    env: world.env,
    clock: world.clock,
    signal: world.interruption.signal,
    json: parsed.json,
    terminal,
    reporter: createReporter(terminal, world.clock),
    readNewPassword: () => readNewPassword(world),
    emit: (line) => {
      if (parsed.json) writeJson(world.stdout, line);
    },
    overrides: parsed.overrides,
    async loadProject({ orDefaults = false } = {}) {
      const [{ loadProject }, { default: path }] = await Promise.all([
        import('./config/project.js'),
        import('node:path'),
      ]);
      const directory = path.resolve(world.cwd, parsed.projectDirectory ?? '.');
      return loadProject(directory, { env: world.env, overrides: parsed.overrides, orDefaults });
    },
  };
}

async function readNewPassword({ stdin, stderr, interruption }: World): Promise<string> {
  if (stdin === undefined) throw new MoatError('no-password', 'there is nowhere to read a password from');
  const { readSecret } = await import('./terminal/secret.js');
  const ask = (question: string): Promise<string> => readSecret(question, stdin, stderr, interruption.signal);
  try {
    const password = await ask('Password: ');
    if (stdin.isTTY === true && (await ask('Once more: ')) !== password)
      throw new MoatError('passwords-differ', 'the two passwords differ', { fix: 'Run the command again.' });
    return password;
  } catch (error) {
    if (isAbort(error)) interruption.request(EXIT.interrupted);
    throw error;
  }
}

function writeJson(stream: TerminalStream, value: object): void {
  const text = JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? inner.toString() : inner));
  stream.write(`${text}\n`);
}

/** The first word that is no option; `moat help train` and `moat train` both mean train. */
function commandNameIn(argv: readonly string[]): string | undefined {
  const words = argv.filter((word) => !word.startsWith('-'));
  if (argv[0]?.startsWith('-') === true && words.length === 0) return undefined;
  return words[0] === 'help' ? (words[1] ?? 'help') : words[0];
}

function unknownCommand(name: string, commands: readonly CommandEntry[]): Failure {
  const meant = nearestName(
    name,
    commands.map((known) => known.name),
  );
  const fix = meant === undefined ? 'See `moat --help` for the list.' : `Did you mean \`moat ${meant}\`?`;
  return usageFailure(`unknown command "${name}"`, fix);
}

/** Commander's "error: unknown option '--stpes'\n(Did you mean --steps?)", in Moat's form. */
function usageFailureOf(error: CommanderError, argv: readonly string[]): Failure {
  const [first = '', hint] = error.message.replace(/^error: /, '').split('\n');
  const name = commandNameIn(argv);
  const help = `See \`moat ${name === undefined ? '' : `${name} `}--help\`.`;
  return usageFailure(first, hint === undefined ? help : hint.replace(/^\((.*)\)$/, '$1'));
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
