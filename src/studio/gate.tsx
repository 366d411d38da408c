import { useState } from 'preact/hooks';
import { Header, type ViewControls } from './header.js';
import { useLocale } from './i18n/locale.js';

/** Asks for the access token when the address brought none, or the server refused it. */
export function Gate(props: { controls: ViewControls; refused: boolean; onToken: (token: string) => void }) {
  const { text } = useLocale();
  const [token, setToken] = useState('');
  const submit = (event: Event): void => {
    event.preventDefault();
    if (token.trim() !== '') props.onToken(token.trim());
  };
  return (
    <>
      <Header controls={props.controls} project={undefined} />
      <main class="gate">
        <form class="gate-card" onSubmit={submit}>
          <h2 class="gate-title">{text.gate.title}</h2>
          <p class="gate-why">{text.gate.why}</p>
          {props.refused && (
            <p class="notice notice-bad" role="alert">
              {text.gate.rejected}
            </p>
          )}
          <p class="gate-how">{text.gate.how}</p>
          <code class="command">moat serve</code>
          <label class="field">
            <span class="field-label">{text.gate.label}</span>
            <input
              class="input"
              type="password"
              autocomplete="off"
              spellcheck={false}
              required
              value={token}
              onInput={(event) => setToken(event.currentTarget.value)}
            />
          </label>
          <button class="button button-primary" type="submit">
            {text.gate.submit}
          </button>
        </form>
      </main>
    </>
  );
}
