import { Argument, Command as Parser, InvalidArgumentError, Option } from 'commander';
import type { ArgumentSpec, ArgumentTable, Command, OptionSpec, OptionTable } from './command.js';
import type { Override } from './config/overrides.js';
import type { ConfigField } from './config/schema.js';

/** What a command line said, in the terms of the command's record. */
export interface ParsedCommandLine {
  readonly options: Readonly<Record<string, unknown>>;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly json: boolean;
  /** Where to look for the project; undefined means the current folder. */
  readonly projectDirectory: string | undefined;
  readonly overrides: readonly Override[];
}

/** Turns a command's record into a commander parser that hands what it read to `run`. */
export async function parserFor(command: Command, run: (parsed: ParsedCommandLine) => Promise<void>): Promise<Parser> {
  const parser = new Parser(command.name).description(command.description).summary(command.summary);
  const argumentNames = addArguments(parser, command.arguments ?? {});
  addOptions(parser, command.options ?? {});
  parser.option(
    '--json',
    command.jsonLines === undefined ? 'one JSON object on stdout, for machines' : `JSON lines: ${command.jsonLines}`,
  );
  const settings = command.settings === undefined ? undefined : await addSettings(parser, command.settings);
  parser.addHelpText('after', () => examplesText(command));
  parser.action(async (...given: unknown[]) => {
    const values: Record<string, unknown> = parser.opts();
    await run({
      options: Object.fromEntries(
        Object.entries(command.options ?? {}).map(([name, spec]) => [name, values[name] ?? emptyValue(spec)]),
      ),
      arguments: Object.fromEntries(argumentNames.map((name, index) => [name, given[index]])),
      json: values['json'] === true,
      projectDirectory: typeof values['project'] === 'string' ? values['project'] : undefined,
      overrides: settings?.(values) ?? [],
    });
  });
  return parser;
}

function emptyValue(spec: OptionSpec): false | [] | undefined {
  if (spec.kind === 'flag') return false;
  return spec.kind === 'list' ? [] : undefined;
}

function addArguments(parser: Parser, table: ArgumentTable): string[] {
  for (const [name, spec] of Object.entries(table))
    parser.addArgument(new Argument(argumentForm(name, spec), spec.description));
  return Object.keys(table);
}

function argumentForm(name: string, { count }: ArgumentSpec): string {
  if (count === 'optional') return `[${name}]`;
  return count === 'many' ? `<${name}...>` : `<${name}>`;
}

function addOptions(parser: Parser, table: OptionTable): void {
  for (const [name, spec] of Object.entries(table)) {
    const long = `--${kebabCase(name)}`;
    const flags = spec.short === undefined ? long : `-${spec.short}, ${long}`;
    const option = new Option(spec.kind === 'flag' ? flags : `${flags} <${placeholderOf(spec)}>`, spec.description);
    if ('default' in spec && spec.default !== undefined) option.default(spec.default);
    if (spec.kind === 'choice') option.choices(spec.choices);
    if (spec.kind === 'integer' || spec.kind === 'number') option.argParser((written) => readNumber(spec, written));
    if (spec.kind === 'list') option.argParser((written, before: string[] | undefined) => [...(before ?? []), written]);
    parser.addOption(option);
  }
}

function placeholderOf(spec: Exclude<OptionSpec, { kind: 'flag' }>): string {
  return spec.kind === 'choice' ? (spec.placeholder ?? spec.choices.join('|')) : spec.placeholder;
}

function readNumber(spec: Extract<OptionSpec, { kind: 'integer' | 'number' }>, written: string): number {
  const value = written.trim() === '' ? Number.NaN : Number(written);
  const wrongKind = spec.kind === 'integer' ? !Number.isInteger(value) : !Number.isFinite(value);
  if (wrongKind || value < spec.minimum || value > spec.maximum) {
    const kind = spec.kind === 'integer' ? 'whole number' : 'number';
    throw new InvalidArgumentError(`Expected a ${kind} from ${spec.minimum} to ${spec.maximum}.`);
  }
  return value;
}

/** Adds `--project`, `--set` and the options of the chosen fields; returns what reads them back. */
async function addSettings(parser: Parser, chosen: readonly string[]) {
  const [{ configFields }, { readAssignment, readOverride }] = await Promise.all([
    import('./config/schema.js'),
    import('./config/overrides.js'),
  ]);
  const fields = configFields.filter(({ path }) => chosen.some((name) => path === name || path.startsWith(`${name}.`)));
  parser.option('--project <DIR>', 'the project to work in (default: the nearest one from here upwards)');
  const all: string[] = [];
  parser.addOption(
    new Option('--set <FIELD=VALUE>', 'override any field of moat.config.ts').argParser((written) => all.push(written)),
  );
  for (const field of fields) parser.addOption(settingOption(field));
  return (values: Record<string, unknown>): Override[] => [
    ...all.map(readAssignment),
    ...fields.flatMap((field) => {
      const written = values[new Option(`--${field.flag}`).attributeName()];
      return typeof written === 'string' ? [readOverride(field, written)] : [];
    }),
  ];
}

function settingOption({ flag, placeholder, description, path, isLines }: ConfigField): Option {
  const option = new Option(`--${flag} <${placeholder}>`, description).helpGroup(
    `Settings (${path.split('.')[0] ?? ''} in moat.config.ts):`,
  );
  if (isLines === true)
    option.argParser((written, before: string | undefined) =>
      before === undefined ? written : `${before}\n${written}`,
    );
  return option;
}

const HELP_COLUMNS = 80;

/** Beside each other where every line fits, else each example over what it does. */
function examplesText({ examples }: Command): string {
  const width = Math.max(...examples.map(({ command }) => command.length));
  const fits = examples.every(({ does }) => width + does.length + 4 <= HELP_COLUMNS);
  const lines = examples.map(({ command, does }) =>
    fits ? `  ${command.padEnd(width)}  ${does}` : `  ${command}\n      ${does}`,
  );
  return `\nExamples:\n${lines.join('\n')}\n`;
}

/** keepAll → keep-all */
function kebabCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
