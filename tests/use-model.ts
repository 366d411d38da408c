import type { Clock } from '../src/base/clock.js';
import { newId } from '../src/company/billing/identifiers.js';
import type { Meter } from '../src/company/billing/meter.js';
import type { UsageStatus } from '../src/company/billing/settlement.js';

export interface Use {
  readonly keyHash: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Default `poet`. */
  readonly model?: string;
  /** Default `finished`. */
  readonly status?: UsageStatus;
}

/** A whole answer, admitted and settled. @returns the id of its usage event @throws when it is refused */
export async function useModel(meter: Meter, clock: Clock, use: Use): Promise<string> {
  const { keyHash, inputTokens, outputTokens, model = 'poet', status = 'finished' } = use;
  const admission = await meter.admit({
    requestId: newId('req', clock.now()),
    payer: { keyHash },
    scope: 'chat',
    model,
    inputTokens,
    maxTokens: outputTokens,
  });
  if (admission.outcome !== 'admitted') throw new Error(admission.outcome);
  const counts = { inputTokens, outputTokens, cachedTokens: 0, reasoningTokens: 0 };
  const usage = { ...counts, computeMs: 1, status };
  return (await meter.settle({ admission, usage, atMs: clock.now() })).eventId;
}
