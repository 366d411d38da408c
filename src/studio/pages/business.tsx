import type { FunctionComponent } from 'preact';
import { useCallback, useId, useLayoutEffect, useRef } from 'preact/hooks';
import type { BusinessReport } from '../../company/gateway/api-types.js';
import { usePolled } from '../api/use-polled.js';
import { CanvasSection } from '../business/canvas-section.js';
import { LoadSection } from '../business/load-section.js';
import { MarketSection } from '../business/market-section.js';
import { PricesSection } from '../business/prices-section.js';
import { ResultSection } from '../business/result-section.js';
import { ScenarioSection } from '../business/scenario-section.js';
import type { SectionProps } from '../business/section.js';
import type { Dictionary } from '../i18n/dictionary.js';
import { useLocale } from '../i18n/locale.js';
import type { PageProps } from '../pages.js';
import { Download } from '../parts/download.js';
import { PageHead } from '../parts/page-head.js';
import { Loaded } from '../parts/panel.js';
import { Link, navigate, withQuery } from '../router.js';

interface Section {
  readonly path: string;
  readonly name: keyof Dictionary['business']['sections'];
  readonly Section: FunctionComponent<SectionProps>;
}

const SECTIONS: readonly Section[] = [
  { path: '/business', name: 'result', Section: ResultSection },
  { path: '/business/load', name: 'load', Section: LoadSection },
  { path: '/business/canvas', name: 'canvas', Section: CanvasSection },
  { path: '/business/market', name: 'market', Section: MarketSection },
  { path: '/business/scenarios', name: 'scenarios', Section: ScenarioSection },
  { path: '/business/prices', name: 'prices', Section: PricesSection },
];
const REPORT_MS = 60_000;

/** What the business costs, earns and may become, in the month of the address. */
export function BusinessPage({ api, address, dark }: PageProps) {
  const { text } = useLocale();
  const month = address.query.get('month');
  const report = usePolled(
    useCallback(
      (signal: AbortSignal) =>
        api.get<BusinessReport>(`/api/business${month === null ? '' : `?month=${encodeURIComponent(month)}`}`, signal),
      [api, month],
    ),
    REPORT_MS,
  );
  const section = SECTIONS.find(({ path }) => path === address.path) ?? SECTIONS[0];
  const tabs = useRef<HTMLElement>(null);
  const path = section?.path;
  useLayoutEffect(() => {
    // On a phone the row of tabs is longer than the window.
    tabs.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [path]);
  if (section === undefined) return null;
  return (
    <>
      <PageHead title={text.business.sections[section.name]} above={<span class="back">{text.pages.business}</span>}>
        {report.data !== undefined && (
          <div class="page-tools">
            <OnPaper api={api} report={report.data} section={section.name} />
            <MonthChoice
              report={report.data}
              onMonth={(chosen) => navigate(withQuery(address, 'month', chosen), 'replace')}
            />
          </div>
        )}
      </PageHead>
      <nav class="tabs" ref={tabs} aria-label={text.pages.business}>
        {SECTIONS.map(({ path, name }) => (
          <Link
            key={path}
            class="tab"
            href={withQuery({ ...address, path }, 'month', month)}
            current={path === section.path}
          >
            {text.business.sections[name]}
          </Link>
        ))}
      </nav>
      <Loaded source={report} skeletonLines={8}>
        {(data) => (
          <>
            {!data.isOver && section.name === 'result' && <p class="notice business-notice">{text.business.running}</p>}
            <section.Section key={section.path} report={data} api={api} dark={dark} />
          </>
        )}
      </Loaded>
    </>
  );
}

/** The month's report, and where the canvas is looked at, the canvas. */
function OnPaper({ api, report, section }: Pick<SectionProps, 'api' | 'report'> & { section: Section['name'] }) {
  const { text, language } = useLocale();
  const what = section === 'canvas' && report.canvas !== null ? 'canvas' : 'report';
  return (
    <Download
      api={api}
      path={`/api/business/${what}.pdf?month=${report.month}&language=${language}`}
      fileName={`${what}-${report.month}.pdf`}
      shown={text.business.onPaper[what]}
      asButton
    />
  );
}

function MonthChoice({ report, onMonth }: { report: BusinessReport; onMonth: (month: string) => void }) {
  const id = useId();
  const { text, format } = useLocale();
  return (
    <div class="month-choice">
      <label class="field-label" for={id}>
        {text.business.month}
      </label>
      <select
        id={id}
        class="input input-small"
        value={report.month}
        onChange={(event) => onMonth(event.currentTarget.value)}
      >
        {report.months.map((month) => (
          <option key={month} value={month}>
            {format.month(month)}
          </option>
        ))}
      </select>
    </div>
  );
}
