/**
 * The fault campaign: rounds of customers who ask while something breaks. All of a round is drawn from one seed; what
 * the machine's scheduler does with it is not, so a failing seed fails again often, not always.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { Rng } from '../../src/base/rng.js';
import { type Books, createCustomer } from '../../src/company/billing/customers.js';
import { setRateLimit } from '../../src/company/billing/key-terms.js';
import { createKey, revokeKey } from '../../src/company/billing/keys.js';
import { grantCredit } from '../../src/company/billing/ledger.js';
import { setPrice } from '../../src/company/billing/prices.js';
import { openDatabase } from '../../src/company/store/database.js';
import { startGateway } from '../../src/company/gateway/start-gateway.js';
import { type Arena, openArena } from './arena.js';
import { FAULTS, type Strike } from './fault-table.js';
import { type ChildFactory, type GatewayChild, UNDISTURBED, buildGatewayProcess } from './gateway-child.js';
import { booksOf, breachesOf } from './invariants.js';
import { type Ask, NOBODY, type Payer, type Seen, drawAsks, perform } from './workload.js';

export interface CampaignOptions {
  readonly rounds: number;
  /** Of the first round; the next has the next number, and the next fault. */
  readonly seed: number;
  /** One fault's name: every round has that one. */
  readonly only?: string | undefined;
  readonly onRound?: (round: Round) => void;
}

export interface Round {
  readonly seed: number;
  readonly fault: string;
  readonly what: string;
  /** Answers by how they ended. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Whether the gateway was dead at the end. */
  readonly died: boolean;
  readonly breaches: readonly string[];
  readonly elapsedMs: number;
}

/** Connections break before a process is seen to have ended. */
const DIES_WITHIN_MS = 2000;
const SERVES_WITHIN_MS = 10_000;

/** @returns every round, in order */
export async function runCampaign(options: CampaignOptions): Promise<Round[]> {
  if (options.only !== undefined && FAULTS[options.only] === undefined)
    throw new Error(`there is no fault "${options.only}"; there are ${Object.keys(FAULTS).join(', ')}`);
  const arena = await openArena();
  const children = await buildGatewayProcess();
  const rounds: Round[] = [];
  try {
    await sellModels(booksOf(arena));
    const repeatsAreOne = await offersReplay(arena, children);
    for (let seed = options.seed; seed < options.seed + options.rounds; seed++) {
      const round = await playRound({ arena, children, repeatsAreOne }, seed, options.only);
      rounds.push(round);
      options.onRound?.(round);
    }
  } finally {
    await children.close();
    await arena.close();
  }
  return rounds;
}

interface Stage {
  readonly arena: Arena;
  readonly children: ChildFactory;
  readonly repeatsAreOne: boolean;
}

export async function sellModels(books: Books): Promise<void> {
  for (const model of ['quick', 'slow', 'dying', 'full'])
    await setPrice(books, {
      model,
      inputMicrosPerMillionTokens: 1_000_000n,
      outputMicrosPerMillionTokens: 2_000_000n,
      // in force whatever a gateway's clock says
      startsAt: new Date(0),
    });
}

async function playRound({ arena, children, repeatsAreOne }: Stage, seed: number, only?: string): Promise<Round> {
  const startedMs = performance.now();
  const rng = Rng.fromSeed(seed);
  const names = Object.keys(FAULTS);
  const fault = only ?? names[seed % names.length] ?? '';
  const strike = FAULTS[fault]?.(rng);
  if (strike === undefined) throw new Error(`there is no fault "${fault}"`);
  const { accounts, payers, rich } = await newCustomers(booksOf(arena), rng, `${seed} ${startedMs}`);
  const child = await startChild(arena, children, strike);
  const asks = drawAsks(rng, payers, 24 + rng.below(24));
  const round = `round ${seed}`;
  const [seen] = await Promise.all([perform(child.url, asks, round), strike.run(arena, child)]);
  const breaches: string[] = [];
  if (strike.survives) {
    const later = await askUntilServed(child, rich, round);
    seen.push(...later);
    if (later.at(-1)?.outcome !== 'finished') breaches.push('the gateway lives on and serves no more');
  }
  const died = await child.isDead(strike.survives ? 0 : DIES_WITHIN_MS);
  if (!strike.survives) await child.kill();
  else if (!(await child.close())) breaches.push('the gateway did not end when told to');
  breaches.push(...(await recover(arena)));
  breaches.push(...(await breachesOf(arena, { accounts, seen, strike, repeatsAreOne })));
  // what is wrong is told once, and not again in the next round
  if (breaches.length > 0) await arena.clearSpool();
  const elapsedMs = performance.now() - startedMs;
  return { seed, fault, what: strike.what, outcomes: count(seen), died, breaches, elapsedMs };
}

