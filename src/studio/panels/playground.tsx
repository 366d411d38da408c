import { useState } from 'preact/hooks';
import type { ModelSummary, Overview } from '../../company/gateway/api-types.js';
import type { Question } from '../api/asked.js';
import type { Api } from '../api/client.js';
import type { Polled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import { Empty, Loaded, Panel } from '../parts/panel.js';
import { Composer } from './composer.js';
import { DEFAULT_SETTINGS, PlaygroundSettings, type Settings } from './playground-settings.js';
import { askedIn, questionOf, type Wish } from './question.js';
import { readSampling } from './sampling.js';
import { ShareDialog } from './share-dialog.js';
import { Transcript } from './transcript.js';
import { useConversation } from './use-conversation.js';

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
        {({ models, currency }) =>
          models.length === 0 ? (
            <Empty title={text.playground.noModel} hint={text.models.emptyHint} command="moat train" />
          ) : (
            <Playground api={api} models={models} currency={currency} onAnswered={onAnswered} />
          )
        }
      </Loaded>
    </Panel>
  );
}

interface PlaygroundProps {
  api: Api;
  models: readonly ModelSummary[];
  currency: string;
  onAnswered: () => void;
}

/** One model, or the same words put to two of them. */
function Playground({ api, models, currency, onAnswered }: PlaygroundProps) {
  const { text } = useLocale();
  const [settings, setSettings] = useState(DEFAULT_SETTINGS);
  const [rejected, setRejected] = useState(false);
  const [shared, setShared] = useState<Question | undefined>();
  const left = useConversation(api, onAnswered);
  const right = useConversation(api, onAnswered);
  const named = (id: string): ModelSummary | undefined => models.find((model) => model.id === id);
  const model = named(settings.model) ?? models[0];
  const other = named(settings.second);
  if (model === undefined) return null;
  const both = [left, right] as const;
  const read = (): Wish | undefined => {
    const sampling = readSampling(settings.fields);
    setRejected(sampling === undefined);
    return sampling && { mode: settings.mode, showsTokens: settings.showsTokens, sampling };
  };
  const send = (input: string): boolean => {
    const wish = read();
    if (wish === undefined) return false;
    left.ask(input, (turns) => questionOf(wish, model.id, turns));
    if (other !== undefined) right.ask(input, (turns) => questionOf(wish, other.id, turns));
    return true;
  };
  const share = (): void => {
    const wish = read();
    if (wish !== undefined) setShared(questionOf(wish, model.id, askedIn(left.turns, text.playground.example)));
  };
  const clear = (): void => both.forEach((conversation) => conversation.clear());
  const change = (next: Settings): void => {
    // What was said to a chat means nothing to a completion; what one model answered, nothing to another.
    if (next.mode !== settings.mode) clear();
    if (next.second !== settings.second) right.clear();
    setSettings(next);
  };
  return (
    <div class="playground">
      <div class="playground-talk">
        <div class={other === undefined ? 'transcripts' : 'transcripts transcripts-two'}>
          <Transcript conversation={left} model={model} currency={currency} />
          {other !== undefined && <Transcript conversation={right} model={other} currency={currency} />}
        </div>
        {rejected && (
          <p class="notice notice-bad" role="alert">
            {text.playground.outOfRange}
          </p>
        )}
        <Composer
          key={settings.mode}
          mode={settings.mode}
          asking={both.some(({ asking }) => asking)}
          onSend={send}
          onStop={() => both.forEach((conversation) => conversation.stop())}
        />
      </div>
      <PlaygroundSettings
        models={models}
        settings={{ ...settings, model: model.id }}
        onChange={change}
        onShare={share}
        onClear={both.some(({ turns }) => turns.length > 0) ? clear : undefined}
      />
      {shared !== undefined && <ShareDialog question={shared} onClose={() => setShared(undefined)} />}
    </div>
  );
}
