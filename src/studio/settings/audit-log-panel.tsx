import { useCallback, useState } from 'preact/hooks';
import type { AuditLogEntry, AuditLogVerification } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { usePaged } from '../api/use-paged.js';
import { usePolled } from '../api/use-polled.js';
import { MoreOf } from '../customers/usage-events-panel.js';
import { useLocale } from '../i18n/locale.js';
import type { PageProps } from '../pages.js';
import { CopyLine } from '../parts/secret.js';
import { Empty, Loaded, Panel } from '../parts/panel.js';
import { Link } from '../router.js';
import { type AuditFact, actorName, auditFacts } from './audit-details.js';

/** The whole chain is computed anew: not something to do every few seconds. */
const VERIFY_MS = 300_000;

/** Who did what, and whether the book of it was ever rewritten. */
export function AuditLogPanel({ api }: PageProps) {
  return (
    <div class="dashboard">
      <Verification api={api} />
      <Entries api={api} />
    </div>
  );
}

function Verification({ api }: { api: Api }) {
  const { text, format } = useLocale();
  const verification = usePolled(
    useCallback((signal: AbortSignal) => api.get<AuditLogVerification>('/api/audit-log/verification', signal), [api]),
    VERIFY_MS,
  );
  return (
    <Panel
      title={text.audit.verification}
      area="wide"
      aside={
        <button class="link" type="button" onClick={verification.reload}>
          {text.audit.again}
        </button>
      }
    >
      <Loaded source={verification} skeletonLines={2}>
        {({ entryCount, broken, head }) =>
          entryCount === 0 && broken === null ? (
            <p class="lead">{text.audit.empty}</p>
          ) : (
            <>
              <p class={`verdict tone-${broken === null ? 'good' : 'bad'}`} role="status">
                {broken === null
                  ? text.audit.whole(format.integer(entryCount))
                  : text.audit.broken(broken.id, broken.why)}
              </p>
              <p class="lead">{text.audit.head(head.id)}</p>
              <CopyLine value={head.hash} label={text.audit.hash} />
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Entries({ api }: { api: Api }) {
  const { text } = useLocale();
  const entries = usePaged(
    useCallback(
      async (before: string | null, signal?: AbortSignal) => {
        const query = before === null ? '' : `?before=${before}`;
        const page = await api.get<{ entries: AuditLogEntry[]; nextBefore: string | null }>(
          `/api/audit-log${query}`,
          signal,
        );
        return { rows: page.entries, nextBefore: page.nextBefore };
      },
      [api],
    ),
  );
  return (
    <Panel title={text.settings.sections.audit} area="wide">
      <Loaded source={entries.source} skeletonLines={8}>
        {(list) =>
          list.length === 0 ? (
            <Empty title={text.audit.empty} hint={text.audit.emptyHint} />
          ) : (
            <>
              <table class="table cards" role="table">
                <thead role="rowgroup">
                  <tr role="row">
                    <th role="columnheader">{text.audit.what}</th>
                    <th role="columnheader">{text.usage.time}</th>
                    <th role="columnheader">{text.audit.who}</th>
                    <th role="columnheader">{text.audit.details}</th>
                  </tr>
                </thead>
                <tbody role="rowgroup">
                  {list.map((entry) => (
                    <EntryRow key={entry.id} entry={entry} />
                  ))}
                </tbody>
              </table>
              <MoreOf list={entries} />
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}

function EntryRow({ entry }: { entry: AuditLogEntry }) {
  const locale = useLocale();
  const { text, format } = locale;
  const { id, time, actor, action, target, details, hash } = entry;
  const known = new Map<string, string>(Object.entries(text.audit.actions));
  const [isOpen, setOpen] = useState(false);
  return (
    <tr role="row">
      <td role="cell" class="card-title">
        {known.get(action) ?? <code class="code">{action}</code>}
      </td>
      <td role="cell" class="soft" data-label={text.usage.time}>
        <time dateTime={time} title={time}>
          {format.moment(time, Date.now())}
        </time>
      </td>
      <td role="cell" class="soft wrap" data-label={text.audit.who}>
        {actorName(entry, text)}
      </td>
      <td role="cell" class="wrap audit-details">
        <div class="audit-line">
          <dl class="audit-facts">
            {auditFacts(entry, locale).map((fact) => (
              <Fact key={fact.label} fact={fact} />
            ))}
          </dl>
          <button
            class="link audit-raw"
            type="button"
            aria-expanded={isOpen}
            aria-label={text.audit.rawOf(known.get(action) ?? action, format.moment(time, Date.now()))}
            onClick={() => setOpen(!isOpen)}
          >
            {text.audit.raw}
          </button>
        </div>
        {isOpen && (
          <pre class="code-block">{JSON.stringify({ id, time, actor, action, target, details, hash }, null, 2)}</pre>
        )}
      </td>
    </tr>
  );
}

function Fact({ fact: { label, value, href, isCode } }: { fact: AuditFact }) {
  const shown = isCode ? <code class="code">{value}</code> : value;
  return (
    <div>
      <dt>{label}</dt>
      <dd>
        {href === null ? (
          shown
        ) : (
          <Link class="row-link" href={href}>
            {shown}
          </Link>
        )}
      </dd>
    </div>
  );
}
