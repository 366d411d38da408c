import type { CustomerSummary } from '../../company/gateway/api-types.js';
import type { Polled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import { Empty, Loaded, Panel } from '../parts/panel.js';

export function CustomersPanel({ customers }: { customers: Polled<CustomerSummary[]> }) {
  const { text } = useLocale();
  return (
    <Panel title={text.customers.title} area="customers" aside={text.customers.balance}>
      <Loaded source={customers} skeletonLines={4}>
        {(list) =>
          list.length === 0 ? (
            <Empty
              title={text.customers.empty}
              hint={text.customers.emptyHint}
              command="moat keys create NAME --credit 5.00"
            />
          ) : (
            <ul class="rows">
              {list.map((customer) => (
                <Customer key={customer.id} customer={customer} />
              ))}
            </ul>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Customer({ customer }: { customer: CustomerSummary }) {
  const { text, format } = useLocale();
  const { keyCount, balanceMicros, currency, createdAt } = customer;
  const spent = BigInt(balanceMicros) <= 0n;
  return (
    <li class="row">
      <div class="row-main">
        <span class="row-name">{customer.name}</span>
        <span class="row-note">
          {text.customers.keys(format.integer(keyCount), keyCount)} · {text.customers.since(format.day(createdAt))}
        </span>
      </div>
      <span class={`row-amount ${spent ? 'tone-soft' : ''}`}>{format.money(balanceMicros, currency)}</span>
    </li>
  );
}
