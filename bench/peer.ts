/** Talks to a peer's program line by line, so that its runs and ours alternate on the same machine. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('./peers/', import.meta.url));

export interface Peer {
  readonly version: string;
  /** One measured run; the value under `key` of its answer. @param argument what the program takes after `run` */
  measure(key: string, argument?: number): Promise<number>;
  /** As `measure`, with the whole answer. */
  run(): Promise<Readonly<Record<string, unknown>>>;
  close(): void;
}

/** The Python with the peers installed: `MOAT_PEERS_PYTHON`, or the one `bench/peers/setup.sh` made; undefined when absent. */
export function peersPython(): string | undefined {
  const named = process.env['MOAT_PEERS_PYTHON'];
  if (named !== undefined) return named;
  const made = `${folder}.venv/bin/python`;
  return existsSync(made) ? made : undefined;
}

/**
 * Starts a peer program (`.mjs` runs under this Node, all else under the peers' Python) and waits until it has warmed up;
 * undefined (with a line why) when it cannot run.
 */
export async function startPeer(program: string, settings: object): Promise<Peer | undefined> {
  const command = program.endsWith('.mjs') ? process.execPath : peersPython();
  if (command === undefined) {
    console.error(`${program}: no peers installed, so no ratio; run bench/peers/setup.sh once`);
    return undefined;
  }
  const child = spawn(command, [`${folder}${program}`], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<Record<string, unknown>> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`${program} ended early (exit code ${child.exitCode})`);
    return JSON.parse(value) as Record<string, unknown>;
  };
  child.stdin.write(`${JSON.stringify(settings)}\n`);
  try {
    const ready = await answer();
    return {
      version: String(ready['version']),
      measure: async (key, argument) => Number((await ask(child, answer, argument))[key]),
      run: () => ask(child, answer),
      close: () => child.stdin.end('quit\n'),
    };
  } catch (error) {
    console.error(`${program}: ${String(error)}; skipped`);
    child.kill();
    return undefined;
  }
}

async function ask(
  child: ChildProcess,
  answer: () => Promise<Record<string, unknown>>,
  argument?: number,
): Promise<Record<string, unknown>> {
  child.stdin?.write(argument === undefined ? 'run\n' : `run ${argument}\n`);
  return answer();
}
