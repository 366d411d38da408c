import type { TaskReportDetail } from '../../company/gateway/api-types.js';
import { useLocale } from '../i18n/locale.js';
import { Figure } from '../parts/figure.js';

type Table = TaskReportDetail['tables'][number];

interface Bin {
  readonly count: number;
  readonly confidence: number;
  readonly right: number;
}

/** Of the table "reliability": its first column is a range, then count, mean confidence and share of right ones. */
function binsOf({ rows }: Table): Bin[] {
  return rows.flatMap(([, count, confidence, right]) =>
    typeof count === 'number' && typeof confidence === 'number' && typeof right === 'number'
      ? { count, confidence, right }
      : [],
  );
}

const SIZE = 300;
const LEFT = 44;
const BOTTOM = 34;
const TOP = 10;
const COUNT_HEIGHT = 46;
const TICKS = [0, 0.25, 0.5, 0.75, 1];

/** How sure the model was against how often it was right: on the diagonal it can be believed. Below, how many answers each point is of. */
export function ReliabilityPlot({ table }: { table: Table }) {
  const { text, format } = useLocale();
  const bins = binsOf(table);
  if (bins.length === 0) return null;
  const most = Math.max(...bins.map(({ count }) => count));
  const x = (share: number): number => LEFT + share * SIZE;
  const y = (share: number): number => TOP + (1 - share) * SIZE;
  const base = TOP + SIZE + COUNT_HEIGHT;
  const says = bins.map(({ count, confidence, right }) =>
    text.evaluate.reliabilityPoint(format.integer(count), format.share(confidence), format.share(right)),
  );
  return (
    <div class="reliability">
      <svg
        class="reliability-plot"
        viewBox={`0 0 ${LEFT + SIZE + 14} ${base + BOTTOM}`}
        role="img"
        aria-label={text.evaluate.reliabilityPlot(says.join(text.punctuation.list))}
      >
        {TICKS.map((tick) => (
          <g key={tick}>
            <line class="plot-grid" x1={x(0)} x2={x(1)} y1={y(tick)} y2={y(tick)} />
            <text class="plot-text" x={LEFT - 8} y={y(tick) + 4} text-anchor="end">
              {format.decimal(tick, 2)}
            </text>
            <text class="plot-text" x={x(tick)} y={base + 16} text-anchor="middle">
              {format.decimal(tick, 2)}
            </text>
          </g>
        ))}
        <line class="plot-diagonal" x1={x(0)} y1={y(0)} x2={x(1)} y2={y(1)} />
        {bins.map(({ count, confidence, right }, index) => (
          <g key={index}>
            <title>{says[index]}</title>
            <line class="plot-gap" x1={x(confidence)} x2={x(confidence)} y1={y(confidence)} y2={y(right)} />
            <rect
              class="plot-count"
              x={x(confidence) - 7}
              width={14}
              y={base - (COUNT_HEIGHT - 12) * (count / most)}
              height={(COUNT_HEIGHT - 12) * (count / most)}
            />
          </g>
        ))}
        <polyline
          class="plot-line"
          points={bins.map(({ confidence, right }) => `${x(confidence)},${y(right)}`).join(' ')}
        />
        {bins.map(({ confidence, right }, index) => (
          <circle class="plot-point" key={index} cx={x(confidence)} cy={y(right)} r={4.5} />
        ))}
        <text class="plot-text" x={x(0.5)} y={base + 31} text-anchor="middle">
          {text.evaluate.columns['mean confidence']}
        </text>
      </svg>
      <ReliabilityFigures bins={bins} />
    </div>
  );
}

function ReliabilityFigures({ bins }: { bins: readonly Bin[] }) {
  const { text, format } = useLocale();
  const all = bins.reduce((sum, { count }) => sum + count, 0);
  const meanOf = (figure: (bin: Bin) => number): number =>
    bins.reduce((sum, bin) => sum + (bin.count / all) * figure(bin), 0);
  const error = meanOf(({ confidence, right }) => Math.abs(confidence - right));
  const over = meanOf(({ confidence, right }) => confidence - right);
  const { trustFair, trustOver, trustUnder } = text.evaluate;
  const trust = Math.abs(over) < 0.005 ? trustFair : over > 0 ? trustOver : trustUnder;
  return (
    <dl class="figures figures-small reliability-figures">
      <Figure label="ECE" value={format.decimal(error, 3)} note={text.evaluate.eceNote} />
      <Figure label={text.evaluate.trust} value={trust} note={text.evaluate.trustNote(format.share(Math.abs(over)))} />
      <Figure label={text.evaluate.columns.examples} value={format.integer(all)} />
    </dl>
  );
}
