/** Whether a target is what the file says, as far as is known now: asked at the start, after it was away, and now and then. */
import type { Clock } from '../../../base/clock.js';
import { type IdentityState, type IdentityVerdict, checkIdentity } from './engine-identity.js';
import type { UpstreamConnection } from './upstream-connection.js';
import type { UpstreamModel, UpstreamTarget } from './upstream-file.js';

export interface IdentityWatch {
  /** Undefined where nobody asks: the file names no engine. */
  readonly state: IdentityState | undefined;
  /** Whether customers' requests may go there. */
  readonly isUsable: boolean;
  /** Why not: a line for the owner. */
  readonly problem: string | null;
  /** Whether it should be asked again now. */
  readonly isDue: boolean;
  /**
   * Never throws.
   * @param wasGone whether it failed before: then it counts as away until it answers. One that works and is slow to answer this is
   * left in use
   */
  check(wasGone: boolean): Promise<void>;
}

/** What runs is seldom exchanged, and never without a restart. */
const AGE_MS = 60_000;

/** @param onChange told when a target may no longer be used, or never could, with the reason */
export function watchIdentity(
  model: Pick<UpstreamModel, 'tokenizer' | 'contextLength'>,
  target: UpstreamTarget,
  connection: UpstreamConnection,
  { clock, onChange }: { clock: Pick<Clock, 'monotonic'>; onChange: (problem: string) => void },
): IdentityWatch {
  if (target.engine === undefined)
    return { state: undefined, isUsable: true, problem: null, isDue: false, check: async () => undefined };
  let verdict: IdentityVerdict | undefined;
  let checkedAt = -Infinity;
  /** One at a time: an older answer must not come after a newer one. */
  let running: Promise<void> | undefined;
  const look = async (wasGone: boolean): Promise<void> => {
    const now = await checkIdentity(model, target, connection);
    const before = verdict;
    checkedAt = clock.monotonic();
    if (now.state === 'away' && before?.state === 'right' && !wasGone) return;
    verdict = now;
    if (now.problem !== '' && now.problem !== before?.problem) onChange(now.problem);
  };
  return {
    get state() {
      return verdict?.state ?? 'away';
    },
    get isUsable() {
      return verdict?.state === 'right';
    },
    get problem() {
      return verdict?.state === 'right' ? null : (verdict?.problem ?? 'it was not asked yet');
    },
    get isDue() {
      return verdict?.state !== 'right' || clock.monotonic() - checkedAt >= AGE_MS;
    },
    check: (wasGone) => (running ??= look(wasGone).finally(() => (running = undefined))),
  };
}
