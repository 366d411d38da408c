/** What the business may become: sliders for what is assumed, and what follows from it. */
import { useState } from 'preact/hooks';
import type { BusinessForecast, BusinessReport, BusinessScenario } from '../../company/gateway/api-types.js';
import { useLocale } from '../i18n/locale.js';
import { Chart } from '../parts/chart.js';
import { Problem } from '../parts/field.js';
import { Figure } from '../parts/figure.js';
import { Panel } from '../parts/panel.js';
import { Assumptions } from './assumptions.js';
import { ChancePanel } from './chance-panel.js';
import { ChoicePanel } from './choice-panel.js';
import type { SectionProps } from './section.js';
import { TornadoPanel } from './tornado-panel.js';
import { type Tried, useTrial } from './use-trial.js';

export type ScenarioResult = NonNullable<BusinessScenario['result']>;

export function ScenarioSection({ report, api, dark }: SectionProps) {
  const { text } = useLocale();
  const [tried, setTried] = useState<Tried>({});
  const { scenario, failure } = useTrial(api, report, tried);
  const { result } = scenario;
  return (
    <div class="scenario">
      <Panel title={text.business.assumptionsTitle} area="sliders">
        <Assumptions stated={report.scenario.ranges} tried={tried} currency={report.currency} onTry={setTried} />
        <Problem failure={failure} />
      </Panel>
      <div class="scenario-results">
        {result === null ? (
          <Lacking scenario={scenario} />
        ) : (
          <>
            <Profit report={report} result={result} dark={dark} />
            <ChancePanel report={report} result={result} priceFloor={scenario.estimatedPriceFloor} />
            <TornadoPanel report={report} result={result} />
          </>
        )}
        {report.choice !== null && <ChoicePanel choice={report.choice} currency={report.currency} />}
      </div>
    </div>
  );
}

function Lacking({ scenario }: { scenario: BusinessScenario }) {
  const { text } = useLocale();
  const names = scenario.missing.map((name) => text.business.assumptions[name]).join(text.punctuation.list);
  return (
    <Panel title={text.business.noScenario} area="wide">
      <p class="lead">{text.business.noScenarioHint}</p>
      <p>{names}</p>
    </Panel>
  );
}

const CASES = ['low', 'base', 'high'] as const;

function Profit({ report, result, dark }: { report: BusinessReport; result: ScenarioResult; dark: boolean }) {
  const { text, format, language } = useLocale();
  const { currency } = report;
  const months = result.base.months.length;
  const money = (units: number): string => format.estimate(units, currency);
  const [low, base, high] = CASES.map((name) => addedUp(result[name]));
  return (
    <Panel title={text.business.forecast(format.integer(months))} area="wide">
      <dl class="figures figures-cases">
        {CASES.map((name) => {
          const { estimatedProfit, estimatedCashNeed } = result[name];
          return (
            <Figure
              key={name}
              label={text.business[name]}
              value={money(estimatedProfit)}
              tone={estimatedProfit < 0 ? 'bad' : 'plain'}
              note={
                estimatedCashNeed === 0 ? text.business.noCashNeed : text.business.cashNeed(money(estimatedCashNeed))
              }
            />
          );
        })}
      </dl>
      <Chart
        title={text.business.profitUnit}
        unit={currency}
        lines={[
          { label: text.business.high, color: '--chart-actual', dashed: true },
          { label: text.business.base, color: '--chart-train' },
          { label: text.business.low, color: '--chart-held-out', dashed: true },
        ]}
        columns={[Array.from({ length: months + 1 }, (_, month) => month), high ?? [], base ?? [], low ?? []]}
        description={text.business.profitChart(
          money(result.low.estimatedProfit),
          money(result.base.estimatedProfit),
          money(result.high.estimatedProfit),
        )}
        height={220}
        fromZero={false}
        formatX={(month) => (Number.isInteger(month) ? format.integer(month) : '')}
        formatHovered={(month) => text.business.afterMonth(format.integer(month))}
        formatY={money}
        look={`${language} ${dark ? 'dark' : 'light'} ${months}`}
      />
    </Panel>
  );
}

/** Profit up to each month, from 0 on. */
function addedUp({ months }: BusinessForecast): number[] {
  let total = 0;
  return [0, ...months.map(({ estimatedProfit }) => (total += estimatedProfit))];
}
