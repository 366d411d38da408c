/**
 * Group `streaming`: how long a token takes from the moment an engine was to make it until a reader has it, with 200 streams through one gateway process, and
 * with the engine asked directly. Reader, gateway and engine are processes of their own with one clock; a timer of the engine that fires late counts on both sides.
 */
import { availableParallelism } from 'node:os';
import { startChild } from './child.js';
import { startUpstream } from './gateway-peers.js';
import type { GatewayAnswer, GatewayQuestion } from './gateway-process.js';
import { type BenchResult, median, quantile } from './result.js';
import type { StreamingAnswer, StreamingLoad } from './streaming-load.js';

const STREAMS = 200;
const TOKENS_PER_SECOND = 50;
const TOKENS = 250;
const TURNS = 3;

interface Turn {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Of one core. */
  readonly cpuShare: number;
}

interface Sides {
  readonly ours: Turn[];
  readonly direct: Turn[];
}

export async function streamingGroup(): Promise<BenchResult[]> {
  const { ours, direct } = await measure();
  const line = (name: string, unit: string, value: (turn: Turn) => number, target: number | null): BenchResult => ({
    group: 'streaming',
    name: `${name}, ${STREAMS} streams of ${TOKENS_PER_SECOND} tokens/s`,
    unit,
    ours: median(ours.map(value)),
    peer: median(direct.map(value)),
    peerName: 'the engine asked directly',
    ratio: null,
    target,
    runs: TURNS,
  });
  return [
    line('token due to token read, p50', 'ms', (turn) => turn.p50, null),
    line('token due to token read, p99', 'ms', (turn) => turn.p99, 20),
    line('token due to token read, the worst', 'ms', (turn) => turn.max, null),
    line(
      `processor of the process that serves, of one of ${availableParallelism()} cores`,
      '%',
      (turn) => turn.cpuShare * 100,
      null,
    ),
  ];
}

async function measure(): Promise<Sides> {
  const gateway = startChild<GatewayQuestion, GatewayAnswer>(new URL('./gateway-process.ts', import.meta.url));
  const reader = startChild<StreamingLoad, StreamingAnswer>(new URL('./streaming-load.ts', import.meta.url));
  const upstream = await startUpstream(TOKENS_PER_SECOND);
  const turn = async (side: Side, tokens: number): Promise<Turn> => {
    const before = await side.cpuMs();
    const { delaysMs, elapsedMs } = await reader.ask(loadOf(side, tokens));
    const cpuShare = ((await side.cpuMs()) - before) / elapsedMs;
    const sorted = delaysMs.toSorted((a, b) => a - b);
    return { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), max: sorted.at(-1) ?? Number.NaN, cpuShare };
  };
  try {
    const { port, key } = await gateway.ask({ do: 'start', upstreamPort: upstream.port });
    const our: Side = { port, key, cpuMs: async () => (await gateway.ask({ do: 'cpu' })).cpuMs };
    const their: Side = { port: upstream.port, key: 'none', cpuMs: () => upstream.cpuMs() };
    for (const side of [our, their]) await turn(side, TOKENS / 5);
    const sides: Sides = { ours: [], direct: [] };
    for (let i = 0; i < TURNS; i++) {
      sides.direct.push(await turn(their, TOKENS));
      sides.ours.push(await turn(our, TOKENS));
    }
    await gateway.ask({ do: 'close' });
    return sides;
  } finally {
    reader.close();
    gateway.close();
    upstream.close();
  }
}

interface Side {
  readonly port: number;
  readonly key: string;
  /** Of its process since it began. */
  cpuMs(): Promise<number>;
}

function loadOf({ port, key }: Side, tokensPerStream: number): StreamingLoad {
  return {
    port,
    path: '/v1/chat/completions',
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify({
      model: 'mock',
      messages: [{ role: 'user', content: 'Once upon a ' }],
      max_tokens: tokensPerStream,
      stream: true,
    }),
    streams: STREAMS,
    tokensPerStream,
  };
}
