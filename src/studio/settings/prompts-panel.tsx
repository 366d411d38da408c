import { useCallback } from 'preact/hooks';
import type { CustomerSummary, PromptRow } from '../../company/gateway/api-types.js';
import { usePaged } from '../api/use-paged.js';
import { INTERNAL_CUSTOMER, useCustomers } from '../customers/use-customers.js';
import { MoreOf } from '../customers/usage-events-panel.js';
import { useLocale } from '../i18n/locale.js';
import type { PageProps } from '../pages.js';
import { ChoiceField } from '../parts/field.js';
import { Empty, Loaded, Panel } from '../parts/panel.js';
import { navigate, withQuery } from '../router.js';

/** What customers asked, where that is kept. Each reading is written down. */
export function PromptsPanel({ api, address }: PageProps) {
  const { text } = useLocale();
  const customers = useCustomers(api).data ?? [];
  const customer = address.query.get('customer') ?? '';
  const prompts = usePaged(
    useCallback(
      async (before: string | null, signal?: AbortSignal) => {
        const query = new URLSearchParams();
        if (before !== null) query.set('before', before);
        if (customer !== '') query.set('customer', customer);
        const page = await api.get<{ prompts: PromptRow[]; nextBefore: string | null }>(
          `/api/prompts?${query.toString()}`,
          signal,
        );
        return { rows: page.prompts, nextBefore: page.nextBefore };
      },
      [api, customer],
    ),
  );
  if (prompts.source.failure?.code === 'prompt_log_off')
    return (
      <Panel title={text.prompts.title} area="wide">
        <Empty title={text.problems.prompt_log_off} hint={text.prompts.offHint} command="serve.promptLogDays" />
      </Panel>
    );
  return (
    <Panel title={text.prompts.title} area="wide">
      <p class="notice">{text.prompts.written}</p>
      <div class="search">
        <ChoiceField
          label={text.usage.customer}
          options={[
            { value: '', label: text.prompts.everybody },
            ...customers.map(({ id, name }) => ({ value: id, label: name })),
          ]}
          value={customer}
          onValue={(value) => navigate(withQuery(address, 'customer', value === '' ? null : value), 'replace')}
        />
      </div>
      <Loaded source={prompts.source} skeletonLines={6}>
        {(list) =>
          list.length === 0 ? (
            <Empty title={text.prompts.empty} hint={text.prompts.emptyHint} />
          ) : (
            <>
              <ul class="rows">
                {list.map((row) => (
                  <Prompt key={row.id} row={row} customers={customers} />
                ))}
              </ul>
              <MoreOf list={prompts} />
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Prompt({ row, customers }: { row: PromptRow; customers: readonly CustomerSummary[] }) {
  const { text, format } = useLocale();
  const customer = customers.find(({ id }) => id === row.customerId)?.name ?? row.customerId;
  const name = customer === INTERNAL_CUSTOMER ? text.usage.internal : customer;
  return (
    <li class="exchange">
      <p class="row-note">
        {[name, row.model, format.moment(row.time, Date.now()), ...(row.truncated ? [text.prompts.cut] : [])].join(
          ' · ',
        )}
      </p>
      <p class="exchange-text">{row.prompt}</p>
      <p class="exchange-text exchange-answer">{row.answer}</p>
    </li>
  );
}
