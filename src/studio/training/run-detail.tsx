import type { ComponentChildren } from 'preact';
import type { RunSummary } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { type Locale, useLocale } from '../i18n/locale.js';
import { Figure } from '../parts/figure.js';
import { RunCharts } from './run-charts.js';
import { RunPlace } from './run-place.js';
import { SampleList } from './sample-list.js';
import { type RunView, useRunHistory } from './use-run-history.js';

interface RunDetailProps {
  api: Api;
  run: RunSummary;
  dark: boolean;
  /** Among other panels: the loss, and no more. */
  compact?: boolean;
  /** What can be done with it. */
  controls?: ComponentChildren;
}

export function RunDetail({ api, run, dark, compact = false, controls }: RunDetailProps) {
  const { text } = useLocale();
  const view = useRunHistory(api, run.name);
  const running = run.state === 'running';
  return (
    <div class="run-detail">
      <div class="run-head">
        <h3 class="run-title">{run.name}</h3>
        <span class={`badge badge-${run.state}`}>{text.runs.states[run.state]}</span>
        {running && view.connection !== 'connecting' && (
          <span class={`live live-${view.connection}`} role="status">
            {view.connection === 'live' ? text.runs.live : text.runs.reconnecting}
          </span>
        )}
        {controls}
      </div>
      {run.message !== null && (
        <p class="notice notice-bad" role="status">
          {run.message}
        </p>
      )}
      {!compact && <RunPlace run={run} />}
      <RunProgress run={run} view={view} />
      <RunFigures run={run} view={view} />
      <RunCharts view={view} dark={dark} compact={compact} />
      {!compact && <SampleList samples={view.history.samples} />}
    </div>
  );
}

/** What the events say, and the summary where they have not said it yet. */
function factsOf(run: RunSummary, view: RunView) {
  const { lastStep, lastEval, done } = view.history;
  const step = lastStep?.step ?? run.step;
  const elapsedSeconds = done?.elapsedSeconds ?? Math.max(lastStep?.elapsedSeconds ?? 0, run.elapsedSeconds);
  const remainingSeconds = run.state === 'running' ? (lastStep?.remainingSeconds ?? run.remainingSeconds) : null;
  return {
    step,
    elapsedSeconds,
    remainingSeconds,
    bitsPerByte: lastEval?.bitsPerByte ?? run.bitsPerByte,
    tokensPerSecond: lastStep?.tokensPerSecond ?? run.tokensPerSecond,
  };
}

/** By steps where their number is planned, by time otherwise. */
function shareOf(run: RunSummary, view: RunView): number | null {
  const { step, elapsedSeconds, remainingSeconds } = factsOf(run, view);
  if (run.state === 'finished') return 1;
  if (run.totalSteps !== null && run.totalSteps > 0) return Math.min(1, step / run.totalSteps);
  return remainingSeconds === null ? null : elapsedSeconds / Math.max(elapsedSeconds + remainingSeconds, 1e-9);
}

function RunProgress({ run, view }: { run: RunSummary; view: RunView }) {
  const { text } = useLocale();
  const share = shareOf(run, view);
  if (share === null) return null;
  return <progress class="progress" aria-label={text.runs.progress} max={1000} value={Math.round(share * 1000)} />;
}

function RunFigures({ run, view }: { run: RunSummary; view: RunView }) {
  const locale = useLocale();
  const { text, format } = locale;
  const facts = factsOf(run, view);
  const step = format.integer(facts.step);
  return (
    <dl class="figures figures-small">
      <Figure
        label={text.runs.step}
        value={run.totalSteps === null ? step : text.runs.stepOf(step, format.integer(run.totalSteps))}
        note={`${run.architecture} · ${text.models.parameters(format.compact(run.parameterCount))}`}
      />
      <Figure
        label={text.runs.bitsPerByte}
        value={facts.bitsPerByte === null ? null : format.decimal(facts.bitsPerByte, 3)}
        note={text.runs.heldOutHint}
      />
      <Figure
        label={text.runs.speed}
        value={facts.tokensPerSecond === null ? null : format.integer(facts.tokensPerSecond)}
        note={text.runs.tokensPerSecond}
      />
      <Figure
        label={run.state === 'running' ? text.runs.remaining : text.runs.elapsed}
        value={durationOf(facts, locale)}
        note={
          run.state === 'running' ? `${text.runs.elapsed} ${format.duration(facts.elapsedSeconds)}` : text.runs.done
        }
      />
    </dl>
  );
}

function durationOf(facts: ReturnType<typeof factsOf>, { format }: Locale): string {
  return format.duration(facts.remainingSeconds ?? facts.elapsedSeconds);
}
