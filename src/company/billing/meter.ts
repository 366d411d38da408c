import { mkdir, readFile, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeFileAtomic } from '../../base/atomic-file.js';
import type { Clock } from '../../base/clock.js';
import { MoatError, systemCode } from '../../base/errors.js';
import { type Database, isUnreachable } from '../store/database.js';
import {
  type Admission,
  type AdmissionRequest,
  type Admissions,
  type CreditShare,
  type Refusal,
  createAdmissions,
  renewReservations,
  RESERVATION_LIFETIME_MS,
  sweepReservations,
} from './admission.js';
import { type Price, costOf } from './cost.js';
import { type CreditLeases, createCreditLeases } from './credit-leases.js';
import { usageEventIdOf } from './identifiers.js';
import {
  type Settlement,
  type SettlementRecord,
  type SettlementRequest,
  type Settlements,
  createSettlements,
  settlementRecordSchema,
  toRecord,
  withinAdmission,
} from './settlement.js';
import { type SettlementJournal, createSettlementJournal } from './settlement-journal.js';

/** Admission and settlement as the gateway uses them, with everything that keeps them true over time. */
export interface Meter {
  admit(request: AdmissionRequest): Promise<Admission | Refusal>;
  /**
   * Resolves when usage event, ledger entry and closed reservation are on disk; of a request that credit was reserved ahead for, when its
   * record is on this machine's disk, and the rest follows in a moment.
   * @throws MoatError `settlement-delayed` when the database cannot take it now: it is then kept in a file and settled later;
   *   `settlement-unknown` when the file cannot be written either
   */
  settle(request: SettlementRequest): Promise<Settlement>;
  /** For a request that was admitted and then not served: nothing recorded, nothing charged. */
  release(admission: Pick<Admission, 'requestId' | 'ahead'>): Promise<void>;
  /** Whether the key opens anything at all, without reserving: to refuse strangers before explaining their mistakes. */
  knowsKey(keyHash: string): Promise<boolean>;
  /** Waits for what is on its way, and ends the timers. */
  close(): Promise<void>;
}

export interface MeterOptions {
  readonly database: Database;
  readonly clock: Clock;
  /**
   * Folder for settlements on their way to the database: a journal of those that are on it as a rule, and a file each for those that it
   * could not take. Removed once settled.
   */
  readonly unsettledDirectory: string;
  /** Admissions of a key within a second, from which on credit is reserved ahead of its requests. Default: never. */
  readonly reserveAheadAfter?: number | undefined;
  /** Called with what went wrong in the background (sweeping, renewing, replaying). */
  readonly onProblem?: (error: unknown) => void;
}

const RETRY_DELAYS_MS = [0, 50, 400];
const UPKEEP_INTERVAL_MS = 15_000;

