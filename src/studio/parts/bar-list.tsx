import type { ComponentChildren } from 'preact';

export interface Bar {
  readonly key: string;
  readonly label: ComponentChildren;
  readonly value: number;
  /** The figure, behind the bar. */
  readonly note: string;
  /** Opens below the bar. */
  readonly detail?: ComponentChildren;
}

/** Bars one under the other, scaled to the largest; every figure also stands there in words. */
export function BarList({ bars }: { bars: readonly Bar[] }) {
  const largest = Math.max(...bars.map(({ value }) => value), 1e-9);
  return (
    <ul class="bars">
      {bars.map(({ key, label, value, note, detail }) => {
        const row = (
          <>
            <span class="bar-label">{label}</span>
            <span class="bar-track" aria-hidden="true">
              <span class="bar-fill" style={{ width: `${(100 * value) / largest}%` }} />
            </span>
            <span class="bar-note">{note}</span>
          </>
        );
        return (
          <li key={key}>
            {detail === undefined ? (
              <div class="bar">{row}</div>
            ) : (
              <details class="bar-more">
                <summary class="bar">{row}</summary>
                <div class="bar-detail">{detail}</div>
              </details>
            )}
          </li>
        );
      })}
    </ul>
  );
}
