import { useCallback } from 'preact/hooks';
import type { CreditSummary, CustomerAccount, KeySummary } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { usePolled } from '../api/use-polled.js';
import { AccountDialogs, showDetail } from '../customers/account-dialogs.js';
import { AccountChart, AccountFigures } from '../customers/account-figures.js';
import { CreditList } from '../customers/credit-list.js';
import { InvoicesPanel } from '../customers/invoices-panel.js';
import { KeyTable } from '../customers/key-table.js';
import { UsageEventsPanel } from '../customers/usage-events-panel.js';
import { Account, Header } from '../header.js';
import { useLocale } from '../i18n/locale.js';
import { PageHead } from '../parts/page-head.js';
import { Loaded, Panel } from '../parts/panel.js';
import { AskCreditPanel } from './ask-credit.js';
import { useAddress } from '../router.js';
import type { ViewControls } from '../view-controls.js';

const BASE = '/portal/api';
const ACCOUNT_MS = 15_000;

interface PortalPageProps {
  controls: ViewControls;
  dark: boolean;
  api: Api;
  onLeave: () => void;
}

export function PortalPage({ controls, dark, api, onLeave }: PortalPageProps) {
  const { text } = useLocale();
  const address = useAddress();
  const account = usePolled(
    useCallback((signal: AbortSignal) => api.get<CustomerAccount>(`${BASE}/account`, signal), [api]),
    ACCOUNT_MS,
  );
  const keys = usePolled(
    useCallback(
      async (signal: AbortSignal) => (await api.get<{ keys: KeySummary[] }>(`${BASE}/keys`, signal)).keys,
      [api],
    ),
    ACCOUNT_MS,
  );
  const credits = usePolled(
    useCallback(
      async (signal: AbortSignal) => (await api.get<{ credits: CreditSummary[] }>(`${BASE}/credits`, signal)).credits,
      [api],
    ),
    ACCOUNT_MS,
  );
  const name = account.data?.name ?? text.portal.account;
  return (
    <>
      <Header
        name={text.portal.name}
        controls={controls}
        account={<Account who={name} note={text.portal.customer} signOut={text.frame.signOut} onSignOut={onLeave} />}
      />
      <main class="main">
        <PageHead title={name} />
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
          <Panel title={text.keys.title} area="wide">
            <Loaded source={keys} skeletonLines={3}>
              {(list) => <KeyTable keys={list} />}
            </Loaded>
          </Panel>
          <Panel title={text.credit.title} area="wide">
            <Loaded source={credits} skeletonLines={3}>
              {(list) => <CreditList credits={list} currency={account.data?.currency ?? 'USD'} />}
            </Loaded>
          </Panel>
          <AskCreditPanel
            api={api}
            base={BASE}
            currency={account.data?.currency ?? 'USD'}
            onShow={(number) => showDetail(address, 'invoice', number)}
          />
          <InvoicesPanel api={api} base={BASE} onShow={(number) => showDetail(address, 'invoice', number)} />
          <UsageEventsPanel api={api} base={BASE} onShow={(id) => showDetail(address, 'event', id)} />
        </div>
      </main>
      <AccountDialogs api={api} base={BASE} address={address} seesInvoices />
    </>
  );
}
