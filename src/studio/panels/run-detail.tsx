import type { ComponentProps } from 'preact';
import type { RunSummary } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { type Locale, useLocale } from '../i18n/locale.js';
import { Chart } from '../parts/chart.js';
import { Figure } from '../parts/figure.js';
import { type RunView, useRunHistory } from './use-run-history.js';

interface RunDetailProps {
  api: Api;
  run: RunSummary;
  dark: boolean;
  /** Among other panels: the loss, and no more. */
  compact?: boolean;
}

export function RunDetail({ api, run, dark, compact = false }: RunDetailProps) {
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
      </div>
      <RunProgress run={run} view={view} />
      <RunFigures run={run} view={view} />
      <RunCharts view={view} dark={dark} compact={compact} />
    </div>
  );
}

/** What the events say, and the summary where they have not said it yet. */
function factsOf(run: RunSummary, view: RunView) {
  const { lastStep, lastEval, done } = view.history;
  const step = Math.max(lastStep?.step ?? 0, run.step);
  const elapsedSeconds = done?.elapsedSeconds ?? Math.max(lastStep?.elapsedSeconds ?? 0, run.elapsedSeconds);
  const remainingSeconds = run.state === 'running' ? (lastStep?.remainingSeconds ?? run.remainingSeconds) : null;
  return {
    step,
    elapsedSeconds,
    remainingSeconds,
    loss: lastStep?.loss ?? run.loss,
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

function RunCharts({ view, dark, compact }: { view: RunView; dark: boolean; compact: boolean }) {
  const { text, format, language } = useLocale();
  const { lastStep, lastEval, steps } = view.history;
  if (steps.length === 0) return <p class="chart-waiting">{text.runs.waiting}</p>;
  const loss = (value: number | undefined): string =>
    value === undefined ? text.state.notMeasured : format.decimal(value, 3);
  const shared = {
    formatX: (step: number) => format.integer(step),
    formatHovered: (step: number) => text.runs.atStep(format.integer(step)),
    look: `${language} ${dark ? 'dark' : 'light'}`,
  };
  return (
    <div class="charts">
      <Chart
        {...shared}
        title={text.runs.loss}
        unit={text.runs.lossUnit}
        lines={[
          { label: text.runs.trainLoss, color: '--chart-train' },
          { label: text.runs.heldOutLoss, color: '--chart-held-out', sparse: true },
        ]}
        columns={view.loss}
        description={text.runs.lossChart(loss(lastStep?.loss), loss(lastEval?.loss))}
        height={compact ? 200 : 290}
        fromZero={false}
        formatY={(value) => format.decimal(value, 2)}
      />
      {!compact && <PaceCharts view={view} shared={shared} />}
    </div>
  );
}

/** How fast it learns: tokens, steps of the optimizer, and what they follow. */
function PaceCharts({
  view,
  shared,
}: {
  view: RunView;
  shared: Pick<ComponentProps<typeof Chart>, 'formatX' | 'formatHovered' | 'look'>;
}) {
  const { text, format } = useLocale();
  const { lastStep } = view.history;
  const speed = lastStep?.tokensPerSecond ?? 0;
  const rate = lastStep?.learningRateScale ?? 0;
  const norm = lastStep?.gradientNorm ?? 0;
  return (
    <>
      <Chart
        {...shared}
        title={text.runs.speed}
        unit={text.runs.tokensPerSecond}
        lines={[{ label: text.runs.tokensPerSecond, color: '--chart-train', filled: true }]}
        columns={view.speed}
        description={text.runs.speedChart(format.integer(speed))}
        height={180}
        fromZero
        formatY={(value) => format.integer(value)}
      />
      <div class="chart-pair">
        <Chart
          {...shared}
          title={text.training.rate}
          unit={text.training.rateUnit}
          lines={[{ label: text.training.now, color: '--chart-train' }]}
          columns={view.rate}
          description={text.training.rateChart(format.shareOf(rate, 1))}
          height={150}
          fromZero
          formatY={(value) => format.shareOf(value, 1)}
        />
        <Chart
          {...shared}
          title={text.training.gradientNorm}
          unit={text.training.gradientNormUnit}
          lines={[{ label: text.training.now, color: '--chart-train' }]}
          columns={view.gradientNorm}
          description={text.training.gradientNormChart(format.decimal(norm, 2))}
          height={150}
          fromZero
          formatY={(value) => format.decimal(value, 2)}
        />
      </div>
    </>
  );
}
