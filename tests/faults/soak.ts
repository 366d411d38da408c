/**
 * `tsx tests/faults/soak.ts --minutes 30`: mixed load with aborts on one gateway process. Its memory is fitted by a line and
 * said to be flat or not; in the end every answer has to be on the books.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Rng } from '../../src/base/rng.js';
import { type Arena, openArena } from './arena.js';
import { newCustomers, recover, sellModels } from './campaign.js';
import { type GatewayChild, type Memory, UNDISTURBED, buildGatewayProcess } from './gateway-child.js';
import { booksOf, breachesOf } from './invariants.js';
import { fitSlope } from './slope.js';
import { type Payer, type Seen, drawAsks, perform } from './workload.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    clients: { type: 'string', default: '8' },
    seed: { type: 'string', default: '1' },
  },
});
const minutes = Number(values.minutes);
const SAMPLE_MS = 5000;
/** At first code is compiled and caches are filled. */
const WARM_UP = 0.3;
/** What may be gained an hour where the interval does not hold 0; the whole process also has what its allocator keeps. */
const BOUND_PER_HOUR: Readonly<Record<keyof Memory, number>> = { heapBytes: 1e6, externalBytes: 1e6, rssBytes: 10e6 };

const endsAt = performance.now() + minutes * 60_000;
const isOver = (): boolean => performance.now() > endsAt;

/** Ever new requests, with a pause between them that leaves the gateway room. @returns how they ended */
async function client(
  gateway: GatewayChild,
  payers: readonly Payer[],
  number: number,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  const rng = Rng.fromSeed(Number(values.seed) * 1000 + number);
  for (let turn = 0; !isOver(); turn++) {
    for (const { outcome } of await perform(gateway.url, drawAsks(rng, payers, 4), `soak ${number} ${turn}`))
      counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}

async function sample(gateway: GatewayChild): Promise<(Memory & { seconds: number })[]> {
  const samples: (Memory & { seconds: number })[] = [];
  const startedMs = performance.now();
  while (!isOver()) {
    await sleep(SAMPLE_MS);
    samples.push({ ...(await gateway.memory()), seconds: (performance.now() - startedMs) / 1000 });
  }
  return samples.slice(Math.ceil(samples.length * WARM_UP));
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

function report(name: keyof Memory, samples: readonly (Memory & { seconds: number })[]): boolean {
  const slope = fitSlope(samples.map((each) => [each.seconds, each[name]]));
  const isFlat = slope.low <= 0 || slope.perHour < BOUND_PER_HOUR[name];
  const of = samples.map((each) => each[name]);
  const range = `${megabytes(Math.min(...of))} to ${megabytes(Math.max(...of))} MB`;
  const interval = `${megabytes(slope.perHour)} MB an hour (95%: ${megabytes(slope.low)} to ${megabytes(slope.high)})`;
  console.log(`${name.padEnd(12)} ${range}; ${interval}: ${isFlat ? 'flat' : 'RISING'}`);
  return isFlat;
}

/** What is on the books in the end, by the same rules as after a round of the campaign. */
async function breaches(arena: Arena, accounts: readonly { customerId: string; creditMicros: bigint }[]) {
  const strike = { what: 'nothing', survives: true, run: async () => {} };
  const seen: Seen[] = [];
  // requests are too many to be told apart by their length: only the books are held against themselves
  const found = await breachesOf(arena, { accounts, seen, strike, repeatsAreOne: false });
  return found.filter((what) => !what.endsWith('is of no request'));
}

const arena = await openArena();
const children = await buildGatewayProcess();
await sellModels(booksOf(arena));
const { accounts, payers } = await newCustomers(booksOf(arena), Rng.fromSeed(Number(values.seed)), 'soak');
const { projectDirectory, databaseUrl } = arena;
const gateway = await children.start({ projectDirectory, databaseUrl, ...UNDISTURBED });
const numbers = Array.from({ length: Number(values.clients) }, (_, number) => number);
const [samples, ...counts] = await Promise.all([
  sample(gateway),
  ...numbers.map((number) => client(gateway, payers, number)),
]);
const ended = await gateway.close();
// one of the engines dies in every answer
const unexpected = gateway.problems.filter((line) => line !== 'the engine died');
const problems = [...unexpected, ...(await recover(arena)), ...(await breaches(arena, accounts))];
await children.close();
await arena.close();

const outcomes: Record<string, number> = {};
for (const [name, count] of counts.flatMap((each) => Object.entries(each)))
  outcomes[name] = (outcomes[name] ?? 0) + count;
console.log(`${minutes} minutes, ${values.clients} clients: ${JSON.stringify(outcomes)}, ${samples.length} samples`);
const flat = [report('heapBytes', samples), report('externalBytes', samples), report('rssBytes', samples)];
for (const problem of problems) console.log(`BREACH ${problem}`);
if (!ended) console.log('BREACH the gateway did not end when told to');
process.exitCode = problems.length === 0 && ended && flat.every(Boolean) ? 0 : 1;
