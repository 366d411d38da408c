import type { CustomerSummary, Overview, RunSummary } from '../../company/gateway/api-types.js';
import type { Polled } from '../api/use-polled.js';
import type { Dictionary } from '../i18n/dictionary.js';
import { useLocale } from '../i18n/locale.js';
import { Loaded, Panel } from '../parts/panel.js';
import { Link } from '../router.js';

interface AttentionProps {
  overview: Polled<Overview>;
  customers: Polled<CustomerSummary[]>;
  runs: Polled<RunSummary[]>;
}

interface Matter {
  readonly what: string;
  readonly why: string;
  /** Where something can be done about it. */
  readonly href: string | null;
}

const MOST_SHOWN = 6;

/** What would not show in a sum: who has run out of credit, which run broke off, which model cannot be bought. */
export function AttentionPanel({ overview, customers, runs }: AttentionProps) {
  const { text } = useLocale();
  return (
    <Panel title={text.attention.title} area="attention">
      <Loaded source={customers} skeletonLines={2}>
        {(list) => <Matters matters={mattersOf(text, overview.data, list, runs.data ?? [])} />}
      </Loaded>
    </Panel>
  );
}

function mattersOf(
  text: Dictionary,
  overview: Overview | undefined,
  customers: readonly CustomerSummary[],
  runs: readonly RunSummary[],
): Matter[] {
  const unpriced = (overview?.models ?? []).filter((model) => model.outputMicrosPerMillionTokens === null);
  const broken = runs.filter(({ state }) => state === 'failed' || state === 'interrupted');
  const empty = customers.filter(({ balanceMicros, keyCount }) => BigInt(balanceMicros) <= 0n && keyCount > 0);
  return [
    ...broken.map(({ name, state }) => ({
      what: name,
      why: text.runs.states[state],
      href: `/runs?run=${encodeURIComponent(name)}`,
    })),
    ...empty.map(({ id, name }) => ({ what: name, why: text.attention.noCredit, href: `/customers/${id}` })),
    ...unpriced.map(({ id }) => ({ what: id, why: text.attention.noPrice, href: null })),
  ];
}

function Matters({ matters }: { matters: readonly Matter[] }) {
  const { text, format } = useLocale();
  if (matters.length === 0) return <p class="lead">{text.attention.nothing}</p>;
  const hidden = matters.length - MOST_SHOWN;
  return (
    <>
      <ul class="rows">
        {matters.slice(0, MOST_SHOWN).map(({ what, why, href }) => (
          <li class="row" key={`${what} ${why}`}>
            {href === null ? (
              <span class="row-name">{what}</span>
            ) : (
              <Link class="row-name row-link" href={href}>
                {what}
              </Link>
            )}
            <span class="row-why">{why}</span>
          </li>
        ))}
      </ul>
      {hidden > 0 && <p class="footnote">{text.attention.more(format.integer(hidden))}</p>}
    </>
  );
}
