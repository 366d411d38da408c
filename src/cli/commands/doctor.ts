import { defineCommand } from '../command.js';
import { askProgram } from '../doctor/ask-program.js';
import type { Check, Surroundings } from '../doctor/check.js';
import { checkOnnxRuntime, checkPostgres, checkWasmSimd } from '../doctor/engines.js';
import { checkGpu, checkPython, checkTorch, checkUser } from '../doctor/extras.js';
import { checkDisk, checkMemory, checkNode, checkPort, checkProcessor } from '../doctor/machine.js';
import { readPackageFacts } from '../package-facts.js';
import { padEnd, wrap } from '../terminal/width.js';
import type { Terminal } from '../terminal/terminal.js';

export const command = defineCommand({
  name: 'doctor',
  summary: 'check what this machine has and what is missing',
  description:
    'Looks at this machine: Node, processor, memory, disk, the engine, the database, and what is optional. The engine and the database programs are really run. Ends with 1 when something needed is missing.',
  settings: ['serve.host', 'serve.port', 'database.url'],
  examples: [
    { command: 'moat doctor', does: 'everything, with what to do about it' },
    { command: 'moat doctor --json', does: 'the same, for a bug report or a script' },
    { command: 'moat doctor --port 8080', does: 'is that port free?' },
  ],
  async run(context) {
    const { terminal, signal } = context;
    const { root, config } = await context.loadProject({ orDefaults: true });
    const surroundings: Surroundings = {
      directory: root,
      host: config.serve.host,
      port: config.serve.port,
      databaseUrl: config.database.url,
      ask: (program, args) => askProgram(program, args, signal),
    };
    const { version, nodeRange } = readPackageFacts();
    const checks = await Promise.all([
      checkNode(process.versions.node, nodeRange),
      checkProcessor(),
      checkMemory(),
      checkDisk(surroundings),
      checkOnnxRuntime(surroundings),
      checkWasmSimd(),
      checkPostgres(surroundings),
      checkUser(),
      checkPort(surroundings),
      checkPython(surroundings),
      checkTorch(surroundings),
      checkGpu(surroundings),
    ]);
    signal.throwIfAborted();
    const ready = checks.every(({ status }) => status !== 'missing');
    printChecks(checks, ready, terminal);
    return {
      json: { ready, version, platform: `${process.platform}-${process.arch}`, checks },
      exitCode: ready ? 0 : 1,
    };
  },
});

function printChecks(checks: readonly Check[], ready: boolean, terminal: Terminal): void {
  const { colors } = terminal;
  const marks = { ok: colors.green('✓'), missing: colors.red('✗'), optional: colors.dim('–') };
  const nameWidth = Math.max(...checks.map(({ name }) => name.length));
  const indent = ' '.repeat(nameWidth + 4);
  for (const { name, status, detail, fix } of checks) {
    const lines = wrap(detail, terminal.columns - indent.length);
    const advice = fix === undefined ? [] : wrap(fix, terminal.columns - indent.length - 2);
    terminal.print(`${marks[status]} ${padEnd(name, nameWidth)}  ${lines.join(`\n${indent}`)}`);
    for (const [index, line] of advice.entries()) {
      terminal.print(`${indent}${colors.dim(`${index === 0 ? '→' : ' '} ${line}`)}`);
    }
  }
  const lacking = checks.filter(({ status }) => status === 'missing').map(({ name }) => name);
  terminal.print(ready ? '\nThis machine is ready.' : `\nMissing: ${lacking.join(', ')}.`);
}
