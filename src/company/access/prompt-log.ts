import type { Clock } from '../../base/clock.js';
import { applyPii } from '../../lab/data/pii.js';
import type { Database } from '../store/database.js';
import { MOAT_SECRET } from './secret-token.js';

/** A request and its answer, as it came and went. */
export interface PromptExchange {
  readonly requestId: string;
  readonly customerId: string;
  readonly model: string;
  readonly prompt: string;
  readonly answer: string;
}

export interface LoggedPrompt extends PromptExchange {
  readonly id: bigint;
  readonly time: Date;
  /** Prompt or answer were longer than what is kept. */
  readonly truncated: boolean;
}

export interface PromptLogOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly retentionDays: number;
  /** Masks personal data before anything is stored (`lab/data/pii.ts`). Moat's own keys are masked always. Default true. */
  readonly redact?: boolean;
}

export interface PromptLog {
  /** Redacts, cuts and stores; once an hour removes what is too old. */
  record(exchange: PromptExchange): Promise<void>;
  /** Newest first, at most 200, none older than the retention. */
  list(page?: {
    before?: bigint | undefined;
    customerId?: string | undefined;
    limit?: number | undefined;
  }): Promise<LoggedPrompt[]>;
  /** Removes what is older than the retention. @returns how many */
  sweep(): Promise<number>;
}

const DAY_MS = 24 * 3_600_000;
const SWEEP_MS = 3_600_000;
/** UTF-16 units kept of a prompt, and of an answer. */
const MAX_UNITS = 32_768;

/** What customers asked and were answered. Nothing is stored unless somebody makes one of these. */
export function createPromptLog({ database, clock, retentionDays, redact = true }: PromptLogOptions): PromptLog {
  const { sql } = database;
  let nextSweepAt = 0;
  const oldest = (): Date => new Date(clock.now() - retentionDays * DAY_MS);
  const sweep = async (): Promise<number> => (await sql`delete from moat.prompt_log where time < ${oldest()}`).count;
  return {
    sweep,
    async record({ requestId, customerId, model, prompt, answer }) {
      if (clock.now() >= nextSweepAt) {
        nextSweepAt = clock.now() + SWEEP_MS;
        await sweep();
      }
      const [asked, answered] = [storedForm(prompt, redact), storedForm(answer, redact)];
      await sql`
        insert into moat.prompt_log (time, request_id, customer_id, model, prompt, answer, truncated)
        values (${new Date(clock.now())}, ${requestId}, ${customerId}, ${model}, ${asked.text}, ${answered.text},
                ${asked.truncated || answered.truncated})`;
    },
    async list({ before, customerId, limit = 50 } = {}) {
      return sql<LoggedPrompt[]>`
        select id, time, request_id as "requestId", customer_id as "customerId", model, prompt, answer, truncated
          from moat.prompt_log where time >= ${oldest()}
           ${before === undefined ? sql`` : sql`and id < ${before}`}
           ${customerId === undefined ? sql`` : sql`and customer_id = ${customerId}`}
         order by id desc limit ${Math.min(limit, 200)}`;
    },
  };
}

/** Redacted whole and cut afterwards: a cut first could leave half an address, which nobody recognises. */
function storedForm(text: string, redact: boolean): { text: string; truncated: boolean } {
  const own = text.replace(MOAT_SECRET, '[secret]');
  const result = redact ? applyPii(own, 'mask') : undefined;
  const masked = result?.kind === 'kept' ? result.text : own;
  // Through UTF-8, so that half a character at the cut becomes a replacement character; PostgreSQL keeps no NUL.
  const kept = Buffer.from(masked.slice(0, MAX_UNITS)).toString().replaceAll('\0', '\uFFFD');
  return { text: kept, truncated: masked.length > MAX_UNITS };
}
