/** Engines of other people as processes of their own: a model folder of ours behind `transformers serve`, its GGUF behind llama.cpp. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.js';

/** The interpreter with `distributed/requirements-serve.txt`: that of MOAT_PYTHON, or of the environment beside the worker. */
export const python: string | undefined = [process.env['MOAT_PYTHON'], 'distributed/.venv/bin/python']
  .filter((file) => file !== undefined)
  .find((file) => existsSync(file));

/** Loading torch on a busy machine. */
const START_MS = 240_000;

export interface RealEngine {
  readonly port: number;
  /** Up to and with /v1. */
  readonly url: string;
  /** At once, as a machine dies. */
  kill(): Promise<void>;
}

/** @param arguments of the interpreter @param port 0 chooses a free one */
async function startEngine(argumentsAt: (port: number) => readonly string[], wantedPort: number): Promise<RealEngine> {
  const port = wantedPort === 0 ? await freePort() : wantedPort;
  const child = spawn(python ?? 'python3', argumentsAt(port), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, HF_HUB_OFFLINE: '1', OMP_NUM_THREADS: '1', PYTHONUNBUFFERED: '1' },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (bytes: Buffer) => {
      output = (output + bytes.toString('utf8')).slice(-8_000);
    });
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  try {
    await untilWell(`http://127.0.0.1:${port}/health`, child);
  } catch (error) {
    await kill();
    throw new Error(`the engine did not start: ${output}`, { cause: error });
  }
  return { port, url: `http://127.0.0.1:${port}/v1`, kill };
}

async function untilWell(url: string, child: ChildProcess): Promise<void> {
  for (let waitedMs = 0; waitedMs < START_MS; waitedMs += 200) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.status === 200) return;
    await sleep(200);
  }
  throw new Error(`it was not well within ${START_MS} ms`);
}

/**
 * `transformers serve`, as its command line starts it.
 * @param folder of the model, which is also its name
 * @param limit connections; beyond them uvicorn answers 503, as it does in front of any Python engine
 */
export const startTransformers = (
  folder: string,
  { port = 0, limit }: { port?: number; limit?: number } = {},
): Promise<RealEngine> =>
  startEngine((at) => {
    const [model, host] = [JSON.stringify(path.resolve(folder)), JSON.stringify('127.0.0.1')];
    const code = [
      'import functools, uvicorn',
      ...(limit === undefined
        ? []
        : [`uvicorn.Config = functools.partial(uvicorn.Config, limit_concurrency=${limit})`]),
      'from transformers.cli.serve import Serve',
      `Serve(force_model=${model}, host=${host}, port=${at}, device="cpu")`,
    ];
    return ['-c', code.join('\n')];
  }, port);

/** llama.cpp's own HTTP server, as the package xllamacpp carries it. @param file GGUF @param alias the model's name */
export const startLlamaCpp = (
  file: string,
  alias: string,
  { port = 0, context = 2048 }: { port?: number; context?: number } = {},
): Promise<RealEngine> =>
  startEngine((at) => {
    const code = [
      'import time, xllamacpp',
      'parameters = xllamacpp.CommonParams()',
      `parameters.model.path = ${JSON.stringify(path.resolve(file))}`,
      `parameters.model_alias = {${JSON.stringify(alias)}}`,
      `parameters.port = ${at}`,
      // two places, each with its share
      'parameters.n_parallel = 2',
      `parameters.n_ctx = ${2 * context}`,
      'parameters.cpuparams.n_threads = 1',
      'parameters.warmup = False',
      'server = xllamacpp.Server(parameters)',
      'while True: time.sleep(3600)',
    ];
    return ['-c', code.join('\n')];
  }, port);
