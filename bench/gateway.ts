/** Group `gateway`: what a key check, a reservation and a durable settlement add to an answer. */
import { gatewayOverhead, TURNS } from './gateway-overhead.js';
import type { BenchResult } from './result.js';

export async function gatewayGroup(): Promise<BenchResult[]> {
  const overhead = await gatewayOverhead();
  const shared = { group: 'gateway', peer: null, peerName: null, ratio: null, target: null, runs: TURNS };
  const paced = '16 connections, 250 requests/s, 20 ms engine';
  return [
    { ...shared, name: `added latency p50, ${paced}`, unit: 'ms', ours: overhead.addedP50Ms, target: 1.0 },
    { ...shared, name: `added latency p99, ${paced}`, unit: 'ms', ours: overhead.addedP99Ms, target: 8 },
    {
      ...shared,
      name: '16 connections without a pause',
      unit: 'requests/s',
      ours: overhead.requestsPerSecond,
    },
    {
      ...shared,
      name: '16 connections without a pause, bare node:http server',
      unit: 'requests/s',
      ours: overhead.bareRequestsPerSecond,
    },
  ];
}
