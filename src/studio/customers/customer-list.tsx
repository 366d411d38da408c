import { useState } from 'preact/hooks';
import type { CustomerSummary } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { useLocale } from '../i18n/locale.js';
import { mayDo, type PageProps } from '../pages.js';
import { Dialog } from '../parts/dialog.js';
import { Form, TextField } from '../parts/field.js';
import { PageHead } from '../parts/page-head.js';
import { Empty, Loaded, Panel } from '../parts/panel.js';
import { Link, navigate, withQuery } from '../router.js';
import { useCustomers } from './use-customers.js';

/** Every customer, found by name; what is searched for stands in the address. */
export function CustomerList({ api, session, address }: PageProps) {
  const { text } = useLocale();
  const customers = useCustomers(api);
  const [adding, setAdding] = useState(false);
  const search = address.query.get('search') ?? '';
  const mayAdd = mayDo(session, 'customers');
  return (
    <>
      <PageHead title={text.pages.customers}>
        {mayAdd && (
          <button class="button button-primary" type="button" onClick={() => setAdding(true)}>
            {text.customers.add}
          </button>
        )}
      </PageHead>
      <Panel title={text.customers.all} area="wide">
        <Loaded source={customers} skeletonLines={6}>
          {(list) =>
            list.length === 0 ? (
              <Empty title={text.customers.empty} hint={text.customers.emptyHint} />
            ) : (
              <>
                <div class="search">
                  <TextField
                    label={text.customers.search}
                    type="search"
                    value={search}
                    onValue={(value) => navigate(withQuery(address, 'search', value === '' ? null : value), 'replace')}
                  />
                </div>
                <Found list={list.filter((customer) => isFound(customer, search))} />
              </>
            )
          }
        </Loaded>
      </Panel>
      {adding && <AddCustomer api={api} onClose={() => setAdding(false)} />}
    </>
  );
}

const isFound = ({ name, id }: CustomerSummary, search: string): boolean =>
  name.toLowerCase().includes(search.trim().toLowerCase()) || id === search.trim();

function Found({ list }: { list: readonly CustomerSummary[] }) {
  const { text, format } = useLocale();
  if (list.length === 0) return <p class="lead">{text.customers.noneFound}</p>;
  return (
    <table class="table cards" role="table">
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader">{text.customers.name}</th>
          <th role="columnheader">{text.customers.sinceColumn}</th>
          <th role="columnheader" class="number">
            {text.customers.keysColumn}
          </th>
          <th role="columnheader" class="number">
            {text.customers.recent}
          </th>
          <th role="columnheader" class="number">
            {text.customers.balance}
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {list.map(({ id, name, createdAt, keyCount, balanceMicros, recentChargedMicros, currency }) => (
          <tr role="row" key={id}>
            <td role="cell" class="card-title">
              <Link class="row-link" href={`/customers/${encodeURIComponent(id)}`}>
                {name}
              </Link>
            </td>
            <td role="cell" class="soft" data-label={text.customers.sinceColumn}>
              <time dateTime={createdAt}>{format.day(createdAt)}</time>
            </td>
            <td role="cell" class="number" data-label={text.customers.keysColumn}>
              {format.integer(keyCount)}
            </td>
            <td role="cell" class="number" data-label={text.customers.recent}>
              {format.money(recentChargedMicros, currency)}
            </td>
            <td
              role="cell"
              class={`number ${BigInt(balanceMicros) <= 0n ? 'tone-bad' : ''}`}
              data-label={text.customers.balance}
            >
              {format.money(balanceMicros, currency)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function AddCustomer({ api, onClose }: { api: Api; onClose: () => void }) {
  const { text } = useLocale();
  const [name, setName] = useState('');
  const adding = useAction(async () => {
    const { customer } = await api.post<{ customer: CustomerSummary }>('/api/customers', { name });
    navigate(`/customers/${encodeURIComponent(customer.id)}`);
  });
  return (
    <Dialog title={text.customers.add} onClose={onClose}>
      <Form submit={text.actions.create} busy={adding.busy} failure={adding.failure} onSubmit={() => void adding.run()}>
        <TextField
          label={text.customers.name}
          hint={text.customers.nameHint}
          required
          maxLength={200}
          autocomplete="off"
          value={name}
          onValue={setName}
        />
      </Form>
    </Dialog>
  );
}
