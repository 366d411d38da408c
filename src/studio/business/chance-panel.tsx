import type { BusinessReport } from '../../company/gateway/api-types.js';
import { useLocale } from '../i18n/locale.js';
import { Figure } from '../parts/figure.js';
import { Panel } from '../parts/panel.js';
import type { ScenarioResult } from './scenario-section.js';

interface ChancePanelProps {
  report: BusinessReport;
  result: ScenarioResult;
  priceFloor: number | null;
}

/** What chance makes of all assumptions together. */
export function ChancePanel({ report: { currency }, result: { chance }, priceFloor }: ChancePanelProps) {
  const { text, format } = useLocale();
  const { p5, p25, p50, p75, p95 } = chance.percentiles;
  const money = (units: number): string => format.estimate(units, currency);
  const [low, high] = [Math.min(p5, 0), Math.max(p95, 0)];
  const at = (value: number): number => (high === low ? 50 : (100 * (value - low)) / (high - low));
  const span = (from: number, to: number) => ({ left: `${at(from)}%`, width: `${at(to) - at(from)}%` });
  return (
    <Panel title={text.business.chance} area="wide">
      <dl class="figures figures-small">
        <Figure label={text.business.median} value={money(p50)} tone={p50 < 0 ? 'bad' : 'plain'} />
        <Figure
          label={text.business.lossShare}
          value={format.share(chance.lossShare)}
          tone={chance.lossShare > 0.5 ? 'bad' : 'plain'}
        />
        <Figure
          label={text.business.priceFloor}
          value={priceFloor === null ? null : format.estimate(priceFloor, currency)}
        />
      </dl>
      <div class="spread" role="img" aria-label={text.business.chanceChart(money(p5), money(p50), money(p95))}>
        <span class="spread-whole" style={span(p5, p95)} />
        <span class="spread-half" style={span(p25, p75)} />
        <span class="spread-middle" style={{ left: `${at(p50)}%` }} />
        <span class="spread-zero" style={{ left: `${at(0)}%` }} />
      </div>
      <dl class="pairs">
        <div class="pair">
          <dt>{text.business.ninety}</dt>
          <dd>{text.business.band(money(p5), money(p95))}</dd>
        </div>
        <div class="pair">
          <dt>{text.business.half}</dt>
          <dd>{text.business.band(money(p25), money(p75))}</dd>
        </div>
      </dl>
      <p class="footnote">{text.business.chanceHint(format.integer(chance.draws))}</p>
    </Panel>
  );
}
