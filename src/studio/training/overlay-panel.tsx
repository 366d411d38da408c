import { useCallback, useMemo, useState } from 'preact/hooks';
import type { RunCurve, RunSummary } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { usePolled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import { overlaid } from '../overlaid.js';
import { Chart } from '../parts/chart.js';
import { Loaded, Panel } from '../parts/panel.js';
import { Segments } from '../parts/segments.js';

const COLORS = ['--chart-train', '--chart-held-out', '--chart-third', '--chart-fourth', '--chart-fifth'] as const;
const CURVES_MS = 15_000;

type Side = 'training' | 'validation';

interface OverlayProps {
  api: Api;
  runs: readonly RunSummary[];
  dark: boolean;
  /** Names of runs, in the order in which they were chosen. */
  chosen: readonly string[];
  onChoose: (names: readonly string[]) => void;
}

/** Several runs in one chart. */
export function OverlayPanel({ api, runs, dark, chosen, onChoose }: OverlayProps) {
  const { text, format } = useLocale();
  const [side, setSide] = useState<Side>('training');
  const names = chosen.filter((name) => runs.some((run) => run.name === name)).slice(0, COLORS.length);
  const toggle = (name: string): void =>
    onChoose(names.includes(name) ? names.filter((each) => each !== name) : [...names, name]);
  return (
    <Panel title={text.training.overlay} area="wide" aside={text.training.atMost(format.integer(COLORS.length))}>
      <div class="overlay-choice">
        <fieldset class="checks">
          <legend class="visually-hidden">{text.training.choose}</legend>
          {runs.map(({ name }) => (
            <label class="check" key={name}>
              <input
                type="checkbox"
                checked={names.includes(name)}
                disabled={!names.includes(name) && names.length >= COLORS.length}
                onChange={() => toggle(name)}
              />
              <span>{name}</span>
            </label>
          ))}
        </fieldset>
        <Segments<Side>
          name="overlay-side"
          label={text.training.which}
          options={[
            { value: 'training', label: text.runs.trainLoss },
            { value: 'validation', label: text.runs.heldOutLoss },
          ]}
          value={side}
          onChange={setSide}
        />
      </div>
      {names.length === 0 ? (
        <p class="chart-waiting">{text.training.overlayHint}</p>
      ) : (
        <Curves key={names.join('/')} api={api} names={names} side={side} dark={dark} />
      )}
    </Panel>
  );
}

function Curves({ api, names, side, dark }: { api: Api; names: readonly string[]; side: Side; dark: boolean }) {
  const curves = usePolled(
    useCallback(
      (signal: AbortSignal) =>
        Promise.all(names.map((name) => api.get<RunCurve>(`/api/runs/${encodeURIComponent(name)}/curve`, signal))),
      // a name holds no slash
      [api, names.join('/')],
    ),
    CURVES_MS,
  );
  return (
    <Loaded source={curves} skeletonLines={6}>
      {(list) => <Lines key={side} curves={list} side={side} dark={dark} />}
    </Loaded>
  );
}

function lineOf({ history }: RunCurve, side: Side): [step: number, loss: number][] {
  const isTraining = side === 'training';
  const losses = isTraining ? history.columns.losses : history.evalLosses;
  return (isTraining ? history.steps : history.evalSteps).map((step, index) => [step, losses[index] ?? Number.NaN]);
}

function Lines({ curves, side, dark }: { curves: readonly RunCurve[]; side: Side; dark: boolean }) {
  const { text, format, language } = useLocale();
  const lines = useMemo(() => curves.map((curve) => lineOf(curve, side)), [curves, side]);
  const columns = useMemo(() => overlaid(lines), [lines]);
  if (columns[0].length === 0) return <p class="chart-waiting">{text.training.noLoss}</p>;
  const ends = curves.map((curve, index) => {
    const last = lines[index]?.at(-1)?.[1];
    return `${curve.name} ${last === undefined ? text.state.notMeasured : format.decimal(last, 3)}`;
  });
  return (
    <div class="overlay">
      <Chart
        title={text.runs.loss}
        unit={text.runs.lossUnit}
        lines={curves.map(({ name }, index) => ({ label: name, color: COLORS[index] ?? COLORS[0] }))}
        columns={columns}
        description={text.training.overlayChart(ends.join(text.punctuation.list))}
        height={290}
        fromZero={false}
        formatX={(step) => format.integer(step)}
        formatHovered={(step) => text.runs.atStep(format.integer(step))}
        formatY={(value) => format.decimal(value, 2)}
        look={`${language} ${dark ? 'dark' : 'light'}`}
      />
    </div>
  );
}
