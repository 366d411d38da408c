import { useCallback, useState } from 'preact/hooks';
import type { CreditSummary } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { usePolled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import { Dialog } from '../parts/dialog.js';
import { ChoiceField, Form, TextField } from '../parts/field.js';
import { Loaded, Panel } from '../parts/panel.js';
import { CreditList } from './credit-list.js';
import { endOfDay } from './new-key.js';

const CREDITS_MS = 30_000;

interface CreditPanelProps {
  api: Api;
  base: string;
  /** Of the account; undefined while it is not known. */
  currency: string | undefined;
  mayAdd: boolean;
  onAdded: () => void;
}

export function CreditPanel({ api, base, currency, mayAdd, onAdded }: CreditPanelProps) {
  const { text } = useLocale();
  const [adding, setAdding] = useState(false);
  const credits = usePolled(
    useCallback(
      async (signal: AbortSignal) => (await api.get<{ credits: CreditSummary[] }>(`${base}/credits`, signal)).credits,
      [api, base],
    ),
    CREDITS_MS,
  );
  const add = (
    <button class="button button-small" type="button" onClick={() => setAdding(true)}>
      {text.credit.add}
    </button>
  );
  const done = (): void => {
    setAdding(false);
    credits.reload();
    onAdded();
  };
  return (
    <Panel title={text.credit.title} area="half" aside={mayAdd ? add : undefined}>
      <Loaded source={credits} skeletonLines={3}>
        {(list) => <CreditList credits={list} currency={currency ?? 'USD'} />}
      </Loaded>
      {adding && (
        <AddCredit api={api} base={base} currency={currency ?? ''} onClose={() => setAdding(false)} onDone={done} />
      )}
    </Panel>
  );
}

type Kind = 'payment' | 'grant';

function AddCredit(props: { api: Api; base: string; currency: string; onClose: () => void; onDone: () => void }) {
  const { text } = useLocale();
  const [amount, setAmount] = useState('');
  const [kind, setKind] = useState<Kind>('payment');
  const [reference, setReference] = useState('');
  const [lastDay, setLastDay] = useState('');
  const adding = useAction(async () => {
    await props.api.post(`${props.base}/credit`, {
      amount: amount.trim(),
      kind,
      ...(reference.trim() === '' ? {} : { reference: reference.trim() }),
      ...(lastDay === '' ? {} : { expiresAt: endOfDay(lastDay) }),
    });
    props.onDone();
  });
  return (
    <Dialog title={text.credit.add} onClose={props.onClose}>
      <Form submit={text.credit.book} busy={adding.busy} failure={adding.failure} onSubmit={() => void adding.run()}>
        <TextField
          label={text.credit.amount(props.currency)}
          inputMode="decimal"
          pattern="[0-9]+([.][0-9]{1,6})?"
          placeholder="25.00"
          required
          autocomplete="off"
          value={amount}
          onValue={setAmount}
        />
        <ChoiceField
          label={text.credit.kind}
          options={(['payment', 'grant'] as const).map((value) => ({ value, label: text.credit.kinds[value] }))}
          value={kind}
          onValue={setKind}
        />
        <TextField
          label={text.credit.reference}
          hint={text.credit.referenceHint}
          maxLength={200}
          autocomplete="off"
          value={reference}
          onValue={setReference}
        />
        <TextField
          label={text.credit.lastDay}
          hint={text.credit.lastDayHint}
          type="date"
          value={lastDay}
          onValue={setLastDay}
        />
      </Form>
    </Dialog>
  );
}
