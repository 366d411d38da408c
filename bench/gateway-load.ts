/**
 * The load generator of the gateway's benchmark, in a process of its own: what it waits for, no server's event loop
 * delays. Knows the wire and the pace, nothing of what answers.
 */
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Rng } from '../src/base/rng.js';
import { answerQuestions } from './child.js';

export interface LoadRequest {
  readonly port: number;
  readonly key: string;
  readonly connections: number;
  readonly durationMs: number;
  /** Requests a second over all connections, at Poisson arrivals; undefined: every connection asks without a pause. */
  readonly requestsPerSecond?: number;
  /** Equal seeds give equal arrivals. */
  readonly seed: number;
}

const BODY = JSON.stringify({ model: 'mock', prompt: 'Once upon a ', max_tokens: 8 });

/** Milliseconds of every answer, counted from when it was asked for. */
async function load(options: LoadRequest): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: options.connections });
  try {
    return options.requestsPerSecond === undefined
      ? await saturate(agent, options)
      : await pace(agent, options, options.requestsPerSecond);
  } finally {
    agent.destroy();
  }
}

async function saturate(agent: Agent, { port, key, connections, durationMs }: LoadRequest): Promise<number[]> {
  const latenciesMs: number[] = [];
  const end = performance.now() + durationMs;
  const connection = async (): Promise<void> => {
    while (performance.now() < end) {
      const started = performance.now();
      await ask(agent, port, key);
      latenciesMs.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: connections }, connection));
  return latenciesMs;
}

/** An open loop: a slow answer delays no later request, and waiting for a free connection counts. */
async function pace(agent: Agent, options: LoadRequest, requestsPerSecond: number): Promise<number[]> {
  const rng = Rng.fromSeed(options.seed);
  const latenciesMs: number[] = [];
  const answers: Promise<void>[] = [];
  const started = performance.now();
  let dueMs = 0;
  for (;;) {
    dueMs += (-Math.log(1 - rng.uniform()) * 1000) / requestsPerSecond;
    if (dueMs > options.durationMs) break;
    // Not spun for: a generator that keeps a core busy slows what it measures.
    await sleep(Math.max(0, started + dueMs - performance.now()));
    const sent = performance.now();
    const answered = async (): Promise<void> => {
      await ask(agent, options.port, options.key);
      latenciesMs.push(performance.now() - sent);
    };
    answers.push(answered());
  }
  await Promise.all(answers);
  return latenciesMs;
}

function ask(agent: Agent, port: number, key: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      'content-length': BODY.length,
    };
    const outgoing = request(
      { agent, port, host: '127.0.0.1', method: 'POST', path: '/v1/completions', headers },
      (incoming) => {
        incoming.resume();
        if (incoming.statusCode !== 200) reject(new Error(`the answer was ${incoming.statusCode}`));
        incoming.once('end', resolve);
      },
    );
    outgoing.once('error', reject);
    outgoing.end(BODY);
  });
}

answerQuestions(load);
