/** A line chart that grows. Knows nothing of runs: columns in, lines out. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';

export interface ChartLine {
  readonly label: string;
  /** A custom property of tokens.css, such as `--chart-train`. */
  readonly color: string;
  /** Few values between many: dots joined by a dashed line. */
  readonly sparse?: boolean;
  /** Shades the area below. */
  readonly filled?: boolean;
  /** A level that holds for every x. */
  readonly dashed?: boolean;
  /** An end of the band, which the legend does not name. */
  readonly edge?: boolean;
}

interface ChartProps {
  lines: readonly ChartLine[];
  /** x values, then one column a line. */
  columns: [number[], ...(number | null)[][]];
  /** Shades what lies between two columns, given by their places; in the colour of the line at `high`. */
  band?: { readonly high: number; readonly low: number } | undefined;
  title: string;
  unit: string;
  description: string;
  /** CSS pixels. */
  height: number;
  fromZero: boolean;
  formatX: (value: number) => string;
  /** Names the x value under the pointer. */
  formatHovered: (value: number) => string;
  formatY: (value: number) => string;
  /** Changes when the colours or the language do: the chart is drawn anew. */
  look: string;
}

export function Chart(props: ChartProps) {
  const { lines, columns, look, height } = props;
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [hovered, setHovered] = useState<number | null>(null);
  useLayoutEffect(() => {
    const element = frame.current;
    if (element === null) return undefined;
    const made = new uPlot(optionsOf(props, element, setHovered), columns, element);
    plot.current = made;
    const resize = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      made.destroy();
    };
    // The columns are handed over below, without drawing the chart anew.
  }, [look]);
  useEffect(() => plot.current?.setData(columns), [columns]);

  const at = hovered !== null && hovered < columns[0].length ? hovered : null;
  return (
    <figure class="chart">
      <figcaption class="chart-head">
        <span class="chart-title">{props.title}</span>
        <span class="chart-unit">{at === null ? props.unit : props.formatHovered(columns[0][at] ?? 0)}</span>
        <span class="chart-legend">
          {lines.map((line, index) => {
            if (line.edge === true) return null;
            const value = valueAt(columns[index + 1] ?? [], at);
            return (
              <span class={`legend legend${line.color}`} key={line.label}>
                {line.label}
                <b class="legend-value">{value === null ? '–' : props.formatY(value)}</b>
              </span>
            );
          })}
        </span>
      </figcaption>
      <div
        class="chart-frame"
        ref={frame}
        style={{ height }}
        role="img"
        aria-label={props.description}
        data-points={columns[0].length}
      />
    </figure>
  );
}

/** The value under the pointer, or the last one known up to there. */
function valueAt(column: readonly (number | null)[], at: number | null): number | null {
  for (let index = at ?? column.length - 1; index >= 0; index--) {
    const value = column[index];
    if (value !== null && value !== undefined) return value;
  }
  return null;
}

function optionsOf(props: ChartProps, element: HTMLElement, onHover: (index: number | null) => void): uPlot.Options {
  const style = getComputedStyle(element);
  const color = (name: string): string => style.getPropertyValue(name).trim();
  const font = `11px ${style.fontFamily}`;
  const axis = {
    stroke: color('--text-soft'),
    font,
    grid: { stroke: color('--chart-grid'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: element.clientWidth,
    height: props.height,
    legend: { show: false },
    // Half of the longest label, 2026年11月, stands beyond the last point.
    padding: [8, 32, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    scales: { x: { time: false }, y: { range: (_, low, high) => rangeOf(low, high, props.fromZero) } },
    axes: [
      {
        ...axis,
        size: 26,
        space: 70,
        incrs: (made) => stepsFor(made.data[0]),
        values: (_, ticks) => ticks.map(props.formatX),
        grid: { show: false },
      },
      { ...axis, size: 52, space: 34, values: (_, ticks) => ticks.map(props.formatY) },
    ],
    series: [{}, ...props.lines.map((line) => seriesOf(line, color))],
    ...bandOf(props, color),
    hooks: { setCursor: [(made) => onHover(made.cursor.idx ?? null)] },
  };
}

/** 1, 2 and 5 times the powers of ten: what is counted whole has no half between. */
const TICK_STEPS = Array.from({ length: 16 }, (_, index) => [1, 2, 5].map((digit) => digit * 10 ** (index - 6))).flat();

const stepsFor = (xs: ArrayLike<number>): number[] =>
  Array.from(xs).every(Number.isInteger) ? TICK_STEPS.filter((step) => step >= 1) : TICK_STEPS;

function bandOf({ band, lines }: ChartProps, color: (name: string) => string): Pick<uPlot.Options, 'bands'> {
  if (band === undefined) return {};
  return { bands: [{ series: [band.high, band.low], fill: color(`${lines[band.high - 1]?.color ?? ''}-fill`) }] };
}

function seriesOf(line: ChartLine, color: (name: string) => string): uPlot.Series {
  const stroke = color(line.color);
  return {
    stroke,
    width: line.edge === true ? 0.5 : 1.75,
    spanGaps: true,
    points: line.sparse === true ? { show: true, size: 6, fill: stroke } : { show: false },
    ...(line.sparse === true || line.dashed === true ? { dash: [5, 4] } : {}),
    ...(line.filled === true ? { fill: color(`${line.color}-fill`) } : {}),
  };
}

/** A little air above and below; an empty or flat chart still has an axis. */
function rangeOf(low: number | null, high: number | null, fromZero: boolean): [number, number] {
  if (low === null || high === null) return [0, 1];
  const base = fromZero ? 0 : low;
  const air = (high - base) * 0.08 || Math.abs(high) * 0.1 || 1;
  return [fromZero ? 0 : low - air, high + air];
}
