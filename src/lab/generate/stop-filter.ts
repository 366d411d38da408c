/** Ends an answer before the first stop string, and holds text back while one may still be beginning. */
export interface StopFilter {
  /** @returns what may be shown now, and whether a stop string was met */
  push(text: string): { readonly text: string; readonly stopped: boolean };
  /** What was held back, when the answer ends otherwise. */
  flush(): string;
}

export function createStopFilter(stops: readonly string[]): StopFilter {
  const wanted = stops.filter((stop) => stop !== '');
  let held = '';
  return {
    push(text) {
      held += text;
      const found = wanted.map((stop) => held.indexOf(stop)).filter((index) => index >= 0);
      if (found.length > 0) {
        const shown = held.slice(0, Math.min(...found));
        held = '';
        return { text: shown, stopped: true };
      }
      const keep = Math.max(0, ...wanted.map((stop) => overlap(held, stop)));
      const shown = held.slice(0, held.length - keep);
      held = held.slice(held.length - keep);
      return { text: shown, stopped: false };
    },
    flush() {
      const rest = held;
      held = '';
      return rest;
    },
  };
}

/** The longest end of `text` with which `stop` begins. */
function overlap(text: string, stop: string): number {
  for (let length = Math.min(stop.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(stop.slice(0, length))) return length;
  }
  return 0;
}
