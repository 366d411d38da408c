import { useState } from 'preact/hooks';
import type { ModelSummary, Overview } from '../../company/gateway/api-types.js';
import type { Question } from '../api/ask-model.js';
import type { Api } from '../api/client.js';
import type { Polled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import { Empty, Loaded, Panel } from '../parts/panel.js';
import { Segments } from '../parts/segments.js';
import { DEFAULT_SAMPLING, readSampling, type Sampling, SamplingForm } from './sampling.js';
import { Transcript } from './transcript.js';
import { type Turn, useConversation } from './use-conversation.js';

type Mode = 'chat' | 'completion';

interface PlaygroundPanelProps {
  api: Api;
  overview: Polled<Overview>;
  onAnswered: () => void;
}

export function PlaygroundPanel({ api, overview, onAnswered }: PlaygroundPanelProps) {
  const { text } = useLocale();
  return (
    <Panel title={text.playground.title} area="playground">
      <Loaded source={overview} skeletonLines={6}>
        {({ models }) =>
          models.length === 0 ? (
            <Empty title={text.playground.noModel} hint={text.models.emptyHint} command="moat serve" />
          ) : (
            <Playground api={api} models={models} onAnswered={onAnswered} />
          )
        }
      </Loaded>
    </Panel>
  );
}

function Playground(props: { api: Api; models: readonly ModelSummary[]; onAnswered: () => void }) {
  const { text } = useLocale();
  const [mode, setMode] = useState<Mode>('chat');
  const [chosen, setChosen] = useState<string | null>(null);
  const [fields, setFields] = useState(DEFAULT_SAMPLING);
  const [rejected, setRejected] = useState(false);
  const conversation = useConversation(props.api, props.onAnswered);
  const model = props.models.find(({ id }) => id === chosen)?.id ?? props.models[0]?.id ?? '';
  const send = (input: string): boolean => {
    const sampling = readSampling(fields);
    setRejected(sampling === undefined);
    if (sampling === undefined) return false;
    conversation.ask(input, (turns) => questionOf(mode, model, sampling, turns));
    return true;
  };
  const switchMode = (next: Mode): void => {
    conversation.clear();
    setMode(next);
  };
  return (
    <div class="playground">
      <div class="playground-talk">
        <Transcript turns={conversation.turns} asking={conversation.asking} model={model} />
        {rejected && (
          <p class="notice notice-bad" role="alert">
            {text.playground.outOfRange}
          </p>
        )}
        <Composer key={mode} mode={mode} asking={conversation.asking} onSend={send} onStop={conversation.stop} />
      </div>
      <div class="playground-settings">
        <Segments
          name="mode"
          label={text.playground.mode}
          options={[
            { value: 'chat', label: text.playground.chat },
            { value: 'completion', label: text.playground.completion },
          ]}
          value={mode}
          onChange={switchMode}
        />
        <label class="field">
          <span class="field-label">{text.playground.model}</span>
          <select class="input" value={model} onChange={(event) => setChosen(event.currentTarget.value)}>
            {props.models.map(({ id }) => (
              <option key={id} value={id}>
                {id}
              </option>
            ))}
          </select>
        </label>
        <SamplingForm fields={fields} onChange={setFields} />
        <button
          class="button button-quiet"
          type="button"
          disabled={conversation.turns.length === 0}
          onClick={conversation.clear}
        >
          {text.playground.clear}
        </button>
      </div>
    </div>
  );
}

/** A chat sends what was said so far, less the answers that never came; a completion only the text just written. */
function questionOf(mode: Mode, model: string, sampling: Sampling, turns: readonly Turn[]): Question {
  if (mode === 'completion') return { model, prompt: turns.at(-1)?.content ?? '', ...sampling };
  const messages = turns.filter((turn) => turn.content !== '').map(({ role, content }) => ({ role, content }));
  return { model, messages, ...sampling };
}

interface ComposerProps {
  mode: Mode;
  asking: boolean;
  /** false when the input was not taken, and stays. */
  onSend: (input: string) => boolean;
  onStop: () => void;
}

function Composer({ mode, asking, onSend, onStop }: ComposerProps) {
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
