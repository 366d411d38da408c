import { useCallback, useEffect, useState } from 'preact/hooks';
import type { PreviewedToken, TokenPreview, TokenPreviewWish, TokenizerList } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { usePolled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import { ChoiceField, Problem } from '../parts/field.js';
import { Empty, Loaded, Panel } from '../parts/panel.js';
import { Segments } from '../parts/segments.js';

const TOKENIZERS_MS = 300_000;
const TYPING_MS = 400;
const MAX_TEXT = 100_000;
const EXAMPLE = JSON.stringify({
  messages: [
    { role: 'user', content: 'When does the parcel arrive?' },
    { role: 'assistant', content: 'On Friday, before noon.' },
  ],
});

/** Texts of the corpus, and what one writes oneself, as the tokens that a model learns. */
export function TokensPanel({ api }: { api: Api }) {
  const { text } = useLocale();
  const list = usePolled(
    useCallback((signal: AbortSignal) => api.get<TokenizerList>('/api/data/tokenizers', signal), [api]),
    TOKENIZERS_MS,
  );
  return (
    <Panel title={text.tokens.title} area="wide">
      <Loaded source={list} skeletonLines={3}>
        {({ tokenizers }) =>
          tokenizers.length === 0 ? (
            <Empty title={text.tokens.empty} hint={text.tokens.emptyHint} command="moat tokenizer" />
          ) : (
            <Preview api={api} tokenizers={tokenizers} />
          )
        }
      </Loaded>
    </Panel>
  );
}

function Preview({ api, tokenizers }: { api: Api; tokenizers: readonly string[] }) {
  const { text } = useLocale();
  const [tokenizer, setTokenizer] = useState(tokenizers[0] ?? '');
  const [from, setFrom] = useState<'corpus' | 'own'>('corpus');
  const [place, setPlace] = useState(0);
  const [own, setOwn] = useState(EXAMPLE);
  const [withIds, setWithIds] = useState(false);
  const [preview, setPreview] = useState<TokenPreview>();
  const { run, failure } = useAction(async (wish: TokenPreviewWish) => {
    setPreview(await api.post<TokenPreview>('/api/data/tokens', wish));
  });
  useEffect(() => {
    const wish = from === 'corpus' ? { tokenizer, document: place } : { tokenizer, text: own };
    const timer = setTimeout(() => void run(wish), from === 'corpus' ? 0 : TYPING_MS);
    return () => clearTimeout(timer);
  }, [tokenizer, from, place, own, run]);
  return (
    <>
      <div class="token-settings">
        <Segments
          name="tokens-from"
          label={text.tokens.from}
          options={[
            { value: 'corpus', label: text.tokens.fromCorpus },
            { value: 'own', label: text.tokens.fromOwn },
          ]}
          value={from}
          onChange={setFrom}
        />
        {tokenizers.length > 1 && (
          <ChoiceField
            label={text.tokens.tokenizer}
            options={tokenizers.map((name) => ({ value: name, label: name === '' ? text.tokens.project : name }))}
            value={tokenizer}
            onValue={setTokenizer}
          />
        )}
        <label class="check">
          <input type="checkbox" checked={withIds} onChange={(event) => setWithIds(event.currentTarget.checked)} />
          {text.tokens.ids}
        </label>
      </div>
      {from === 'corpus' ? <Places place={place} onPlace={setPlace} /> : <OwnText value={own} onValue={setOwn} />}
      <Problem failure={failure} />
      {failure === undefined && preview !== undefined && <Pieces preview={preview} withIds={withIds} />}
    </>
  );
}

function Places({ place, onPlace }: { place: number; onPlace: (place: number) => void }) {
  const { text, format } = useLocale();
  return (
    <nav class="pager" aria-label={text.tokens.documents}>
      <button class="button button-small" type="button" disabled={place === 0} onClick={() => onPlace(place - 1)}>
        {text.duplicates.before}
      </button>
      <span class="soft" role="status">
        {text.tokens.document(format.integer(place + 1))}
      </span>
      <button class="button button-small" type="button" onClick={() => onPlace(place + 1)}>
        {text.duplicates.after}
      </button>
    </nav>
  );
}

function OwnText({ value, onValue }: { value: string; onValue: (value: string) => void }) {
  const { text } = useLocale();
  return (
    <div class="field">
      <textarea
        class="input token-input"
        aria-label={text.tokens.own}
        rows={4}
        maxLength={MAX_TEXT}
        value={value}
        onInput={(event) => onValue(event.currentTarget.value)}
      />
      <p class="field-hint">{text.tokens.ownHint}</p>
    </div>
  );
}

function Pieces({ preview, withIds }: { preview: TokenPreview; withIds: boolean }) {
  const { text, format } = useLocale();
  const { kind, id, characters, tokenCount, learnedCount, tokens, isCut } = preview;
  return (
    <>
      <p class="token-facts soft">
        {id !== null && <code>{id}</code>}
        <span>{text.tokens.count(format.integer(tokenCount), format.integer(characters))}</span>
        <span>{kind === 'chat' ? text.tokens.learned(format.integer(learnedCount)) : text.tokens.allLearned}</span>
      </p>
      {kind === 'chat' && (
        <p class="token-legend" aria-hidden="true">
          <span class="piece piece-0">{text.tokens.isLearned}</span>
          <span class="piece piece-given">{text.tokens.isGiven}</span>
        </p>
      )}
      <p class={`pieces ${withIds ? 'pieces-ids' : ''}`} tabIndex={0} aria-label={text.tokens.pieces}>
        {tokens.map((token, index) => (
          <Piece key={index} token={token} tint={index % 4} />
        ))}
        {isCut && <span class="soft"> {text.tokens.cut(format.integer(tokens.length))}</span>}
      </p>
    </>
  );
}

function Piece({ token: { id, text, kind, learned }, tint }: { token: PreviewedToken; tint: number }) {
  return (
    <span
      class={`piece piece-${learned ? tint : 'given'} ${kind === 'text' ? '' : `piece-${kind}`}`}
      title={String(id)}
      data-id={id}
    >
      {text.replaceAll('\n', '↵\n')}
    </span>
  );
}
