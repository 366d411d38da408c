import type { DataSummary, DroppedReason } from '../../company/gateway/api-types.js';
import { useLocale } from '../i18n/locale.js';
import { BarList } from '../parts/bar-list.js';
import { Panel } from '../parts/panel.js';

/** What was left out by reason, each with the first few documents to look at. */
export function DroppedPanel({ corpus: { dropped, read } }: { corpus: DataSummary }) {
  const { text, format } = useLocale();
  const words: Readonly<Record<string, string>> = text.data.reasons;
  return (
    <Panel title={text.data.reasonsTitle} area="main" aside={text.data.reasonsHint}>
      {dropped.length === 0 ? (
        <p class="lead">{text.data.nothingDropped}</p>
      ) : (
        <BarList
          bars={dropped.map(({ reason, documents, bytes, examples }) => ({
            key: reason,
            label: (
              <>
                {words[reason] ?? text.data.otherReason} <code class="soft">{reason}</code>
              </>
            ),
            value: documents,
            note: `${format.integer(documents)} · ${format.shareOf(bytes, read.bytes)}`,
            ...(examples.length === 0 ? {} : { detail: <Examples examples={examples} /> }),
          }))}
        />
      )}
    </Panel>
  );
}

function Examples({ examples }: Pick<DroppedReason, 'examples'>) {
  const { text } = useLocale();
  return (
    <ul class="examples">
      {examples.map(({ id, detail, excerpt, copyOf }) => (
        <li key={id}>
          <p class="row-note row-wrap">
            <code>{id}</code> {copyOf !== null && text.data.copyOf} <code lang="en">{copyOf ?? detail}</code>
          </p>
          {excerpt !== null && <p class="exchange-text quote">{excerpt}</p>}
        </li>
      ))}
    </ul>
  );
}
