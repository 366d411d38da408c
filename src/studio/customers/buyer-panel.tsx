import { useCallback, useState } from 'preact/hooks';
import type { BuyerDetails } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { usePolled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import { Dialog } from '../parts/dialog.js';
import { ChoiceField, Form, LinesField, TextField } from '../parts/field.js';
import { Loaded, Panel } from '../parts/panel.js';

const BUYER_MS = 60_000;
const LANGUAGES = ['en', 'zh'] as const;

/** How invoices name a customer, from the next one on. */
export function BuyerPanel({ api, base }: { api: Api; base: string }) {
  const { text } = useLocale();
  const [editing, setEditing] = useState(false);
  const buyer = usePolled(
    useCallback((signal: AbortSignal) => api.get<BuyerDetails>(`${base}/buyer`, signal), [api, base]),
    BUYER_MS,
  );
  const done = (): void => {
    setEditing(false);
    buyer.reload();
  };
  const change = (
    <button class="button button-small" type="button" onClick={() => setEditing(true)}>
      {text.buyer.change}
    </button>
  );
  return (
    <Panel title={text.buyer.title} area="wide" aside={change}>
      <Loaded source={buyer} skeletonLines={3}>
        {(details) => (
          <>
            <p class="party">
              {[details.name, ...details.address].map((line, index) => (
                <span key={index}>{line}</span>
              ))}
            </p>
            <p class="footnote">
              {[
                details.taxId === null ? text.buyer.noTaxId : `${text.buyer.taxId} ${details.taxId}`,
                ...(details.email === null ? [] : [details.email]),
                text.buyer.languages[details.language],
              ].join(' · ')}
            </p>
            {editing && (
              <EditBuyer api={api} base={base} buyer={details} onClose={() => setEditing(false)} onDone={done} />
            )}
          </>
        )}
      </Loaded>
    </Panel>
  );
}

function EditBuyer(props: { api: Api; base: string; buyer: BuyerDetails; onClose: () => void; onDone: () => void }) {
  const { text } = useLocale();
  const { buyer } = props;
  const [name, setName] = useState(buyer.name);
  const [address, setAddress] = useState(buyer.address.join('\n'));
  const [taxId, setTaxId] = useState(buyer.taxId ?? '');
  const [email, setEmail] = useState(buyer.email ?? '');
  const [language, setLanguage] = useState(buyer.language);
  const saving = useAction(async () => {
    const lines = address.split('\n').map((line) => line.trim());
    await props.api.post(`${props.base}/buyer`, {
      name: name.trim(),
      address: lines.filter((line) => line !== ''),
      language,
      ...(taxId.trim() === '' ? {} : { taxId: taxId.trim() }),
      ...(email.trim() === '' ? {} : { email: email.trim() }),
    });
    props.onDone();
  });
  return (
    <Dialog title={text.buyer.title} onClose={props.onClose}>
      <p class="dialog-text">{text.buyer.why}</p>
      <Form submit={text.actions.save} busy={saving.busy} failure={saving.failure} onSubmit={() => void saving.run()}>
        <TextField label={text.buyer.name} required maxLength={200} autocomplete="off" value={name} onValue={setName} />
        <LinesField label={text.buyer.address} hint={text.buyer.addressHint} value={address} onValue={setAddress} />
        <TextField label={text.buyer.taxId} maxLength={200} autocomplete="off" value={taxId} onValue={setTaxId} />
        <TextField
          label={text.buyer.email}
          type="email"
          maxLength={200}
          autocomplete="off"
          value={email}
          onValue={setEmail}
        />
        <ChoiceField
          label={text.buyer.language}
          options={LANGUAGES.map((value) => ({ value, label: text.buyer.languages[value] }))}
          value={language}
          onValue={setLanguage}
        />
      </Form>
    </Dialog>
  );
}