/** Settles what an earlier process left, releases what it had reserved, and begins. */
export async function createMeter(options: MeterOptions): Promise<Meter> {
  const { database, clock, unsettledDirectory, onProblem } = options;
  const admissions = createAdmissions(database, clock);
  const settlements = createSettlements(database, clock);
  const leases = createCreditLeases(database, clock, admissions, options.reserveAheadAfter ?? Infinity);
  const journal = createSettlementJournal({
    directory: unsettledDirectory,
    settle: (record) => settlements.submit(record),
    isAway: isUnreachable,
    onStuck: (record) => keepUnsettled(unsettledDirectory, record),
  });
  const parts: Parts = { admissions, settlements, leases, journal };
  /** Requests being served, and since when by the clock that does not jump. */
  const open = new Map<string, number>();
  /** Keys used since the last upkeep, and when. */
  const used = new Map<string, number>();

  const attempt = (): Promise<void> =>
    upkeep(options, parts, { open, used }).catch((error: unknown) => onProblem?.(error));
  let upkeeping = attempt();
  await upkeeping;
  const timer = setInterval(() => {
    upkeeping = upkeeping.then(attempt);
  }, UPKEEP_INTERVAL_MS);
  timer.unref();

  return {
    async admit(request) {
      const ahead = leases.take(request);
      const result = ahead ?? (await admitByBooks(parts, request));
      if (result.outcome !== 'admitted') return result;
      if (ahead === undefined) open.set(request.requestId, clock.monotonic());
      if (result.keyId !== null) used.set(result.keyId, clock.now());
      return result;
    },
    async settle(request) {
      const share = request.admission.ahead;
      try {
        return (
          (share && (await settleAhead(parts, request, share, onProblem))) ?? (await settleNow(options, parts, request))
        );
      } finally {
        open.delete(request.admission.requestId);
      }
    },
    async release(admission) {
      open.delete(admission.requestId);
      if (admission.ahead === undefined) await admissions.release(admission.requestId);
      else leases.over(admission.ahead, false);
    },
    async knowsKey(keyHash) {
      const rows = await database.sql`
        select 1 from moat.key_secrets s join moat.api_keys k on k.id = s.key_id
         where s.hash = decode(${keyHash}, 'hex') and k.revoked_at is null
           and least(k.expires_at, s.expires_at, 'infinity') > ${new Date(clock.now())}`;
      return rows.length > 0;
    },
    async close() {
      clearInterval(timer);
      await upkeeping;
      await keepLastUse(database, used).catch((error: unknown) => onProblem?.(error));
      await journal.close();
      await leases.close();
      await settlements.idle();
      await admissions.close();
    },
  };
}

/** What the books will say of it: a price that others are let in under depends on nothing else. */
function settledAhead({ admission, usage }: SettlementRequest, price: Price): Settlement {
  const eventId = usageEventIdOf(admission.requestId);
  if (usage.status === 'failed') return { eventId, chargedMicros: 0n };
  const { inputTokens, cachedTokens, outputTokens } = withinAdmission(usage, admission);
  const counts = { inputTokens: inputTokens - cachedTokens, cachedInputTokens: cachedTokens, outputTokens };
  return { eventId, chargedMicros: costOf(counts, price) };
}

interface Parts {
  readonly admissions: Admissions;
  readonly settlements: Settlements;
  readonly leases: CreditLeases;
  readonly journal: SettlementJournal;
}

interface Seen {
  /** Requests being served, and since when by the clock that does not jump. */
  readonly open: ReadonlyMap<string, number>;
  /** Keys used since the last upkeep, and when. */
  readonly used: Map<string, number>;
}

async function upkeep({ database, clock, unsettledDirectory }: MeterOptions, parts: Parts, seen: Seen): Promise<void> {
  const { settlements, leases, journal } = parts;
  const now = clock.monotonic();
  const old = [...seen.open].filter(([, since]) => now - since > RESERVATION_LIFETIME_MS / 4).map(([id]) => id);
  const reserved = [...old, ...leases.reservations()];
  if (reserved.length > 0) await renewReservations(database, reserved);
  await keepUsagePartitions(database, clock);
  // What waits for its settlement is settled while its reservation still covers it.
  const replay = Promise.all([
    replayUnsettled(unsettledDirectory, (record) => settlements.submit(record)),
    journal.recover(),
  ]);
  await Promise.allSettled([replay]);
  await sweepReservations(database);
  await keepLastUse(database, seen.used);
  await replay;
}

/** Whoever is refused for want of credit is asked about again, once nothing of it lies here. */
async function admitByBooks(
  { admissions, leases, journal }: Parts,
  request: AdmissionRequest,
): Promise<Admission | Refusal> {
  let result = await admissions.submit(request);
  if (result.outcome === 'insufficient-credit' && leases.has(result.customerId)) {
    await journal.flush();
    await leases.giveBack(result.customerId);
    result = await admissions.submit(request);
  }
  if (result.outcome === 'admitted') leases.admitted(request, result);
  return result;
}

