import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import type { DuplicateGroup, DuplicatePage } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { usePolled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import { Loaded, Panel } from '../parts/panel.js';
import { type Stretch, differences } from './differences.js';

const DUPLICATES_MS = 300_000;
const PAGE = 5;
const TYPING_MS = 250;

/** Copies that were left out, beside the text that was kept: were they copies? */
export function DuplicatesPanel({ api }: { api: Api }) {
  const { text } = useLocale();
  const [typed, setTyped] = useState('');
  const [asked, setAsked] = useState({ search: '', from: 0 });
  useEffect(() => {
    const timer = setTimeout(
      () => setAsked((last) => (last.search === typed ? last : { search: typed, from: 0 })),
      TYPING_MS,
    );
    return () => clearTimeout(timer);
  }, [typed]);
  const page = usePolled(
    useCallback(
      async (signal: AbortSignal) => {
        const query = new URLSearchParams({ search: asked.search, from: String(asked.from), limit: String(PAGE) });
        return (await api.get<{ duplicates: DuplicatePage | null }>(`/api/data/duplicates?${query}`, signal))
          .duplicates;
      },
      [api, asked],
    ),
    DUPLICATES_MS,
  );
  const search = (
    <input
      class="input input-small"
      type="search"
      placeholder={text.duplicates.search}
      aria-label={text.duplicates.search}
      value={typed}
      maxLength={200}
      onInput={(event) => setTyped(event.currentTarget.value)}
    />
  );
  return (
    <Panel title={text.duplicates.title} area="wide" aside={search}>
      <Loaded source={page} skeletonLines={4}>
        {(found) => <Found found={found} asked={asked} onTurn={(from) => setAsked({ ...asked, from })} />}
      </Loaded>
    </Panel>
  );
}

interface FoundProps {
  found: DuplicatePage | null;
  asked: { search: string; from: number };
  onTurn: (from: number) => void;
}

function Found({ found, asked: { search, from }, onTurn }: FoundProps) {
  const { text, format } = useLocale();
  if (found === null) return <p class="lead">{text.duplicates.older}</p>;
  if (found.total === 0) return <p class="lead">{search === '' ? text.duplicates.none : text.duplicates.noMatch}</p>;
  const last = Math.min(from + PAGE, found.total);
  return (
    <>
      {!found.isComplete && <p class="lead">{text.duplicates.sample}</p>}
      <ul class="duplicates">
        {found.groups.map((group) => (
          <Group key={group.kept.id} group={group} />
        ))}
      </ul>
      <nav class="pager" aria-label={text.duplicates.pages}>
        <button
          class="button button-small"
          type="button"
          disabled={from === 0}
          onClick={() => onTurn(Math.max(0, from - PAGE))}
        >
          {text.duplicates.before}
        </button>
        <span class="soft" role="status">
          {text.duplicates.range(format.integer(from + 1), format.integer(last), format.integer(found.total))}
        </span>
        <button
          class="button button-small"
          type="button"
          disabled={last >= found.total}
          onClick={() => onTurn(from + PAGE)}
        >
          {text.duplicates.after}
        </button>
      </nav>
    </>
  );
}

function Group({ group: { kept, count, copies } }: { group: DuplicateGroup }) {
  const { text, format } = useLocale();
  const [chosen, setChosen] = useState(0);
  const copy = copies[chosen] ?? copies[0];
  const [left, right] = useMemo(() => differences(kept.text, copy?.text ?? ''), [kept.text, copy?.text]);
  if (copy === undefined) return null;
  const reasons: Readonly<Record<string, string>> = text.data.reasons;
  return (
    <li class="duplicate">
      <section class="duplicate-text" aria-label={text.duplicates.kept}>
        <p class="row-note row-wrap">
          <span class="badge badge-finished">{text.duplicates.kept}</span> <code>{kept.id}</code>{' '}
          {text.duplicates.sides[kept.side]}
        </p>
        <Passage stretches={left} isCut={kept.isCut} />
      </section>
      <section class="duplicate-text" aria-label={text.duplicates.dropped}>
        <p class="row-note row-wrap">
          <span class="badge badge-failed">{text.duplicates.dropped}</span> <code>{copy.id}</code>{' '}
          {reasons[copy.reason] ?? copy.reason}
          {shareOf(copy.detail) !== undefined && ` · ${text.duplicates.alike(shareOf(copy.detail) ?? '')}`}
        </p>
        <Passage stretches={right} isCut={copy.isCut} />
        {count > 1 && (
          <p class="duplicate-others">
            <span class="soft">{text.duplicates.copies(format.integer(count))}</span>
            {copies.map(({ id }, index) => (
              <button
                key={id}
                class="link"
                type="button"
                aria-pressed={index === chosen}
                aria-label={text.duplicates.showCopy(format.integer(index + 1), id)}
                onClick={() => setChosen(index)}
              >
                {format.integer(index + 1)}
              </button>
            ))}
          </p>
        )}
      </section>
    </li>
  );
}

/** Of "shares 83 % of its 5-grams with …". */
const shareOf = (detail: string): string | undefined => /shares (\d+) %/.exec(detail)?.[1];

function Passage({ stretches, isCut }: { stretches: readonly Stretch[]; isCut: boolean }) {
  return (
    <p class="exchange-text quote duplicate-passage" tabIndex={0}>
      {stretches.map(({ text, isOwn }, index) => (isOwn ? <mark key={index}>{text}</mark> : text))}
      {isCut && ' …'}
    </p>
  );
}
