import { useCallback } from 'preact/hooks';
import type { CustomerAccount } from '../../company/gateway/api-types.js';
import { usePolled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import { mayDo, type PageProps } from '../pages.js';
import { AccountDialogs, showDetail } from './account-dialogs.js';
import { AccountFigures, AccountChart } from './account-figures.js';
import { PageHead } from '../parts/page-head.js';
import { Loaded, Panel } from '../parts/panel.js';
import { Link } from '../router.js';
import { BudgetsPanel } from './budgets-panel.js';
import { BuyerPanel } from './buyer-panel.js';
import { CreditPanel } from './credit-panel.js';
import { InvoicesPanel } from './invoices-panel.js';
import { KeysPanel } from './keys-panel.js';
import { LimitsPanel } from './limits-panel.js';
import { PlanPanel } from './plan-panel.js';
import { TopUpsPanel } from './top-ups-panel.js';
import { UsageEventsPanel } from './usage-events-panel.js';

const ACCOUNT_MS = 10_000;

/** One customer. The usage event or invoice that is looked at stands in the address. */
export function CustomerPage({ api, session, address, dark, customerId }: PageProps & { customerId: string }) {
  const { text, format } = useLocale();
  const base = `/api/customers/${encodeURIComponent(customerId)}`;
  const account = usePolled(
    useCallback((signal: AbortSignal) => api.get<CustomerAccount>(base, signal), [api, base]),
    ACCOUNT_MS,
  );
  const seesInvoices = mayDo(session, 'invoices');
  const showInvoice = (number: string): void => showDetail(address, 'invoice', number);
  const back = (
    <Link class="back" href="/customers">
      {text.pages.customers}
    </Link>
  );
  if (account.failure?.code === 'unknown_customer') return <NoSuchCustomer />;
  return (
    <>
      <PageHead
        title={account.data?.name ?? text.customers.one}
        above={back}
        note={
          account.data !== undefined && (
            <span class="page-note">{text.customers.since(format.day(account.data.createdAt))}</span>
          )
        }
      />
      <div class="dashboard">
        <Panel title={text.account.title} area="wide">
          <Loaded source={account} skeletonLines={5}>
            {(data) => (
              <>
                <AccountFigures account={data} />
                <AccountChart account={data} dark={dark} />
              </>
            )}
          </Loaded>
        </Panel>
        {mayDo(session, 'keys') && <KeysPanel api={api} base={base} />}
        <CreditPanel
          api={api}
          base={base}
          currency={account.data?.currency}
          mayAdd={mayDo(session, 'credit')}
          onAdded={account.reload}
        />
        {mayDo(session, 'plans') && <PlanPanel api={api} base={base} currency={account.data?.currency} />}
        {mayDo(session, 'limits') && (
          <BudgetsPanel api={api} base={base} currency={account.data?.currency} seesKeys={mayDo(session, 'keys')} />
        )}
        {mayDo(session, 'limits') && <LimitsPanel api={api} base={base} seesKeys={mayDo(session, 'keys')} />}
        {seesInvoices && <BuyerPanel api={api} base={base} />}
        {mayDo(session, 'credit') && (
          <TopUpsPanel api={api} base={base} onBooked={account.reload} onShow={showInvoice} />
        )}
        {seesInvoices && <InvoicesPanel api={api} base={base} onShow={showInvoice} />}
        <UsageEventsPanel api={api} base={base} onShow={(id) => showDetail(address, 'event', id)} />
      </div>
      <AccountDialogs
        api={api}
        base={base}
        address={address}
        seesInvoices={seesInvoices}
        onRefunded={mayDo(session, 'credit') ? account.reload : undefined}
      />
    </>
  );
}

function NoSuchCustomer() {
  const { text } = useLocale();
  return (
    <div class="state state-page">
      <h1 class="state-title">{text.problems.unknown_customer}</h1>
      <p class="state-hint">{text.frame.notFoundHint}</p>
      <Link class="button" href="/customers">
        {text.pages.customers}
      </Link>
    </div>
  );
}
