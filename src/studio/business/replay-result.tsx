import type { ComponentChildren } from 'preact';
import type { BusinessReplay } from '../../company/gateway/api-types.js';
import { useLocale } from '../i18n/locale.js';
import { Empty, Panel } from '../parts/panel.js';

type Payer = { paidMicros: string; wouldPayMicros: string };
const changeOf = ({ paidMicros, wouldPayMicros }: Payer): bigint => BigInt(wouldPayMicros) - BigInt(paidMicros);

export function ReplayResult({ replay, publish }: { replay: BusinessReplay; publish: ComponentChildren }) {
  const { text, format } = useLocale();
  const more = replay.customers.filter((customer) => changeOf(customer) > 0n).length;
  const less = replay.customers.filter((customer) => changeOf(customer) < 0n).length;
  return (
    <>
      <Panel
        title={text.business.replayed(replay.book)}
        area="wide"
        aside={text.business.whoPays(format.integer(more), format.integer(less))}
      >
        {replay.unpriced.length > 0 && (
          <p class="notice notice-bad" role="status">
            {text.business.unpriced(replay.unpriced.join(text.punctuation.list))}
          </p>
        )}
        {replay.customers.length === 0 ? (
          <Empty title={text.business.nobody} hint={text.business.nobodyHint} />
        ) : (
          <Payers replay={replay} />
        )}
      </Panel>
      <Panel title={text.business.floors} area="wide" aside={publish}>
        <Floors replay={replay} />
      </Panel>
    </>
  );
}

function Payers({ replay }: { replay: BusinessReplay }) {
  const { text } = useLocale();
  return (
    <table class="table cards payers" aria-live="polite">
      <thead>
        <tr>
          <th scope="col">{text.usage.customer}</th>
          <th scope="col" class="number">
            {text.business.paid}
          </th>
          <th scope="col" class="number">
            {text.business.wouldPay}
          </th>
          <th scope="col" class="number">
            {text.business.change}
          </th>
        </tr>
      </thead>
      <tbody>
        {replay.customers.map((customer) => (
          <PayerRow key={customer.id} name={customer.name} payer={customer} currency={replay.currency} />
        ))}
      </tbody>
      <tfoot>
        <PayerRow name={text.business.all} payer={replay} currency={replay.currency} />
      </tfoot>
    </table>
  );
}

function PayerRow({ name, payer, currency }: { name: string; payer: Payer; currency: string }) {
  const { text, format } = useLocale();
  const change = changeOf(payer);
  const share = format.percent(change, BigInt(payer.paidMicros));
  const sign = change > 0n ? '+' : '';
  return (
    <tr>
      <td class="card-title">{name}</td>
      <td class="number" data-label={text.business.paid}>
        {format.money(payer.paidMicros, currency)}
      </td>
      <td class="number" data-label={text.business.wouldPay}>
        {format.money(payer.wouldPayMicros, currency)}
      </td>
      <td class="number" data-label={text.business.change}>
        {change === 0n ? (
          text.business.same
        ) : (
          <span>
            {sign}
            {format.money(change, currency)}
            {share !== null && (
              <span class="soft cell-band">
                {' '}
                ({sign}
                {share})
              </span>
            )}
          </span>
        )}
      </td>
    </tr>
  );
}

function Floors({ replay }: { replay: BusinessReplay }) {
  const { text, format } = useLocale();
  const { costMicros, fullLoadCostMicros, currency, lowest } = replay;
  const money = (micros: string | null): string =>
    micros === null ? text.state.notMeasured : format.money(micros, currency);
  return (
    <>
      <ul class="rows">
        {lowest.map(({ model, outputMicros, costMicros: cost, under }) => (
          <li class="row" key={model}>
            <span class="row-main">
              <span class="row-name">{model}</span>
              <span class="row-note">
                {text.business.lowest} {money(outputMicros)} · {text.business.costsAtLeast(money(cost))}
              </span>
            </span>
            <span class={`badge ${under !== null ? 'badge-failed' : cost === null ? '' : 'badge-finished'}`}>
              {text.business.under[under ?? (cost === null ? 'unknown' : 'none')]}
            </span>
          </li>
        ))}
      </ul>
      <p class="footnote">{text.business.servingCosts(money(costMicros), money(fullLoadCostMicros))}</p>
    </>
  );
}
