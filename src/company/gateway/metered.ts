/**
 * The one door that every request passes, whatever it asks for: limits, then one round trip for key, price, credit and budgets,
 * then the work, then one settlement or a reservation given back. Knows nothing of answers.
 */
import type { Clock } from '../../base/clock.js';
import { formatMicros } from '../../base/money.js';
import type { Admission, Payer, Refusal, Scope, Slot } from '../billing/admission.js';
import type { Meter } from '../billing/meter.js';
import { type Settlement, type Usage, withinAdmission } from '../billing/settlement.js';
import { ApiProblem, invalidKey, toApiProblem } from './api-problem.js';
import { askBooks } from './ask-books.js';
import type { KeyLimits } from './key-limits.js';
import { type AppliedLimit, type RateLimiter, tooManyOpen } from './rate-limits.js';
import { type RequestTrace, type TracedWish, traceRequest } from './tracing.js';

export interface MeteredContext {
  readonly meter: Meter;
  readonly observer: RequestObserver;
  readonly limiter: RateLimiter;
  readonly keyLimits: KeyLimits;
  readonly clock: Clock;
}

/** Told of every request that was admitted, once, when its books are on disk; and of every refusal. */
export interface RequestObserver {
  answered(request: AnsweredRequest): void;
  /** @param route its pattern (`/v1/chat/completions`), never the address that was asked for: strangers write anything into one */
  refused(problem: ApiProblem, route: string): void;
}

export interface AnsweredRequest {
  readonly requestId: string;
  /** Of OpenTelemetry; undefined where nobody traces it. */
  readonly traceId: string | undefined;
  readonly scope: Scope;
  readonly model: string;
  readonly kind: 'paying' | 'internal';
  readonly customerId: string;
  readonly keyId: string | null;
  readonly usage: Usage;
  readonly settlement: Settlement;
  /** From its arrival at the door until it was admitted. */
  readonly admissionSeconds: number;
  /** From admission to the settled books. */
  readonly seconds: number;
  /** From admission; undefined where no text came. */
  readonly firstTextSeconds: number | undefined;
}

export interface Ask {
  readonly requestId: string;
  readonly payer: Payer;
  readonly scope: Scope;
  readonly model: string;
  /** The most it can use. */
  readonly inputTokens: number;
  readonly maxOutputTokens: number;
  /** For its span. */
  readonly traced?: TracedWish | undefined;
}

/** A request that was let in; ends in `settle` or in `release`, once. */
export interface Admitted {
  readonly admission: Admission;
  /** For the answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** The first text was sent. */
  firstText(): void;
  /** @param finishReasons one an answer @throws MoatError `settlement-delayed` */
  settle(usage: Usage, finishReasons?: readonly string[]): Promise<Settlement>;
  /** It was not served: nothing recorded, nothing charged. */
  release(): Promise<void>;
}

/** @throws ApiProblem 401, 402, 403, 404, 429 */
export async function admitRequest(context: MeteredContext, ask: Ask): Promise<Admitted> {
  const trace = traceRequest(ask.scope, ask.model, ask.traced);
  const endAdmit = trace.begin('admit');
  try {
    const admitted = await letIn(context, ask, trace.traceId);
    endAdmit();
    return withSpans(admitted, trace, context.clock);
  } catch (error) {
    endAdmit(error);
    trace.failed(toApiProblem(error).code);
    trace.end();
    throw error;
  }
}

/** The same request; what becomes of it is told to `trace` too. */
function withSpans(admitted: Admitted, trace: RequestTrace, clock: Clock): Admitted {
  const admittedAt = clock.monotonic();
  const endGenerate = trace.begin('generate');
  let firstTextSeconds: number | undefined;
  return {
    ...admitted,
    firstText() {
      firstTextSeconds ??= (clock.monotonic() - admittedAt) / 1000;
      admitted.firstText();
    },
    async settle(usage, finishReasons = []) {
      endGenerate();
      trace.answered({ requestId: admitted.admission.requestId, finishReasons, usage, firstTextSeconds });
      if (usage.status === 'failed') trace.failed('internal_error');
      const endSettle = trace.begin('settle');
      try {
        const settlement = await admitted.settle(usage);
        endSettle();
        return settlement;
      } catch (error) {
        endSettle(error);
        trace.failed(toApiProblem(error).code);
        throw error;
      } finally {
        trace.end();
      }
    },
    async release() {
      endGenerate();
      trace.failed('not_served');
      trace.end();
      await admitted.release();
    },
  };
}

