import type { ComponentChildren } from 'preact';
import { useLocale } from '../i18n/locale.js';

interface FigureProps {
  label: string;
  /** null: not measured, and shown so. */
  value: string | null;
  note?: ComponentChildren;
  tone?: 'plain' | 'good' | 'bad';
}

/** One labelled figure; a `dt`/`dd` pair, so it stands inside a `dl`. */
export function Figure({ label, value, note, tone = 'plain' }: FigureProps) {
  return (
    <div class="figure">
      <dt class="figure-label">{label}</dt>
      <dd class={`figure-value tone-${tone}`}>{value ?? <NotMeasured />}</dd>
      {note !== undefined && <dd class="figure-note">{note}</dd>}
    </div>
  );
}

export function NotMeasured() {
  const { text } = useLocale();
  return <span class="not-measured">{text.state.notMeasured}</span>;
}
