import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import { failureText } from '../api/failure-text.js';
import type { Polled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';

interface PanelProps {
  title: string;
  /** Where the panel stands in the grid: `area-…` in layout.css. */
  area: string;
  /** Shown at the right of the title. */
  aside?: ComponentChildren;
  children: ComponentChildren;
}

export function Panel({ title, area, aside, children }: PanelProps) {
  const id = useId();
  return (
    <section class={`panel area-${area}`} aria-labelledby={id}>
      <div class="panel-head">
        <h2 class="panel-title" id={id}>
          {title}
        </h2>
        {aside !== undefined && <div class="panel-aside">{aside}</div>}
      </div>
      {children}
    </section>
  );
}

interface LoadedProps<T> {
  source: Polled<T>;
  /** Grey bars shown while the first answer is on its way. */
  skeletonLines: number;
  children: (data: T) => ComponentChildren;
}

/** Loading, failed, out of date or there: the four states every panel that reads from the server has. */
export function Loaded<T>({ source, skeletonLines, children }: LoadedProps<T>) {
  const { text, format } = useLocale();
  const { data, failure, readAtMs, reload } = source;
  if (data === undefined) {
    if (failure === undefined) return <Skeleton lines={skeletonLines} />;
    return (
      <div class="state" role="alert">
        <p class="state-title">{text.state.failed}</p>
        <p class="state-hint">{failureText(failure, text)}</p>
        <button class="button" type="button" onClick={reload}>
          {text.state.retry}
        </button>
      </div>
    );
  }
  return (
    <>
      {failure !== undefined && (
        <p class="notice" role="status">
          {text.state.stale(format.clock(readAtMs))}{' '}
          <button class="link" type="button" onClick={reload}>
            {text.state.retry}
          </button>
        </p>
      )}
      {children(data)}
    </>
  );
}

function Skeleton({ lines }: { lines: number }) {
  const { text } = useLocale();
  return (
    <div class="skeleton" role="status">
      <span class="visually-hidden">{text.state.loading}</span>
      {Array.from({ length: lines }, (_, index) => (
        <span class="skeleton-line" key={index} aria-hidden="true" />
      ))}
    </div>
  );
}

/** Nothing there yet, and what to do about it. */
export function Empty({ title, hint, command }: { title: string; hint: string; command?: string }) {
  return (
    <div class="state">
      <p class="state-title">{title}</p>
      <p class="state-hint">{hint}</p>
      {command !== undefined && <code class="command">{command}</code>}
    </div>
  );
}
