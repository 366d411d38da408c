/** Watches a job until it ends, through lost connections; the job goes on without its watcher. */
import type { Clock } from '../../base/clock.js';
import { MoatError } from '../../base/errors.js';
import type { RunEvent } from '../../base/run-events.js';
import type { EventFeed } from './event-feed.js';
import type { JobStatus, RayJobs } from './ray-jobs.js';

export interface FollowOptions {
  readonly jobs: RayJobs;
  readonly id: string;
  readonly feed: EventFeed;
  readonly clock: Clock;
  readonly wait: (ms: number) => Promise<void>;
  readonly onEvent: (event: RunEvent) => void;
  /** Every answer about the job. */
  readonly onStatus?: (status: JobStatus) => void;
  /** The connection was lost, by this error, or is there again. */
  readonly onConnection?: (state: 'lost' | 'back', error?: MoatError) => void;
  /** When it aborts, the job is asked to end, until `stop` says that this is done. */
  readonly signal: AbortSignal;
  readonly stop: () => Promise<boolean>;
  /** Asked after every look: whether to watch no longer. */
  readonly isLeft: () => boolean;
  /** How long the cluster may be out of reach. */
  readonly patienceMs: number;
}

/** `lost`: the cluster no longer knows the job, as after a new start of its head. */
export type JobEnd = (JobStatus & { readonly state: 'SUCCEEDED' | 'FAILED' | 'STOPPED' }) | { readonly state: 'lost' };

const LEAST_PAUSE_MS = 500;
const MOST_PAUSE_MS = 15_000;
/** Of the time, at most this share goes into asking: logs come whole each time, and grow. */
const ASKING_SHARE = 0.1;

/**
 * @returns undefined when the job was left before its end
 * @throws MoatError `ray-unreachable` after `patienceMs`, `ray-unauthorized`
 */
export async function followJob(options: FollowOptions): Promise<JobEnd | undefined> {
  const { jobs, id, feed, clock, wait, signal } = options;
  let isStopAsked = false;
  let lostAtMs: number | undefined;
  for (;;) {
    const askedMs = clock.monotonic();
    try {
      if (signal.aborted && !isStopAsked) isStopAsked = await options.stop();
      const status = await jobs.status(id);
      // after the status: what a job wrote before it ended is then read, too
      for (const event of await feed.next()) options.onEvent(event);
      if (lostAtMs !== undefined) options.onConnection?.('back');
      lostAtMs = undefined;
      if (status === undefined) return { state: 'lost' };
      options.onStatus?.(status);
      const { state, message } = status;
      if (state !== 'PENDING' && state !== 'RUNNING') return { state, message };
      if (options.isLeft()) return undefined;
    } catch (error) {
      if (!isPassing(error)) throw error;
      if (lostAtMs === undefined) options.onConnection?.('lost', error);
      lostAtMs ??= askedMs;
      if (clock.monotonic() - lostAtMs > options.patienceMs) throw error;
    }
    const now = clock.monotonic();
    // the longer it is out of reach, the less often it is asked
    const fairMs = lostAtMs === undefined ? (now - askedMs) / ASKING_SHARE : (now - lostAtMs) / 4;
    await pause(wait, signal, Math.min(MOST_PAUSE_MS, Math.max(LEAST_PAUSE_MS, fairMs)));
  }
}

/** What may be over when asked again: a connection that is gone, a dashboard that starts or is overloaded, a store that is. */
function isPassing(error: unknown): error is MoatError {
  return (
    error instanceof MoatError &&
    ['ray-unreachable', 'ray-refused', 'not-ray', 'store-unreachable'].includes(error.code)
  );
}

/** Ends at once when somebody wants to stop. */
async function pause(wait: FollowOptions['wait'], signal: AbortSignal, ms: number): Promise<void> {
  if (signal.aborted) return wait(ms);
  let wake = (): void => {};
  const woken = new Promise<void>((resolve) => (wake = resolve));
  signal.addEventListener('abort', wake, { once: true });
  await Promise.race([wait(ms), woken]);
  signal.removeEventListener('abort', wake);
}