/** @returns undefined where this machine's disk does not take it: then it is put into the books at once, as any other */
async function settleAhead(
  { leases, journal }: Parts,
  request: SettlementRequest,
  share: CreditShare,
  onProblem: MeterOptions['onProblem'],
): Promise<Settlement | undefined> {
  try {
    await journal.append(toRecord(request), () => leases.over(share, true));
  } catch (error) {
    onProblem?.(error);
    return undefined;
  }
  return settledAhead(request, share.price);
}

async function settleNow(options: MeterOptions, parts: Parts, request: SettlementRequest): Promise<Settlement> {
  const record = toRecord(request);
  const { requestId, ahead } = request.admission;
  try {
    const settlement = await settleWithRetries(record, (record) => parts.settlements.submit(record));
    parts.admissions.settled(requestId);
    return settlement;
  } catch (error) {
    return await settleLater(options, record, error);
  } finally {
    if (ahead !== undefined) parts.leases.over(ahead, true);
  }
}

/** The months that events of today and the next weeks go to. */
async function keepUsagePartitions(database: Database, clock: Clock): Promise<void> {
  await database.sql`select moat.ensure_usage_partitions(${new Date(clock.now())})`;
}

/** When a key was last used, to a quarter of a minute: nobody waits for it at a request. */
async function keepLastUse(database: Database, used: Map<string, number>): Promise<void> {
  if (used.size === 0) return;
  const uses = JSON.stringify([...used].map(([id, atMs]) => ({ id, at: new Date(atMs) })));
  used.clear();
  await database.sql`
    update moat.api_keys k set last_used_at = greatest(k.last_used_at, u.at)
      from jsonb_to_recordset(${uses}::text::jsonb) as u(id text, at timestamptz) where k.id = u.id`;
}

async function settleWithRetries(
  record: SettlementRecord,
  submit: (record: SettlementRecord) => Promise<Settlement>,
): Promise<Settlement> {
  let last: unknown;
  for (const delayMs of RETRY_DELAYS_MS) {
    if (delayMs > 0) await sleep(delayMs);
    try {
      return await submit(record);
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

/** @throws MoatError `settlement-delayed`, or `settlement-unknown` where the disk takes it neither */
async function settleLater(
  { unsettledDirectory, onProblem }: MeterOptions,
  record: SettlementRecord,
  cause: unknown,
): Promise<never> {
  const requestId = String(record['request_id']);
  await keepUnsettled(unsettledDirectory, record).catch((keeping: unknown) => {
    onProblem?.(keeping);
    // The last attempt may have been committed all the same: only its answer is missing then.
    const what = 'the answer is complete; it could be neither booked nor kept, so it may be charged or not';
    throw new MoatError('settlement-unknown', `${requestId}: ${what}`, { cause });
  });
  throw new MoatError('settlement-delayed', `${requestId}: the answer is complete, its accounting is delayed`, {
    cause,
  });
}

async function keepUnsettled(directory: string, record: SettlementRecord): Promise<void> {
  await writeFileAtomic(path.join(directory, `${record['request_id']}.json`), JSON.stringify(record));
}

/** A file that cannot be settled stays where it is, for a person to look at, and does not stop the others. */
async function replayUnsettled(
  directory: string,
  settle: (record: SettlementRecord) => Promise<Settlement>,
): Promise<void> {
  await mkdir(directory, { recursive: true });
  const problems: unknown[] = [];
  for (const name of (await readdir(directory)).filter((name) => /^req_[0-9a-f]+\.json$/.test(name))) {
    const file = path.join(directory, name);
    try {
      await settle(settlementRecordSchema.parse(JSON.parse(await readFile(file, 'utf8'))));
      await rm(file);
    } catch (error) {
      // another gateway in this folder settled it
      if (systemCode(error) !== 'ENOENT') problems.push(error);
    }
  }
  if (problems.length > 0) {
    throw new MoatError('unsettled-usage', `${directory}: ${problems.length} answers could not be settled yet`, {
      cause: problems[0],
    });
  }
}
