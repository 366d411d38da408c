/** A real Ray of one machine, on loopback and ports of its own, with usage statistics off; stopped by the ids of its processes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.js';

export interface RayCluster {
  /** Of the Jobs API. */
  readonly base: URL;
  /** `kill -9` of one of the processes that train; resolves to its id. */
  killWorker(): number;
  /** `kill -9` of the head with everything it started. */
  killHead(): Promise<void>;
  /** A new head on the same ports, which knows nothing of the jobs before it. */
  startHead(): Promise<void>;
  stop(): Promise<void>;
}

const START_MS = 300_000;

/** @param cpus as Ray counts them; the machine may have fewer */
export async function startRay(cpus: number): Promise<RayCluster> {
  const python = process.env['MOAT_PYTHON'] ?? 'python3';
  // Unix sockets, whose paths may be 107 bytes long, lie deep below
  const folder = mkdtempSync('/tmp/mray-');
  const [gcs, dashboard, agent, client] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const base = new URL(`http://127.0.0.1:${dashboard}`);
  let head: ChildProcess | undefined;
  const startHead = async (): Promise<void> => {
    const log = openSync(path.join(folder, 'head.log'), 'a');
    const options = [
      `--port=${gcs}`,
      '--dashboard-host=127.0.0.1',
      `--dashboard-port=${dashboard}`,
      `--dashboard-agent-listen-port=${agent}`,
      `--ray-client-server-port=${client}`,
      '--node-ip-address=127.0.0.1',
      `--num-cpus=${cpus}`,
      '--object-store-memory=100000000',
      `--temp-dir=${path.join(folder, 'ray')}`,
      '--disable-usage-stats',
    ];
    head = spawn(path.join(path.dirname(python), 'ray'), ['start', '--head', '--block', ...options], {
      // jobs begin with `python`, which must be this one
      env: {
        ...process.env,
        PATH: `${path.dirname(python)}:${process.env['PATH'] ?? ''}`,
        RAY_USAGE_STATS_ENABLED: '0',
      },
      stdio: ['ignore', log, log],
      detached: true,
    });
    await untilThere(new URL('/api/version', base), head);
  };
  const killHead = async (): Promise<void> => {
    const pid = head?.pid;
    if (pid === undefined) return;
    for (const each of [...descendants(pid), pid]) kill(each);
    head = undefined;
    await sleep(500);
  };
  await startHead();
  return {
    base,
    killWorker() {
      const worker = descendants(head?.pid ?? 0).find((pid) => /RayTrainWorker|TrainWorker/.test(commandOf(pid)));
      if (worker === undefined) throw new Error('no process trains');
      kill(worker);
      return worker;
    },
    killHead,
    startHead,
    async stop() {
      await killHead();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended by itself
  }
}

const commandOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
};

/** Children, their children, and so on. */
function descendants(root: number): number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name): [number, number][] => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        return [[Number(name), Number(stat.slice(stat.lastIndexOf(')') + 4).split(' ')[0])]];
      } catch {
        return [];
      }
    });
  const of = (parent: number): number[] => parents.flatMap(([pid, its]) => (its === parent ? [pid, ...of(pid)] : []));
  return of(root);
}

async function untilThere(url: URL, child: ChildProcess): Promise<void> {
  for (let waitedMs = 0; waitedMs < START_MS; waitedMs += 300) {
    if (child.exitCode !== null) throw new Error(`ray start ended with ${child.exitCode}`);
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.status === 200) return;
    await sleep(300);
  }
  throw new Error(`Ray did not start within ${START_MS} ms`);
}
