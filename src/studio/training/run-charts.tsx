import type { ComponentProps } from 'preact';
import { useLocale } from '../i18n/locale.js';
import { Chart, type ChartLine } from '../parts/chart.js';
import type { RunView } from './use-run-history.js';

interface RunChartsProps {
  view: RunView;
  dark: boolean;
  /** Among other panels: the loss, and no more. */
  compact: boolean;
}

type Shared = Pick<ComponentProps<typeof Chart>, 'formatX' | 'formatHovered' | 'look'>;

/** The ends of the band: what the steps of one point reached. */
const EDGES: readonly ChartLine[] = [
  { label: 'high', color: '--chart-train', edge: true },
  { label: 'low', color: '--chart-train', edge: true },
];
const BAND = { high: 2, low: 3 };

export function RunCharts({ view, dark, compact }: RunChartsProps) {
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
          ...EDGES,
          { label: text.runs.heldOutLoss, color: '--chart-held-out', sparse: true },
        ]}
        columns={view.loss}
        band={BAND}
        description={text.runs.lossChart(loss(lastStep?.loss), loss(lastEval?.loss))}
        height={compact ? 200 : 290}
        fromZero={false}
        formatY={(value) => format.decimal(value, 2)}
      />
      {!compact && <PaceCharts view={view} shared={shared} />}
    </div>
  );
}

/** How fast it learns: tokens, memory, steps of the optimizer, and what they follow. */
function PaceCharts({ view, shared }: { view: RunView; shared: Shared }) {
  const { text, format } = useLocale();
  const { lastStep } = view.history;
  const hasMemory = view.memory[1]?.some((value) => value !== null) === true;
  const small = { ...shared, height: 150, fromZero: true };
  return (
    <>
      <div class="chart-pair">
        <Chart
          {...small}
          title={text.runs.speed}
          unit={text.runs.tokensPerSecond}
          lines={[{ label: text.training.now, color: '--chart-train', filled: true }]}
          columns={view.speed}
          description={text.runs.speedChart(format.integer(lastStep?.tokensPerSecond ?? 0))}
          formatY={(value) => format.integer(value)}
        />
        {hasMemory && (
          <Chart
            {...small}
            title={text.training.memory}
            unit={text.training.memoryUnit}
            lines={[{ label: text.training.now, color: '--chart-train', filled: true }]}
            columns={view.memory}
            description={text.training.memoryChart(format.bytes(lastStep?.residentBytes ?? 0))}
            formatY={(value) => format.bytes(value)}
          />
        )}
      </div>
      <div class="chart-pair">
        <Chart
          {...small}
          title={text.training.rate}
          unit={text.training.rateUnit}
          lines={[{ label: text.training.now, color: '--chart-train' }]}
          columns={view.rate}
          description={text.training.rateChart(format.shareOf(lastStep?.learningRateScale ?? 0, 1))}
          formatY={(value) => format.shareOf(value, 1)}
        />
        <Chart
          {...small}
          title={text.training.gradientNorm}
          unit={text.training.gradientNormUnit}
          lines={[{ label: text.training.now, color: '--chart-train' }, ...EDGES]}
          columns={view.gradientNorm}
          band={BAND}
          description={text.training.gradientNormChart(format.decimal(lastStep?.gradientNorm ?? 0, 2))}
          formatY={(value) => format.decimal(value, 2)}
        />
      </div>
    </>
  );
}
