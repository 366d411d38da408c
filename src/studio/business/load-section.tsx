/** What the machine can do, what it does, and at which load it pays. */
import type { BusinessReport } from '../../company/gateway/api-types.js';
import { useLocale } from '../i18n/locale.js';
import { Chart, type ChartLine } from '../parts/chart.js';
import { NotMeasured } from '../parts/figure.js';
import { Empty, Panel } from '../parts/panel.js';
import { FactPair, factOf, Needs } from './fact-text.js';
import type { SectionProps } from './section.js';

type Curve = NonNullable<BusinessReport['load']['curve']>;

export function LoadSection({ report, dark }: SectionProps) {
  const { text, format } = useLocale();
  const { curve } = report.load;
  return (
    <div class="dashboard">
      <Panel title={text.business.loadTitle} area="load">
        {curve === null ? (
          <Empty title={text.business.noCurve} hint={text.business.noCurveHint} command="moat bench serve" />
        ) : (
          <>
            <LoadChart report={report} curve={curve} dark={dark} />
            <p class="footnote">{text.business.loadHint(curve.model, format.day(curve.measuredAt))}</p>
            <Points curve={curve} />
          </>
        )}
      </Panel>
      <div class="side">
        <Panel title={text.business.breakEvenTitle} area="break-even">
          <BreakEven report={report} />
        </Panel>
        <Panel title={text.business.million} area="million">
          <dl class="pairs">
            <FactPair report={report} id="price.outputMillion" />
            <FactPair report={report} id="cost.outputMillion" />
            <FactPair report={report} id="cost.outputMillionFull" />
          </dl>
        </Panel>
      </div>
    </div>
  );
}

/** The measured points with their band, and two levels: what the month used, and what would pay. */
function LoadChart({ report, curve, dark }: { report: BusinessReport; curve: Curve; dark: boolean }) {
  const { text, format, language } = useLocale();
  const { actual, breakEven } = report.load;
  const { points } = curve;
  const level = (value: number): number[] => points.map(() => value);
  const hasBand = points.every(({ decode }) => decode.high !== null);
  const lines: ChartLine[] = [{ label: text.business.measured, color: '--chart-train' }];
  const columns: [number[], ...(number | null)[][]] = [
    points.map((_, index) => index),
    points.map(({ decode }) => decode.value),
  ];
  if (actual !== null) {
    lines.push({ label: text.business.actual, color: '--chart-actual', dashed: true });
    columns.push(level(actual));
  }
  if (breakEven !== null) {
    lines.push({ label: text.business.breakEven, color: '--chart-held-out', dashed: true });
    columns.push(level(breakEven.outputTokensPerSecond));
  }
  if (hasBand) {
    const edge = { label: '', color: '--chart-train', edge: true };
    lines.push({ ...edge, label: 'high' }, { ...edge, label: 'low' });
    columns.push(
      points.map(({ decode }) => decode.high),
      points.map(({ decode }) => decode.low),
    );
  }
  const atOnce = (index: number): string =>
    Number.isInteger(index) && points[index] !== undefined ? format.integer(points[index].concurrency) : '';
  const most = Math.max(...points.map(({ decode }) => decode.value));
  return (
    <Chart
      title={text.business.tokensASecond}
      unit={text.business.loadUnit}
      lines={lines}
      columns={columns}
      band={hasBand ? { high: lines.length - 1, low: lines.length } : undefined}
      description={text.business.loadChart(text.business.tokensPerSecond(format.quantity(most)))}
      height={260}
      fromZero
      formatX={atOnce}
      formatHovered={(index) => text.business.atOnce(atOnce(index))}
      formatY={format.quantity}
      look={`${language} ${dark ? 'dark' : 'light'} ${lines.length}`}
    />
  );
}

function Points({ curve }: { curve: Curve }) {
  const { text, format } = useLocale();
  return (
    <table class="table table-small cards points">
      <caption class="visually-hidden">{text.business.points}</caption>
      <thead>
        <tr>
          <th scope="col">{text.business.requestsAtOnce}</th>
          <th scope="col" class="number">
            {text.business.tokensASecond}
          </th>
          <th scope="col" class="number">
            {text.business.firstToken}
          </th>
          <th scope="col" class="number">
            {text.business.perToken}
          </th>
          <th scope="col" class="number">
            {text.business.failed}
          </th>
        </tr>
      </thead>
      <tbody>
        {curve.points.map(({ concurrency, decode, firstTokenMs, perTokenMs, failed }) => (
          <tr key={concurrency}>
            <td class="card-title">{format.integer(concurrency)}</td>
            <td class="number" data-label={text.business.tokensASecond}>
              <span>
                {format.quantity(decode.value)}{' '}
                <span class="soft cell-band">
                  {decode.high === null
                    ? `(${text.business.noEnd})`
                    : `(${text.business.band(format.quantity(decode.low), format.quantity(decode.high))})`}
                </span>
              </span>
            </td>
            <td class="number" data-label={text.business.firstToken}>
              {format.milliseconds(firstTokenMs)}
            </td>
            <td class="number" data-label={text.business.perToken}>
              {format.milliseconds(perTokenMs)}
            </td>
            <td class={`number ${failed > 0 ? 'tone-bad' : ''}`} data-label={text.business.failed}>
              {format.integer(failed)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function BreakEven({ report }: { report: BusinessReport }) {
  const { text, format } = useLocale();
  const { breakEven, breakEvenTokens: goal } = report.load;
  const band =
    breakEven === null || breakEven.utilisation.high === null
      ? null
      : text.business.interval(format.share(breakEven.utilisation.low), format.share(breakEven.utilisation.high));
  return (
    <>
      {breakEven === null ? (
        <>
          <p class="headline tone-soft">
            <NotMeasured />
          </p>
          <p class="lead">
            <Needs fact={factOf(report, 'load.breakEven')} />
          </p>
        </>
      ) : (
        <>
          <p class={`headline ${breakEven.utilisation.value > 1 ? 'tone-bad' : ''}`}>
            {format.share(breakEven.utilisation.value)}
          </p>
          <p class="lead">
            {breakEven.utilisation.value > 1 ? text.business.breakEvenImpossible : text.business.breakEvenLead}
          </p>
          <p class="footnote">
            {band !== null && <span class="line">{band}</span>}
            {text.business.breakEvenRate(format.quantity(breakEven.outputTokensPerSecond))}
          </p>
        </>
      )}
      <dl class="pairs break-even-pairs">
        <FactPair report={report} id="load.utilisation" />
        <FactPair report={report} id="load.capacity" />
        <FactPair report={report} id="load.outputTokens" />
        <FactPair report={report} id="cost.trainingTotal" />
        <FactPair
          report={report}
          id="outlook.breakEvenTokens"
          note={
            goal?.fewest == null || goal.most === null
              ? undefined
              : text.business.interval(format.compact(Number(goal.fewest)), format.compact(Number(goal.most)))
          }
        />
      </dl>
    </>
  );
}
