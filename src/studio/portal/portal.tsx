/** The customers' side: a buyer shows one of his keys, and sees his own account and nobody else's. */
import { useMemo, useState } from 'preact/hooks';
import { createApi } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { useLocale } from '../i18n/locale.js';
import { Form, TextField } from '../parts/field.js';
import { GateCard } from '../sign-in/gate-card.js';
import type { ViewControls } from '../view-controls.js';
import { PortalPage } from './portal-page.js';

const KEY = 'moat.portal-key';

interface PortalProps {
  controls: ViewControls;
  dark: boolean;
}

/** The key stays in this tab and goes with it. */
export function Portal({ controls, dark }: PortalProps) {
  const [secretKey, setSecretKey] = useState(() => sessionStorage.getItem(KEY));
  const [refused, setRefused] = useState(false);
  const leave = (isRefused: boolean): void => {
    sessionStorage.removeItem(KEY);
    setSecretKey(null);
    setRefused(isRefused);
  };
  const enter = (given: string): void => {
    sessionStorage.setItem(KEY, given);
    setRefused(false);
    setSecretKey(given);
  };
  const api = useMemo(
    () => (secretKey === null ? null : createApi({ token: secretKey }, () => leave(true))),
    [secretKey],
  );
  return api === null ? (
    <KeyGate controls={controls} refused={refused} onKey={enter} />
  ) : (
    <PortalPage controls={controls} dark={dark} api={api} onLeave={() => leave(false)} />
  );
}

function KeyGate(props: { controls: ViewControls; refused: boolean; onKey: (secretKey: string) => void }) {
  const { text } = useLocale();
  const [secretKey, setSecretKey] = useState('');
  const entering = useAction(async () => {
    const given = secretKey.trim();
    await createApi({ token: given }).get('/portal/api/account');
    props.onKey(given);
  });
  return (
    <GateCard name={text.portal.name} controls={props.controls} title={text.portal.title} why={text.portal.why}>
      {props.refused && entering.failure === undefined && (
        <p class="notice notice-bad" role="alert">
          {text.problems.invalid_api_key}
        </p>
      )}
      <Form
        submit={text.portal.open}
        busy={entering.busy}
        failure={entering.failure}
        onSubmit={() => void entering.run()}
      >
        <TextField
          label={text.portal.key}
          hint={text.portal.keyHint}
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          value={secretKey}
          onValue={setSecretKey}
        />
      </Form>
    </GateCard>
  );
}
