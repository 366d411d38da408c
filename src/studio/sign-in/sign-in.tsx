import { useState } from 'preact/hooks';
import { useAction } from '../api/use-action.js';
import { useLocale } from '../i18n/locale.js';
import { Form, TextField } from '../parts/field.js';
import { useAddress } from '../router.js';
import type { Session, SessionControl } from '../session.js';
import type { ViewControls } from '../view-controls.js';
import { GateCard } from './gate-card.js';

interface SignInProps {
  controls: ViewControls;
  session: Extract<Session, { kind: 'signed-out' }>;
  onSignIn: SessionControl['signIn'];
  onToken: (token: string) => void;
}

/** The three ways in: a password, another provider, and the token of whoever runs the server. */
export function SignIn({ controls, session, onSignIn, onToken }: SignInProps) {
  const { text } = useLocale();
  const { query } = useAddress();
  const problem = query.get('sign-in-problem');
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const entering = useAction(() => onSignIn(email.trim(), password));
  return (
    <GateCard name={text.header.product} controls={controls} title={text.gate.title} why={text.gate.why}>
      {session.why !== null && (
        <p class="notice notice-bad" role="alert">
          {session.why === 'refused' ? text.gate.rejected : text.gate.ended}
        </p>
      )}
      {problem !== null && (
        <p class="notice notice-bad" role="alert">
          {text.gate.providerSaid}
          {text.punctuation.colon}
          {problem}
        </p>
      )}
      {session.methods.password && (
        <Form
          submit={text.gate.signIn}
          busy={entering.busy}
          failure={entering.failure}
          onSubmit={() => void entering.run()}
        >
          <TextField
            label={text.gate.email}
            type="email"
            autocomplete="username"
            required
            value={email}
            onValue={setEmail}
          />
          <TextField
            label={text.gate.password}
            type="password"
            autocomplete="current-password"
            required
            value={password}
            onValue={setPassword}
          />
        </Form>
      )}
      {session.methods.oidc && (
        <a class="button button-wide" href="/api/oidc/start">
          {text.gate.provider}
        </a>
      )}
      <TokenForm onToken={onToken} />
    </GateCard>
  );
}

function TokenForm({ onToken }: { onToken: (token: string) => void }) {
  const { text } = useLocale();
  const [token, setToken] = useState('');
  const submit = (event: Event): void => {
    event.preventDefault();
    if (token.trim() !== '') onToken(token.trim());
  };
  return (
    <form class="gate-other" onSubmit={submit}>
      <h2 class="gate-subtitle">{text.gate.owner}</h2>
      <p class="gate-how">{text.gate.how}</p>
      <div class="gate-token">
        <TextField
          label={text.gate.label}
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          value={token}
          onValue={setToken}
        />
        <button class="button" type="submit">
          {text.gate.submit}
        </button>
      </div>
    </form>
  );
}
