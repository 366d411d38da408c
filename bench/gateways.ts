/**
 * Group `gateways`: chats a second over 16 connections through ours with everything on, and through gateways of others, in turns on one machine.
 * Client, upstream, database and each gateway are processes of their own; one gateway works at a time.
 */
import { startChild } from './child.js';
import { type PeerGateway, startLitellm, startPortkey, startUpstream } from './gateway-peers.js';
import type { GatewayAnswer, GatewayQuestion } from './gateway-process.js';
import type { SaturatingLoad } from './gateways-load.js';
import { type BenchResult, compare } from './result.js';

const CONNECTIONS = 16;
const WARM_UP_MS = 3000;
const TURN_MS = 3000;
const TURNS = 5;

const BODY = JSON.stringify({
  model: 'mock',
  messages: [{ role: 'user', content: 'Once upon a ' }],
  max_tokens: 8,
});

export async function gatewaysGroup(): Promise<BenchResult[]> {
  const upstream = await startUpstream(undefined);
  const client = startChild<SaturatingLoad, number>(new URL('./gateways-load.ts', import.meta.url));
  const gateway = startChild<GatewayQuestion, GatewayAnswer>(new URL('./gateway-process.ts', import.meta.url));
  const { port, key } = await gateway.ask({ do: 'start', upstreamPort: upstream.port });
  const rate = (port: number, headers: SaturatingLoad['headers'], durationMs: number): Promise<number> =>
    client.ask({ port, path: '/v1/chat/completions', headers, body: BODY, connections: CONNECTIONS, durationMs });
  const ours = (durationMs: number): Promise<number> => rate(port, { authorization: `Bearer ${key}` }, durationMs);
  const against = async (peer: PeerGateway | undefined, target: number): Promise<BenchResult> => {
    await ours(WARM_UP_MS);
    if (peer !== undefined) await rate(peer.port, peer.headers, WARM_UP_MS);
    const result = await compare({
      group: 'gateways',
      name: `chats, ${CONNECTIONS} connections, keys, limits, reservation and durable settlement on`,
      unit: 'requests/s',
      better: 'higher',
      target,
      runs: TURNS,
      ours: () => ours(TURN_MS),
      peer: peer && { name: peer.name, measure: () => rate(peer.port, peer.headers, TURN_MS) },
    });
    await peer?.close();
    return result;
  };
  try {
    const results = [await against(await startPortkey(upstream), 3), await against(await startLitellm(upstream), 20)];
    await gateway.ask({ do: 'close' });
    return results;
  } finally {
    client.close();
    gateway.close();
    upstream.close();
  }
}