async function letIn(context: MeteredContext, ask: Ask, traceId: string | undefined): Promise<Admitted> {
  const { meter, clock, observer } = context;
  const arrivedAt = clock.monotonic();
  const most = ask.inputTokens + ask.maxOutputTokens;
  const limits = await limitsOf(context, ask);
  const taken = await context.limiter.take(limits, most);
  const drop = (): void => {
    taken.giveBack(most);
    taken.end();
  };
  const admission = await admit(meter, ask, limits).catch((error: unknown) => {
    drop();
    throw error;
  });
  const admittedAt = clock.monotonic();
  let firstTextAt: number | undefined;
  const secondsFrom = (from: number, to: number): number => (to - from) / 1000;
  return {
    admission,
    headers: taken.headers,
    firstText: () => (firstTextAt ??= clock.monotonic()),
    async settle(reported) {
      const usage = withinAdmission(reported, admission);
      taken.giveBack(most - usage.inputTokens - usage.outputTokens);
      taken.end();
      const settlement = await meter.settle({ admission, usage, atMs: clock.now() });
      const { requestId, customerId, keyId, model, kind } = admission;
      observer.answered({
        requestId,
        traceId,
        scope: ask.scope,
        model,
        kind,
        customerId,
        keyId,
        usage,
        settlement,
        admissionSeconds: secondsFrom(arrivedAt, admittedAt),
        seconds: secondsFrom(admittedAt, clock.monotonic()),
        firstTextSeconds: firstTextAt === undefined ? undefined : secondsFrom(admittedAt, firstTextAt),
      });
      return settlement;
    },
    async release() {
      drop();
      await meter.release(admission);
    },
  };
}

/** None for the studio's own requests. @throws ApiProblem 401 */
async function limitsOf({ keyLimits }: MeteredContext, { payer, model }: Ask): Promise<readonly AppliedLimit[]> {
  const limits = payer === 'internal' ? [] : await askBooks(keyLimits.of(payer.keyHash, model));
  if (limits === undefined) throw invalidKey();
  return limits;
}

async function admit(meter: Meter, ask: Ask, limits: readonly AppliedLimit[]): Promise<Admission> {
  const { requestId, payer, scope, model, inputTokens, maxOutputTokens } = ask;
  const slots = limits.flatMap(({ id, concurrentRequests }): Slot[] =>
    concurrentRequests == null ? [] : [{ id, most: concurrentRequests }],
  );
  const asked = meter.admit({ requestId, payer, scope, model, inputTokens, maxTokens: maxOutputTokens, slots });
  const result = await askBooks(asked, async (late) => {
    if (late.outcome === 'admitted') await meter.release(late);
  });
  if (result.outcome === 'admitted') return result;
  if (result.outcome === 'too-many-open')
    throw tooManyOpen(limits.find(({ id }) => id === result.slotId)?.who ?? 'This key', result.most);
  throw refusalOf(result, ask);
}

function refusalOf(refusal: Exclude<Refusal, { outcome: 'too-many-open' }>, { scope, model }: Ask): ApiProblem {
  switch (refusal.outcome) {
    case 'unknown-key':
    case 'expired-key':
      return invalidKey();
    case 'suspended':
      return new ApiProblem(403, 'account_suspended', 'This account is suspended. Ask whom you bought from.');
    case 'forbidden':
      return new ApiProblem(403, 'key_not_allowed', `This key does not allow ${scope} with the model ${model}.`);
    case 'unpriced':
      return new ApiProblem(
        404,
        'model_not_found',
        `The model ${model} has no price in ${refusal.currency} and is not for sale.`,
        { param: 'model' },
      );
    case 'insufficient-credit': {
      const { needed, available } = amountsOf(refusal);
      return new ApiProblem(
        402,
        'insufficient_credit',
        `This request may cost up to ${needed}; ${available} of credit is available.`,
        { type: 'insufficient_quota' },
      );
    }
    case 'over-budget':
      return overBudget(refusal);
  }
}

const amountsOf = (refusal: Extract<Refusal, { neededMicros: bigint }>) => ({
  needed: `${formatMicros(refusal.neededMicros)} ${refusal.currency}`,
  available: `${formatMicros(refusal.availableMicros > 0n ? refusal.availableMicros : 0n)} ${refusal.currency}`,
});

function overBudget(refusal: Extract<Refusal, { outcome: 'over-budget' }>): ApiProblem {
  const { needed, available } = amountsOf(refusal);
  const span = refusal.span === 'total' ? '' : ` a ${refusal.span}`;
  const limit = `${formatMicros(refusal.limitMicros)} ${refusal.currency}${span}`;
  const again = refusal.resetsAt === null ? '' : ` It begins anew at ${refusal.resetsAt.toISOString()}.`;
  return new ApiProblem(
    429,
    'budget_exceeded',
    `This request may cost up to ${needed}; of the ${limit} that this ${refusal.on} may spend, ${available} is left.${again}`,
    { type: 'insufficient_quota' },
  );
}
