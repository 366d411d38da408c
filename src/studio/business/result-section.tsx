/** Unit economics: from revenue to the result, who brings it, and what a customer is worth. */
import type { BusinessReport } from '../../company/gateway/api-types.js';
import { useLocale } from '../i18n/locale.js';
import { Chart } from '../parts/chart.js';
import { Panel } from '../parts/panel.js';
import { CustomersPanel } from './customers-panel.js';
import { Command, FactFigure, FactPair, factOf, factText, nameOf } from './fact-text.js';
import { MarginsPanel } from './margins-panel.js';
import type { SectionProps } from './section.js';

const COSTS = [
  'cost.serving',
  'cost.payments',
  'cost.training',
  'cost.data',
  'cost.fixed',
  'cost.acquisition',
  'cost.givenAway',
];

export function ResultSection({ report, dark }: SectionProps) {
  const { text } = useLocale();
  return (
    <div class="dashboard">
      <Panel title={text.business.result} area="wide">
        <ResultFigures report={report} />
        <Course report={report} dark={dark} />
      </Panel>
      <Panel title={text.business.revenueLines} area="half">
        <RevenueLines report={report} />
      </Panel>
      <Panel title={text.business.costs} area="half">
        <dl class="pairs">
          {COSTS.map((id) => (
            <FactPair key={id} report={report} id={id} />
          ))}
        </dl>
      </Panel>
      <MarginsPanel report={report} />
      <CustomersPanel report={report} />
      <Sources report={report} />
    </div>
  );
}

function ResultFigures({ report }: { report: BusinessReport }) {
  const locale = useLocale();
  const share = factText(factOf(report, 'margin.grossShare'), report.currency, locale);
  const note = share === null ? undefined : locale.text.business.ofRevenue(share);
  return (
    <dl class="figures figures-business">
      <FactFigure report={report} id="revenue.total" />
      <FactFigure report={report} id="margin.gross" note={note} />
      <FactFigure report={report} id="margin.contribution" />
      <FactFigure report={report} id="margin.result" />
      <FactFigure report={report} id="outlook.runway" />
      <FactFigure report={report} id="outlook.trainingPaidOn" />
    </dl>
  );
}

function RevenueLines({ report }: { report: BusinessReport }) {
  const { text, format } = useLocale();
  return (
    <>
      <dl class="pairs">
        <FactPair report={report} id="revenue.services" />
        <FactPair report={report} id="revenue.software" />
        {report.otherRevenue.length === 0 ? (
          <FactPair report={report} id="revenue.other" />
        ) : (
          report.otherRevenue.map(({ name, micros }) => (
            <div class="pair" key={name}>
              <dt>{text.business.statedLine(name)}</dt>
              <dd class="pair-value">{format.money(micros, report.currency)}</dd>
            </div>
          ))
        )}
      </dl>
      {/* Parts of the lines above, and no lines of their own. */}
      <dl class="pairs pairs-apart">
        <FactPair report={report} id="revenue.mrr" />
        <FactPair report={report} id="revenue.arr" />
      </dl>
    </>
  );
}

/** Revenue and margin of the months before. Drawn with plain numbers: a chart is no account. */
function Course({ report: { history, currency, month: shown }, dark }: { report: BusinessReport; dark: boolean }) {
  const { text, format, language } = useLocale();
  if (history.length < 2) return null;
  const revenue = history.map(({ revenueMicros }) => Number(revenueMicros));
  const margin = history.map(({ marginMicros }) => (marginMicros === null ? null : Number(marginMicros)));
  const monthAt = (index: number): string => {
    const month = Number.isInteger(index) ? history[index]?.month : undefined;
    return month === undefined ? '' : format.month(month);
  };
  return (
    <Chart
      title={text.business.course}
      unit={currency}
      lines={[
        { label: text.business.revenue, color: '--chart-train', filled: true },
        { label: text.business.margin, color: '--chart-held-out', sparse: true },
      ]}
      columns={[history.map((_, index) => index), revenue, margin]}
      description={text.business.courseChart(format.integer(history.length))}
      height={190}
      fromZero={margin.every((micros) => micros === null || micros >= 0)}
      formatX={monthAt}
      formatHovered={monthAt}
      formatY={(micros) => format.estimate(micros / 1e6, currency)}
      look={`${language} ${dark ? 'dark' : 'light'} ${shown}`}
    />
  );
}

/** Every figure with how it is made and the command that shows it. */
function Sources({ report }: { report: BusinessReport }) {
  const locale = useLocale();
  const { text } = locale;
  return (
    <details class="panel area-wide sources">
      <summary class="panel-title">{text.business.sources}</summary>
      <div class="table-scroll" tabIndex={0} role="region" aria-label={text.business.sources}>
        <table class="table table-small">
          <thead>
            <tr>
              <th scope="col">{text.business.figure}</th>
              <th scope="col" class="number">
                {text.business.value}
              </th>
              <th scope="col">{text.business.how}</th>
              <th scope="col">{text.business.shownBy}</th>
            </tr>
          </thead>
          <tbody>
            {report.facts.map((fact) => (
              <tr key={fact.id}>
                <td>{nameOf(fact, locale)}</td>
                <td class="number">{factText(fact, report.currency, locale) ?? text.state.notMeasured}</td>
                <td class="wrap soft sources-how">{fact.how[locale.language]}</td>
                <td>{fact.command === null ? text.business.needsTime : <Command command={fact.command} />}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
