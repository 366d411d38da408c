import type { BusinessEntry, BusinessReport } from '../../company/gateway/api-types.js';
import { useLocale } from '../i18n/locale.js';
import { factOf, factText, Needs } from './fact-text.js';

/** Lines of the business file, each with what stands behind it. */
export function EntryList({ report, entries }: { report: BusinessReport; entries: readonly BusinessEntry[] }) {
  const { text } = useLocale();
  if (entries.length === 0) return <p class="footnote">{text.business.nothing}</p>;
  return (
    <ul class="entries">
      {entries.map((entry) => (
        <li class="entry" key={entry.text}>
          <span class="entry-text">{entry.text}</span>
          <Behind report={report} entry={entry} />
        </li>
      ))}
    </ul>
  );
}

function Behind({ report, entry: { standing, fact: id, evidence } }: { report: BusinessReport; entry: BusinessEntry }) {
  const locale = useLocale();
  const fact = id === null ? null : factOf(report, id);
  return (
    <span class="entry-behind">
      {fact !== null && standing !== 'missing' && <b class="entry-value">{factText(fact, report.currency, locale)}</b>}
      <Mark standing={standing} />
      {fact !== null && standing === 'missing' && (
        <span class="entry-source">
          <Needs fact={fact} />
        </span>
      )}
      {evidence.map((source) => (
        <span class="entry-source" key={source}>
          <Evidence source={source} />
        </span>
      ))}
    </span>
  );
}

export function Mark({ standing }: { standing: BusinessEntry['standing'] }) {
  const { text } = useLocale();
  return <span class={`badge mark-${standing}`}>{text.business.standings[standing]}</span>;
}

/** A link where it is one; else the name of a file. */
export function Evidence({ source }: { source: string }) {
  if (!/^https?:\/\//.test(source)) return <code class="needs">{source}</code>;
  return (
    <a class="row-link" href={source} target="_blank" rel="noreferrer">
      <code class="needs">{source.replace(/^https?:\/\//, '')}</code>
    </a>
  );
}
