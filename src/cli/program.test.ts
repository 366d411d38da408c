import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { manualClock } from '../base/clock.js';
import { MoatError } from '../base/errors.js';
import { type Command, defineCommand } from './command.js';
import { commands } from './commands.js';
import { createInterruption, listenForSignals } from './interruption.js';
import { runProgram, type World } from './program.js';

class Sink extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

async function run(command: Command, argv: readonly string[], more: Partial<World> = {}) {
  const [stdout, stderr] = [new Sink(), new Sink()];
  const exitCode = await runProgram({
    argv,
    cwd: '/',
    env: {},
    stdout,
    stderr,
    clock: manualClock(),
    interruption: createInterruption(),
    commands: [{ name: command.name, summary: command.summary, load: () => Promise.resolve({ command }) }],
    facts: () => ({ version: '9.9.9', nodeRange: '>=20.19', bugsUrl: 'https://bugs.example' }),
    ...more,
  });
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}

const bake = defineCommand({
  name: 'bake',
  summary: 'bake bread',
  description: 'Bakes.',
  arguments: { loaf: { description: 'what to bake', count: 'one' } },
  options: {
    hot: { kind: 'flag', description: 'hotter', short: 'H' },
    minutes: { kind: 'integer', placeholder: 'N', minimum: 1, maximum: 90, default: 30, description: 'how long' },
    flourKind: { kind: 'choice', choices: ['rye', 'wheat'], description: 'flour' },
    add: { kind: 'list', placeholder: 'SEED', description: 'seeds' },
  },
  examples: [{ command: 'moat bake rye', does: 'one loaf' }],
  async run({ arguments: { loaf }, options, terminal, reporter }) {
    const minutes: number = options.minutes;
    const flour: 'rye' | 'wheat' | undefined = options.flourKind;
    if (loaf === 'stone') throw new MoatError('not-bread', 'stone: not bread', { fix: 'Bake bread.' });
    if (loaf === 'bug') throw new TypeError('oven is undefined');
    reporter.stage('dough').done('risen');
    terminal.print(`baked ${loaf}`);
    return { json: { loaf, minutes, flour, hot: options.hot, add: options.add, micros: 12n } };
  },
});

describe('one command line', () => {
  it('hands typed options and arguments to the command', async () => {
    const { exitCode, stdout, stderr } = await run(bake, [
      'bake',
      'loaf',
      '--flour-kind',
      'rye',
      '--add',
      'a',
      '--add',
      'b',
      '--json',
    ]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      loaf: 'loaf',
      minutes: 30,
      flour: 'rye',
      hot: false,
      add: ['a', 'b'],
      micros: '12',
    });
    expect(stderr).toContain('baked loaf');
    expect(stderr).toMatch(/✓ dough +risen +0\.0s/);
  });

  it('prints for people on stdout, and no JSON, without --json', async () => {
    const { stdout, stderr } = await run(bake, ['bake', 'loaf']);
    expect(stdout).toContain('baked loaf');
    expect(stdout).not.toContain('{');
    expect(stderr).toBe('');
  });

  it.each([
    [['bkae'], 'unknown command "bkae". Did you mean `moat bake`?'],
    [['bake', 'x', '--minuts', '3'], "unknown option '--minuts'. Did you mean --minutes?"],
    [['bake', 'x', '--minutes', '3.5'], 'Expected a whole number from 1 to 90.'],
    [['bake', 'x', '--minutes', '91'], 'Expected a whole number from 1 to 90.'],
    [['bake', 'x', '--flour-kind', 'oat'], 'Allowed choices are rye, wheat.'],
    [['bake'], "missing required argument 'loaf'"],
    [['bake', 'x', 'y'], 'too many arguments'],
  ])('%j is wrong usage: 2', async (argv, says) => {
    const { exitCode, stdout, stderr } = await run(bake, argv);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(says);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    const inJson = await run(bake, [...argv, '--json']);
    expect(JSON.parse(inJson.stdout)).toMatchObject({ error: { code: 'usage' } });
  });

  it('shows an error for the user as one line: 1', async () => {
    const { exitCode, stdout, stderr } = await run(bake, ['bake', 'stone', '--json']);
    expect(exitCode).toBe(1);
    expect(stderr).toBe('moat: stone: not bread. Bake bread.\n');
    expect(JSON.parse(stdout)).toEqual({
      error: { code: 'not-bread', message: 'stone: not bread', fix: 'Bake bread.' },
    });
  });

  it('shows a defect with its stack and how to report it: 70', async () => {
    const { exitCode, stderr } = await run(bake, ['bake', 'bug']);
    expect(exitCode).toBe(70);
    expect(stderr).toContain('TypeError: oven is undefined');
    expect(stderr).toContain('program.test.ts');
    expect(stderr).toContain('report it at https://bugs.example');
  });
});

describe('Ctrl-C', () => {
  it('ends with 130 after the command has put its things in order', async () => {
    const interruption = createInterruption();
    const command = defineCommand({
      ...bake,
      arguments: {},
      options: {},
      async run({ signal, terminal }) {
        interruption.request(130);
        expect(signal.aborted).toBe(true);
        terminal.print('saved');
        return undefined;
      },
    });
    expect(await run(command, ['bake'], { interruption })).toEqual({ exitCode: 130, stdout: 'saved\n', stderr: '' });
  });

  it('closes open stages when the command throws what the signal gave it', async () => {
    const interruption = createInterruption();
    const command = defineCommand({
      ...bake,
      arguments: {},
      options: {},
      async run({ signal, reporter }) {
        reporter.stage('train');
        interruption.request(130);
        signal.throwIfAborted();
        return undefined;
      },
    });
    const { exitCode, stdout, stderr } = await run(command, ['bake'], { interruption });
    expect({ exitCode, stderr }).toEqual({ exitCode: 130, stderr: '' });
    expect(stdout).toMatch(/✗ train +stopped/);
  });

  it('leaves at once the second time', () => {
    const interruption = createInterruption();
    const handlers = new Map<string | symbol, () => void>();
    const exits: unknown[] = [];
    const source = {
      on: (name: string | symbol, handler: () => void) => handlers.set(name, handler),
      exit: (code: unknown) => exits.push(code),
    };
    listenForSignals(source, interruption, () => {});
    handlers.get('SIGINT')?.();
    expect(interruption.signal.aborted).toBe(true);
    expect(exits).toEqual([]);
    handlers.get('SIGINT')?.();
    expect(exits).toEqual([130]);
  });
});

describe('every command of the registry', () => {
  it('has a name of its own', () => {
    expect(new Set(commands.map(({ name }) => name)).size).toBe(commands.length);
  });

  it.each(commands.map((entry) => [entry.name, entry] as const))('%s keeps the rules', async (name, entry) => {
    const { command } = await entry.load();
    expect({ name: command.name, summary: command.summary }).toEqual({ name, summary: entry.summary });
    expect(command.summary).toMatch(/^[^A-Z].*[^.]$/);
    expect(command.examples.length).toBeGreaterThan(0);
    for (const example of command.examples) expect(example.command).toMatch(new RegExp(`^moat ${name}( |$)`));
    const { exitCode, stdout } = await run(command, [name, '--help']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('--json');
    expect(stdout).toContain('Examples:');
    for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
  });
});
