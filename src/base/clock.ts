/** Time as an argument, so that billing periods, limits and schedules are deterministic in tests. */
export interface Clock {
  /** Milliseconds since the Unix epoch (UTC); may jump when the machine's clock is set. */
  now(): number;
  /** Milliseconds from an arbitrary start; never goes backwards. For durations. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};

/** A clock that moves only when told to. */
export function manualClock(startMs = 0): Clock & { advance(ms: number): void; setWall(ms: number): void } {
  let wall = startMs;
  let elapsed = 0;
  return {
    now: () => wall,
    monotonic: () => elapsed,
    advance(ms) {
      wall += ms;
      elapsed += ms;
    },
    setWall(ms) {
      wall = ms;
    },
  };
}
