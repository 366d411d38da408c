import type { BusinessChannel, BusinessCohort, BusinessReport } from '../../company/gateway/api-types.js';
import { useLocale } from '../i18n/locale.js';
import { Empty, Panel } from '../parts/panel.js';
import { FactFigure, FactPair } from './fact-text.js';

/** Who stays, what he costs to win, and what he is worth. */
export function CustomersPanel({ report }: { report: BusinessReport }) {
  const { text, format } = useLocale();
  const { churn, cohorts, channels, currency } = report;
  const band =
    churn === null || churn.high === null
      ? undefined
      : text.business.interval(format.share(churn.low), format.share(churn.high));
  return (
    <Panel title={text.business.customers} area="wide">
      <dl class="figures figures-business">
        <FactFigure report={report} id="customers.paying" />
        <FactFigure report={report} id="customers.new" />
        <FactFigure report={report} id="customers.churn" note={band} />
        <FactFigure report={report} id="customers.nrr" />
        <FactFigure report={report} id="customers.cac" />
        <FactFigure report={report} id="customers.payback" />
      </dl>
      <div class="two-tables">
        <div>
          <h3 class="subtitle">{text.business.cohorts}</h3>
          {cohorts.length === 0 ? (
            <Empty title={text.business.noCohorts} hint={text.business.noCohortsHint} />
          ) : (
            <Cohorts cohorts={cohorts} currency={currency} />
          )}
        </div>
        <div>
          <h3 class="subtitle">{text.business.channels}</h3>
          {channels === null ? (
            <dl class="pairs">
              <FactPair report={report} id="cost.acquisition" />
            </dl>
          ) : (
            <Channels channels={channels} currency={currency} />
          )}
        </div>
      </div>
    </Panel>
  );
}

function Cohorts({ cohorts, currency }: { cohorts: readonly BusinessCohort[]; currency: string }) {
  const { text, format } = useLocale();
  return (
    <>
      <table class="table table-small cards">
        <thead>
          <tr>
            <th scope="col">{text.business.cohort}</th>
            <th scope="col" class="number">
              {text.business.count}
            </th>
            <th scope="col" class="number">
              {text.business.active}
            </th>
            <th scope="col" class="number">
              {text.business.churn}
            </th>
            <th scope="col" class="number">
              {text.business.lifetime}
            </th>
          </tr>
        </thead>
        <tbody>
          {cohorts.map(({ month, customers, active, churn, lifetimeValue }) => (
            <tr key={month}>
              <td class="card-title">{format.month(month)}</td>
              <td class="number" data-label={text.business.count}>
                {format.integer(customers)}
              </td>
              <td class="number" data-label={text.business.active}>
                {active.join(' · ')}
              </td>
              <td class="number" data-label={text.business.churn}>
                {churn === null ? text.state.notMeasured : format.share(churn.value)}
              </td>
              <td class="number" data-label={text.business.lifetime}>
                {lifetimeValue === null ? (
                  text.state.notMeasured
                ) : (
                  <span>
                    {format.money(lifetimeValue.valueMicros, currency)}{' '}
                    <span class="soft cell-band">
                      (
                      {text.business.band(
                        format.money(lifetimeValue.lowMicros, currency),
                        format.money(lifetimeValue.highMicros, currency),
                      )}
                      )
                    </span>
                  </span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="footnote">{text.business.lifetimeHint}</p>
    </>
  );
}

function Channels({ channels, currency }: { channels: readonly BusinessChannel[]; currency: string }) {
  const { text, format } = useLocale();
  const money = (micros: string | null): string =>
    micros === null ? text.state.notMeasured : format.money(micros, currency);
  return (
    <table class="table table-small cards">
      <thead>
        <tr>
          <th scope="col">{text.business.channel}</th>
          <th scope="col" class="number">
            {text.business.spend}
          </th>
          <th scope="col" class="number">
            {text.business.fresh}
          </th>
          <th scope="col" class="number">
            {text.business.each}
          </th>
        </tr>
      </thead>
      <tbody>
        {channels.map(({ name, spendMicros, newCustomers, costMicros }) => (
          <tr key={name}>
            <td class="card-title">{name ?? text.business.unknownChannel}</td>
            <td class="number" data-label={text.business.spend}>
              {money(spendMicros)}
            </td>
            <td class="number" data-label={text.business.fresh}>
              {format.integer(newCustomers)}
            </td>
            <td class="number" data-label={text.business.each}>
              {newCustomers === 0 ? '–' : money(costMicros)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
