import { useCallback, useState } from 'preact/hooks';
import type { BudgetSummary, KeySummary } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { usePolled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import { Dialog } from '../parts/dialog.js';
import { ChoiceField, Form, Problem, TextField } from '../parts/field.js';
import { Loaded, Panel } from '../parts/panel.js';

const BUDGETS_MS = 15_000;
const SPANS = ['day', 'month', 'total'] as const;

interface BudgetsPanelProps {
  api: Api;
  base: string;
  currency: string | undefined;
  /** Whether the reader may see the customer's keys, by which a budget can be named. */
  seesKeys: boolean;
}

/** How much a customer may spend; beyond it a request is refused. */
export function BudgetsPanel({ api, base, currency, seesKeys }: BudgetsPanelProps) {
  const { text } = useLocale();
  const [adding, setAdding] = useState(false);
  const budgets = usePolled(
    useCallback(
      async (signal: AbortSignal) => {
        const [{ budgets }, { keys }] = await Promise.all([
          api.get<{ budgets: BudgetSummary[] }>(`${base}/budgets`, signal),
          seesKeys ? api.get<{ keys: KeySummary[] }>(`${base}/keys`, signal) : { keys: [] },
        ]);
        return { budgets, keys };
      },
      [api, base, seesKeys],
    ),
    BUDGETS_MS,
  );
  const ending = useAction(async (id: string) => {
    await api.post(`${base}/budgets/${id}/end`);
    budgets.reload();
  });
  const done = (): void => {
    setAdding(false);
    budgets.reload();
  };
  const add = (
    <button class="button button-small" type="button" onClick={() => setAdding(true)}>
      {text.budgets.add}
    </button>
  );
  return (
    <Panel title={text.budgets.title} area="half" aside={add}>
      <Loaded source={budgets} skeletonLines={3}>
        {({ budgets: list, keys }) =>
          list.length === 0 ? (
            <p class="lead">{text.budgets.empty}</p>
          ) : (
            <ul class="rows rows-long">
              {list.map((budget) => (
                <BudgetRow
                  key={budget.id}
                  budget={budget}
                  keys={keys}
                  currency={currency ?? 'USD'}
                  busy={ending.busy}
                  onEnd={() => void ending.run(budget.id)}
                />
              ))}
            </ul>
          )
        }
      </Loaded>
      <Problem failure={ending.failure} />
      {adding && (
        <AddBudget
          api={api}
          base={base}
          currency={currency ?? ''}
          keys={budgets.data?.keys ?? []}
          onClose={() => setAdding(false)}
          onDone={done}
        />
      )}
    </Panel>
  );
}

function BudgetRow(props: {
  budget: BudgetSummary;
  keys: readonly KeySummary[];
  currency: string;
  busy: boolean;
  onEnd: () => void;
}) {
  const { text, format } = useLocale();
  const { span, model, keyId, limitMicros, spentMicros } = props.budget;
  const [limit, spent] = [BigInt(limitMicros), BigInt(spentMicros)];
  const key = props.keys.find(({ id }) => id === keyId);
  const whom = keyId === null ? [] : [key?.name ?? keyId];
  const about = [text.budgets.spans[span], ...(model === null ? [] : [model]), ...whom];
  return (
    <li class="row">
      <div class="row-main row-grow">
        <span class="row-name">{about.join(' · ')}</span>
        <span class="row-note">
          {text.budgets.spent(format.money(spent, props.currency), format.money(limit, props.currency))}
        </span>
        {limit > 0n && (
          <progress
            class="progress"
            aria-label={text.budgets.share}
            max={1000}
            value={Math.min(1000, Math.max(0, Number((spent * 1000n) / limit)))}
          />
        )}
      </div>
      <button class="link tone-bad" type="button" disabled={props.busy} onClick={props.onEnd}>
        {text.budgets.end}
      </button>
    </li>
  );
}

function AddBudget(props: {
  api: Api;
  base: string;
  currency: string;
  keys: readonly KeySummary[];
  onClose: () => void;
  onDone: () => void;
}) {
  const { text } = useLocale();
  const [amount, setAmount] = useState('');
  const [span, setSpan] = useState<(typeof SPANS)[number]>('month');
  const [keyId, setKeyId] = useState('');
  const [model, setModel] = useState('');
  const adding = useAction(async () => {
    const about = {
      ...(keyId === '' ? {} : { keyId }),
      ...(model.trim() === '' ? {} : { model: model.trim() }),
    };
    await props.api.post(`${props.base}/budgets`, { amount: amount.trim(), span, ...about });
    props.onDone();
  });
  return (
    <Dialog title={text.budgets.add} onClose={props.onClose}>
      <p class="dialog-text">{text.budgets.why}</p>
      <Form submit={text.actions.save} busy={adding.busy} failure={adding.failure} onSubmit={() => void adding.run()}>
        <TextField
          label={text.credit.amount(props.currency)}
          inputMode="decimal"
          pattern="[0-9]+([.][0-9]{1,6})?"
          placeholder="100.00"
          required
          autocomplete="off"
          value={amount}
          onValue={setAmount}
        />
        <ChoiceField
          label={text.budgets.span}
          options={SPANS.map((value) => ({ value, label: text.budgets.spans[value] }))}
          value={span}
          onValue={setSpan}
        />
        <ChoiceField
          label={text.limits.forKey}
          options={[
            { value: '', label: text.limits.allKeys },
            ...props.keys
              .filter(({ revokedAt }) => revokedAt === null)
              .map(({ id, name, displayPrefix }) => ({ value: id, label: `${name} (${displayPrefix})` })),
          ]}
          value={keyId}
          onValue={setKeyId}
        />
        <TextField
          label={text.limits.forModel}
          placeholder={text.limits.allModels}
          maxLength={200}
          autocomplete="off"
          value={model}
          onValue={setModel}
        />
      </Form>
    </Dialog>
  );
}
