/**
 * The process behind `moat`: the only code that touches `process`. It listens to signals, keeps a closed pipe quiet,
 * turns what nobody caught into exit code 70, and ends once the output is written.
 */
import { systemClock } from '../base/clock.js';
import { systemCode } from '../base/errors.js';
import { commands } from './commands.js';
import { EXIT } from './exit-codes.js';
import { describeFailure } from './failure.js';
import { createInterruption, listenForSignals } from './interruption.js';
import { readPackageFacts } from './package-facts.js';
import { runProgram } from './program.js';

const interruption = createInterruption();
listenForSignals(process, interruption, (code) => {
  if (code === EXIT.interrupted) process.stderr.write('\nmoat: stopping; Ctrl-C again to leave at once\n');
});

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    if (systemCode(error) !== 'EPIPE') throw error;
    interruption.request(EXIT.brokenPipe); // the reader (`| head`) has what it wanted
  });
}

function endWithDefect(error: unknown): void {
  const failure = describeFailure(error, readPackageFacts);
  if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(failure.json)}\n`);
  process.stderr.write(`${failure.text}\n`);
  process.exit(EXIT.defect);
}
process.on('uncaughtException', endWithDefect);
process.on('unhandledRejection', endWithDefect);

const exitCode = await runProgram({
  argv: process.argv.slice(2),
  cwd: process.cwd(),
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  clock: systemClock,
  interruption,
  commands,
  facts: readPackageFacts,
});
// Whatever a command left open (a socket, a worker) must not keep the program alive; what it wrote must arrive first.
process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)));
