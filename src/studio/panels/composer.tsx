import { useState } from 'preact/hooks';
import { useLocale } from '../i18n/locale.js';

export type Mode = 'chat' | 'completion';

interface ComposerProps {
  mode: Mode;
  asking: boolean;
  /** false when the input was not taken, and stays. */
  onSend: (input: string) => boolean;
  onStop: () => void;
}

export function Composer({ mode, asking, onSend, onStop }: ComposerProps) {
  const { text } = useLocale();
  const [input, setInput] = useState('');
  const chat = mode === 'chat';
  const send = (): void => {
    if (asking || input.trim() === '') return;
    if (onSend(input)) setInput('');
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    // Enter also ends a word in Chinese input methods; only a plain one sends.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <label class="composer-field">
        <span class="visually-hidden">{chat ? text.playground.message : text.playground.prompt}</span>
        <textarea
          class="input composer-input"
          rows={2}
          maxLength={100_000}
          placeholder={chat ? text.playground.messagePlaceholder : text.playground.promptPlaceholder}
          value={input}
          onInput={(event) => setInput(event.currentTarget.value)}
          onKeyDown={onKeyDown}
        />
      </label>
      {asking ? (
        <button class="button button-stop" type="button" onClick={onStop}>
          {text.playground.stop}
        </button>
      ) : (
        <button class="button button-primary" type="submit" disabled={input.trim() === ''}>
          {chat ? text.playground.send : text.playground.complete}
        </button>
      )}
    </form>
  );
}
