/** We beside the others, where everybody stands, and what keeps them out. */
import type { BusinessAxis, BusinessMarket } from '../../company/gateway/api-types.js';
import { useLocale } from '../i18n/locale.js';
import { Empty, Panel } from '../parts/panel.js';
import { PositionMap } from '../parts/position-map.js';
import { EntryList, Evidence } from './entry-list.js';
import { NoFile, type SectionProps } from './section.js';

const MOAT = ['data', 'evaluation', 'switching', 'licences'] as const;

export function MarketSection({ report }: SectionProps) {
  const { text } = useLocale();
  const { market, currency } = report;
  if (market === null) return <NoFile />;
  return (
    <div class="dashboard">
      <Panel title={text.business.marketTitle} area="wide">
        <Sellers market={market} currency={currency} />
      </Panel>
      <Panel title={text.business.positioning} area="half">
        <Positions market={market} currency={currency} />
      </Panel>
      <Panel title={text.business.moatTitle} area="half">
        {MOAT.map((item) => (
          <div class="moat-item" key={item}>
            <h3 class="subtitle">{text.business.moat[item]}</h3>
            <EntryList report={report} entries={market.moat[item]} />
          </div>
        ))}
      </Panel>
    </div>
  );
}

function Sellers({ market, currency }: { market: BusinessMarket; currency: string }) {
  const { text, format } = useLocale();
  const heads = [text.business.input, text.business.output, text.business.quality, text.business.latency];
  const money = (micros: string | null): string => (micros === null ? '–' : format.money(micros, currency));
  return (
    <table class="table cards market">
      <thead>
        <tr>
          <th scope="col">{text.business.seller}</th>
          {heads.map((head) => (
            <th scope="col" class="number" key={head}>
              {head}
            </th>
          ))}
          <th scope="col">{text.business.limits}</th>
          <th scope="col">{text.business.evidence}</th>
        </tr>
      </thead>
      <tbody>
        {market.rows.map(({ name, isUs, inputMicros, outputMicros, quality, latencyMs, limits, evidence }) => (
          <tr key={name} class={isUs ? 'row-us' : ''}>
            <td class="card-title">
              <span class="entry-text">{name}</span>
              {isUs && <span class="badge badge-running badge-after">{text.business.us}</span>}
            </td>
            <td class="number" data-label={text.business.input}>
              {money(inputMicros)}
            </td>
            <td class="number" data-label={text.business.output}>
              {money(outputMicros)}
            </td>
            <td class="number" data-label={text.business.quality}>
              {quality === null ? '–' : format.quantity(quality)}
            </td>
            <td class="number" data-label={text.business.latency}>
              {latencyMs === null ? '–' : format.milliseconds(latencyMs)}
            </td>
            <td class="wrap" data-label={text.business.limits}>
              <span class="entry-text">{limits ?? '–'}</span>
            </td>
            <td class="wrap" data-label={text.business.evidence}>
              {evidence.length === 0 ? '–' : evidence.map((source) => <Evidence key={source} source={source} />)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Positions({ market: { points, axes }, currency }: { market: BusinessMarket; currency: string }) {
  const { text, format } = useLocale();
  if (points.length === 0) return <Empty title={text.business.noPoints} hint={text.business.noPointsHint} />;
  const valueOf = (axis: BusinessAxis, value: number): string => {
    if (axis === 'price') return format.estimate(value, currency);
    return axis === 'latency' ? format.milliseconds(value) : format.quantity(value);
  };
  const [xName, yName] = [text.business.axes[axes.x], text.business.axes[axes.y]];
  const positions = points.map(({ name, isUs, x, y }) => ({
    name,
    x,
    y,
    facts: `${valueOf(axes.x, x)} · ${valueOf(axes.y, y)}`,
    isMarked: isUs,
  }));
  const label = text.business.positions(xName, yName);
  return <PositionMap points={positions} xName={xName} yName={yName} label={label} />;
}
