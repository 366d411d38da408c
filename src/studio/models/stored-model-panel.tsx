import { useCallback, useState } from 'preact/hooks';
import type { ModelData, ModelList, StoredModel } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { usePolled } from '../api/use-polled.js';
import { sourceName } from './source-name.js';
import { useLocale } from '../i18n/locale.js';
import { MarkdownView } from '../parts/markdown-view.js';
import { Loaded, Panel } from '../parts/panel.js';
import { Link } from '../router.js';
import { ExportDialog } from './export-panel.js';
import { PromoteDialog } from './promote-dialog.js';

const CARD_MS = 300_000;
/** Facts for the Hub; the same stand in the text. */
const FRONT_MATTER = /^---\n[^]*?\n---\s*/;

interface StoredModelPanelProps {
  api: Api;
  model: StoredModel;
  list: ModelList;
  /** Whether the reader may choose what is served. */
  mayChange: boolean;
  onChange: () => void;
  /** An export was begun. */
  onExport: () => void;
}

/** One model: what can be done with it, from which data it came, and the card that goes along with it. */
export function StoredModelPanel(props: StoredModelPanelProps) {
  const { api, model } = props;
  const { text, format } = useLocale();
  const { name, place, writtenAt, data, hasCard } = model;
  return (
    <Panel title={name} area="wide" aside={text.stored.saved(format.dateTime(writtenAt))}>
      <p class="model-links">
        {place === 'runs' ? (
          <Link class="row-link" href={`/runs?run=${encodeURIComponent(name)}`}>
            {text.stored.toRun}
          </Link>
        ) : (
          <Link class="row-link" href={`/evaluate?report=${encodeURIComponent(name)}`}>
            {text.stored.toReport}
          </Link>
        )}
      </p>
      {place === 'runs' && <Uses {...props} />}
      <h3 class="part-title part">{text.stored.data}</h3>
      {data === null ? <p class="lead">{text.stored.noData}</p> : <DataOf data={data} />}
      {hasCard && (
        <>
          <h3 class="part-title part">{text.stored.card}</h3>
          <Card api={api} name={name} />
        </>
      )}
    </Panel>
  );
}

/** Under which names it answers, and the ways to let it answer and to take it elsewhere. */
function Uses({ api, model, list, mayChange, onChange, onExport }: StoredModelPanelProps) {
  const { text } = useLocale();
  const [open, setOpen] = useState<'promote' | 'export'>();
  const [done, setDone] = useState<string>();
  const names = list.served.filter(({ source }) => source?.run === model.name).map(({ id }) => id);
  return (
    <>
      <div class="model-actions">
        {names.length > 0 && (
          <span class="badge badge-finished">{text.promote.answers(names.join(text.punctuation.list))}</span>
        )}
        {mayChange && list.canPromote && (
          <button class="button button-small" type="button" onClick={() => setOpen('promote')}>
            {text.promote.action}
          </button>
        )}
        {mayChange && (
          <button class="button button-small" type="button" onClick={() => setOpen('export')}>
            {text.exports.action}
          </button>
        )}
      </div>
      {mayChange && !list.canPromote && <p class="lead">{text.promote.notHere}</p>}
      <p class="notice" role="status" hidden={done === undefined}>
        {done}
      </p>
      {open === 'promote' && (
        <PromoteDialog
          api={api}
          model={model}
          served={list.served}
          onClose={() => setOpen(undefined)}
          onDone={({ id, source }) => {
            setOpen(undefined);
            setDone(text.promote.done(id, source === null ? model.name : sourceName(source)));
            onChange();
          }}
        />
      )}
      {open === 'export' && (
        <ExportDialog
          api={api}
          model={model}
          onClose={() => setOpen(undefined)}
          onBegun={() => {
            setOpen(undefined);
            onExport();
          }}
        />
      )}
    </>
  );
}

function DataOf({ data }: { data: ModelData }) {
  const { text, format } = useLocale();
  const { licence, sources, files, documents, bytes, languages, trainSha256 } = data;
  const names = languages.map((tag) => (tag === 'und' ? text.data.unknownLanguage : format.languageName(tag)));
  return (
    <dl class="pairs">
      <div class="pair">
        <dt>{text.stored.texts}</dt>
        <dd class="pair-value">
          {text.evaluate.documents(format.integer(documents))} · {format.bytes(bytes)} ·{' '}
          {text.data.files(format.integer(files))}
        </dd>
      </div>
      <div class="pair">
        <dt>{text.data.languagesTitle}</dt>
        <dd class="pair-value">{names.join(text.punctuation.list)}</dd>
      </div>
      <div class="pair">
        <dt>{text.data.licence}</dt>
        <dd class="pair-value">{licence === null ? text.data.unknownLicence : <code>{licence}</code>}</dd>
      </div>
      {sources.map((source) => (
        <div class="pair" key={source.name}>
          <dt>
            <code>{source.name}</code>
          </dt>
          <dd class="pair-value">
            {source.licence === null ? text.data.unknownLicence : <code>{source.licence}</code>}
          </dd>
        </div>
      ))}
      <div class="pair">
        <dt>{text.stored.hash}</dt>
        <dd class="pair-value">
          <code>{trainSha256}</code>
        </dd>
      </div>
    </dl>
  );
}

function Card({ api, name }: { api: Api; name: string }) {
  const { text } = useLocale();
  const card = usePolled(
    useCallback(
      async (signal: AbortSignal) =>
        (await api.get<{ card: string }>(`/api/models/${encodeURIComponent(name)}/card`, signal)).card,
      [api, name],
    ),
    CARD_MS,
  );
  return (
    <Loaded source={card} skeletonLines={6}>
      {(content) => (
        <div class="model-card" lang="en" tabIndex={0} role="region" aria-label={text.stored.card}>
          <MarkdownView text={content.replace(FRONT_MATTER, '')} />
        </div>
      )}
    </Loaded>
  );
}
