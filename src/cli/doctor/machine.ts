import { readFile, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { messageOf, systemCode } from '../../base/errors.js';
import { formatBytes } from '../../base/units.js';
import { type Check, missing, ok, type Surroundings } from './check.js';

/** Node against the range in package.json (`>=20.19`, the only form that file uses). */
export function checkNode(found: string, range: string): Check {
  const needed = range.replace(/^>=\s*/, '');
  if (compareVersions(found, needed) >= 0) return ok('Node', `${found} (needs ${range})`);
  return missing('Node', `${found} is too old`, `Install Node ${needed} or newer from https://nodejs.org.`);
}

/** Negative, zero or positive as `a` is older than, equal to or newer than `b`; missing parts count as 0. */
export function compareVersions(a: string, b: string): number {
  const parts = (version: string): number[] => (version.match(/\d+/g) ?? []).map(Number);
  const [left, right] = [parts(a), parts(b)];
  for (let index = 0; index < 3; index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Instruction sets that ONNX Runtime's kernels look for, fastest last. */
const INSTRUCTION_SETS = [
  'avx',
  'avx2',
  'fma',
  'avx512f',
  'avx512_vnni',
  'avx_vnni',
  'amx_tile',
  'asimd',
  'asimddp',
  'sve',
];

export async function checkProcessor(): Promise<Check> {
  const cores = os.availableParallelism();
  const model = os.cpus()[0]?.model.trim() ?? 'unknown processor';
  const quota = parseCpuQuota(await readText('/sys/fs/cgroup/cpu.max'));
  const limited = quota !== undefined && quota < cores ? `, limited to ${quota.toFixed(1)} by its container` : '';
  const sets = instructionSets(await readText('/proc/cpuinfo'));
  const simd = sets.length > 0 ? `; ${sets.join(' ')}` : '';
  return ok('processor', `${model}, ${cores} ${cores === 1 ? 'core' : 'cores'}${limited}${simd}`);
}

/** The instruction sets named in `/proc/cpuinfo` ("flags" on x86, "Features" on ARM). */
export function instructionSets(cpuinfo: string): string[] {
  const line = /^(?:flags|Features)\s*:(.*)$/m.exec(cpuinfo)?.[1] ?? '';
  const found = new Set(line.trim().split(/\s+/));
  return INSTRUCTION_SETS.filter((name) => found.has(name));
}

/** Processors granted by cgroup v2's `cpu.max` ("200000 100000" → 2); undefined where there is no limit. */
export function parseCpuQuota(text: string): number | undefined {
  const match = /^(\d+) (\d+)/.exec(text);
  return match === null ? undefined : Number(match[1]) / Number(match[2]);
}

const NEEDED_MEMORY_BYTES = 1e9;
const ROOMY_MEMORY_BYTES = 4e9;

/** The demo's training takes about 1.6 GB; below 1 GB not even the engine and the database fit together. */
export function checkMemory(totalBytes = grantedMemoryBytes(), freeBytes = os.freemem()): Check {
  const detail = `${formatBytes(totalBytes)}, ${formatBytes(Math.min(freeBytes, totalBytes))} free now`;
  if (totalBytes < NEEDED_MEMORY_BYTES) return missing('memory', detail, 'Use a machine with at least 2 GB of memory.');
  if (totalBytes < ROOMY_MEMORY_BYTES)
    return ok('memory', detail, 'Enough for small models; lower train.batchSize if it runs out.');
  return ok('memory', detail);
}

/** What this process may use: the machine's memory, or its container's limit. */
function grantedMemoryBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < os.totalmem() ? limit : os.totalmem();
}

const NEEDED_DISK_BYTES = 1e9;

export async function checkDisk({ directory }: Pick<Surroundings, 'directory'>): Promise<Check> {
  try {
    const { bavail, bsize } = await statfs(directory);
    const detail = `${formatBytes(bavail * bsize)} free in ${directory}`;
    if (bavail * bsize >= NEEDED_DISK_BYTES) return ok('disk', detail);
    return missing('disk', detail, 'Free at least 1 GB: checkpoints and the database live there.');
  } catch (error) {
    return missing('disk', `${directory}: ${messageOf(error)}`, 'Run this in a folder that can be read.');
  }
}

/** A port that is taken is a hint, not a lack: another one can be given. */
export async function checkPort({ host, port }: Pick<Surroundings, 'host' | 'port'>): Promise<Check> {
  const error = await tryListen(host, port);
  if (error === undefined) return ok('port', `${host}:${port} is free`);
  const why = systemCode(error) === 'EADDRINUSE' ? 'is taken (perhaps by another moat)' : messageOf(error);
  return {
    name: 'port',
    status: 'optional',
    detail: `${host}:${port} ${why}`,
    fix: 'Choose another with --port or serve.port.',
  };
}

function tryListen(host: string, port: number): Promise<unknown> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', resolve);
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(path.resolve(file), 'utf8');
  } catch {
    return ''; // the file is Linux's own; elsewhere, and in some containers, there is none
  }
}
