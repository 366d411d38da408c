/** Figures with their intervals on one scale, one under the other. */
import type { ComponentChildren } from 'preact';

export interface IntervalRow {
  readonly key: string;
  readonly label: ComponentChildren;
  readonly value: number;
  /** Absent where there is none. */
  readonly low?: number | null;
  readonly high?: number | null;
  /** The figure with its interval in words. */
  readonly note: string;
  /** The one that is asked about. */
  readonly own?: boolean;
}

export function IntervalList({ rows }: { rows: readonly IntervalRow[] }) {
  const ends = rows.flatMap(({ value, low, high }) => [value, low ?? value, high ?? value]);
  const least = Math.min(...ends);
  const span = Math.max(...ends) - least || 1;
  const at = (value: number): string => `${2 + (96 * (value - least)) / span}%`;
  const wide = (low: number, high: number): string => `${(96 * (high - low)) / span}%`;
  return (
    <ul class="bars">
      {rows.map(({ key, label, value, low, high, note, own = false }) => (
        <li class={own ? 'bar interval-own' : 'bar'} key={key}>
          <span class="bar-label">{label}</span>
          <span class="bar-note">{note}</span>
          <span class="interval" aria-hidden="true">
            {typeof low === 'number' && typeof high === 'number' && (
              <span class="interval-range" style={{ left: at(low), width: wide(low, high) }} />
            )}
            <span class="interval-value" style={{ left: at(value) }} />
          </span>
        </li>
      ))}
    </ul>
  );
}
