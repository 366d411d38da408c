import { useState } from 'preact/hooks';
import { createApi } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { useLocale } from '../i18n/locale.js';
import { Form, TextField } from '../parts/field.js';
import type { ViewControls } from '../view-controls.js';
import { GateCard } from './gate-card.js';

interface SetUpProps {
  controls: ViewControls;
  setupToken: string;
  onReady: (email: string, password: string) => Promise<void>;
  onCancel: () => void;
}

const LEAST_CHARACTERS = 12;

/** What a setup link is for: a password is chosen, and one is in. */
export function SetUp({ controls, setupToken, onReady, onCancel }: SetUpProps) {
  const { text } = useLocale();
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const differs = again !== '' && again !== password;
  const choosing = useAction(async () => {
    const { email } = await createApi({}).post<{ email: string }>('/api/setup', { token: setupToken, password });
    await onReady(email, password);
  });
  return (
    <GateCard name={text.header.product} controls={controls} title={text.setup.title} why={text.setup.why}>
      <Form
        submit={text.setup.submit}
        busy={choosing.busy || differs}
        failure={choosing.failure}
        onSubmit={() => void choosing.run()}
        aside={
          <button class="button button-quiet" type="button" onClick={onCancel}>
            {text.actions.cancel}
          </button>
        }
      >
        <TextField
          label={text.setup.password}
          hint={text.setup.rules}
          type="password"
          autocomplete="new-password"
          required
          minLength={LEAST_CHARACTERS}
          value={password}
          onValue={setPassword}
        />
        <TextField
          label={text.setup.again}
          type="password"
          autocomplete="new-password"
          required
          value={again}
          onValue={setAgain}
        />
        {differs && (
          <p class="notice notice-bad" role="alert">
            {text.setup.differs}
          </p>
        )}
      </Form>
    </GateCard>
  );
}