const startChild = (arena: Arena, children: ChildFactory, strike: Partial<Strike>): Promise<GatewayChild> =>
  children.start({
    projectDirectory: arena.projectDirectory,
    databaseUrl: arena.databaseUrl,
    ...UNDISTURBED,
    ...strike.child,
  });

/** One with plenty and two keys, one who can pay some of what is asked, one who can pay next to nothing, and two who are nobody. */
export async function newCustomers(books: Books, rng: Rng, name: string) {
  const customer = async (kind: string, creditMicros: bigint) => {
    const { id: customerId } = await createCustomer(books, { name: `${kind} ${name}` });
    await grantCredit(books, { customerId, amountMicros: creditMicros, kind: 'payment' });
    const key = async (): Promise<Payer & { keyId: string }> => {
      const { key, secretKey } = await createKey(books, { customerId });
      return { customerId, secretKey, isValid: true, keyId: key.id };
    };
    return { account: { customerId, creditMicros }, key };
  };
  const rich = await customer('rich', 1_000_000_000n);
  const modest = await customer('modest', BigInt(200 + rng.below(600)));
  const poor = await customer('poor', BigInt(1 + rng.below(60)));
  // which nobody reaches: what counts them breaks with the rest
  const limits = { requestsPerMinute: 10_000, tokensPerMinute: 100_000_000, concurrentRequests: 1000 };
  await setRateLimit(books, { customerId: modest.account.customerId, ...limits });
  const richKey = await rich.key();
  const revoked = await rich.key();
  await revokeKey(books, revoked.keyId);
  return {
    accounts: [rich.account, modest.account, poor.account],
    rich: richKey,
    payers: [
      ...Array.from({ length: 5 }, () => richKey),
      await rich.key(),
      await modest.key(),
      await modest.key(),
      await poor.key(),
      { ...revoked, isValid: false },
      NOBODY,
    ],
  };
}

const plainAsk = (payer: Payer, promptTokens: number): Ask => ({
  promptTokens,
  payer,
  model: 'quick',
  form: 'text',
  stream: false,
  choices: 1,
  maxTokens: 3,
  leavesAfter: undefined,
  repeated: false,
  delayMs: 0,
});

/** A gateway that outlived a fault has to serve again by itself. @returns what was seen, the last of it finished if it does */
async function askUntilServed(child: GatewayChild, payer: Payer, round: string): Promise<Seen[]> {
  const seen: Seen[] = [];
  const deadline = performance.now() + SERVES_WITHIN_MS;
  for (let attempt = 0; performance.now() < deadline; attempt++) {
    seen.push(...(await perform(child.url, [plainAsk(payer, 100 + attempt)], round)));
    if (seen.at(-1)?.outcome === 'finished') break;
    await sleep(100);
  }
  return seen;
}

/** Whether a second request under the same `Idempotency-Key` is answered with the first one's answer. */
async function offersReplay(arena: Arena, children: ChildFactory): Promise<boolean> {
  const { rich } = await newCustomers(booksOf(arena), Rng.fromSeed(0), 'replay');
  const child = await startChild(arena, children, {});
  const [first] = await perform(child.url, [plainAsk(rich, 1)], 'replay');
  const [second] = await perform(child.url, [plainAsk(rich, 1)], 'replay');
  await child.close();
  return first?.id === second?.id;
}

/** What an operator does: start a gateway again. A minute later it has swept and settled what the dead one left. */
export async function recover(arena: Arena): Promise<string[]> {
  await booksAtRest(arena);
  // the minute passes
  await arena.database.sql`update moat.reservations set expires_at = expires_at - interval '1 minute'`;
  const { projectDirectory } = arena;
  const database = await openDatabase({ projectDirectory, databaseUrl: arena.database.url, connections: 2 });
  const problems: string[] = [];
  const onProblem = (error: unknown): void => void problems.push(`the next gateway says: ${inspect(error)}`);
  const gateway = await startGateway({ database, projectDirectory, port: 0, engines: new Map(), onProblem });
  await gateway.close();
  await database.close();
  return problems;
}

/** The database may still be committing what a dead process had sent. */
async function booksAtRest({ database, wire }: Arena): Promise<void> {
  for (let quiet = 0; quiet < 2;) {
    const [row] = await database.sql<{ active: number }[]>`
      select count(*)::int as active from pg_stat_activity
       where application_name = 'moat' and state <> 'idle' and pid <> pg_backend_pid()`;
    quiet = row?.active === 0 && wire.open.length === 0 ? quiet + 1 : 0;
    if (quiet < 2) await sleep(10);
  }
}

function count(seen: readonly Seen[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { outcome } of seen) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}
