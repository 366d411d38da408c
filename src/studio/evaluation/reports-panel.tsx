import { useCallback } from 'preact/hooks';
import type {
  EvaluationList,
  ReportComparison,
  TaskReportDetail,
  TaskReportSummary,
} from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { type Polled, usePolled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import { ChoiceField } from '../parts/field.js';
import { Empty, Loaded, Panel } from '../parts/panel.js';
import { type Address, navigate, withQuery } from '../router.js';
import { ReportDetail } from './report-detail.js';
import { SideBySide } from './side-by-side.js';
import { taskWord } from './task-words.js';

const REPORT_MS = 60_000;

/** A report's name in the address: the model, and the task of one that learned several. */
const keyOf = ({ model, part }: Pick<TaskReportSummary, 'model' | 'part'>): string =>
  part === null ? model : `${model}/${part}`;

interface ReportsPanelProps {
  api: Api;
  evaluations: Polled<EvaluationList>;
  address: Address;
}

/** Models fitted to tasks: one report, or two side by side; which ones stands in the address. */
export function ReportsPanel({ api, evaluations, address }: ReportsPanelProps) {
  const { text } = useLocale();
  return (
    <Panel title={text.evaluate.reportsTitle} area="wide">
      <Loaded source={evaluations} skeletonLines={8}>
        {({ reports }) => {
          const [first] = reports;
          if (first === undefined) {
            const { noReports, noReportsHint } = text.evaluate;
            return <Empty title={noReports} hint={noReportsHint} command="moat task classification --data FILE" />;
          }
          const named = (name: string): TaskReportSummary | undefined =>
            reports.find((report) => keyOf(report) === address.query.get(name));
          const shown = named('report') ?? first;
          return <Chosen api={api} address={address} reports={reports} shown={shown} beside={named('beside')} />;
        }}
      </Loaded>
    </Panel>
  );
}

interface ChosenProps {
  api: Api;
  address: Address;
  reports: readonly TaskReportSummary[];
  shown: TaskReportSummary;
  beside: TaskReportSummary | undefined;
}

function Chosen({ api, address, reports, shown, beside }: ChosenProps) {
  const { text, language } = useLocale();
  const options = reports.map((report) => ({
    value: keyOf(report),
    label: [keyOf(report), taskWord(language, report.title), report.measuredOn ?? []].flat().join(' · '),
  }));
  const others = options.filter(({ value }) => value !== keyOf(shown));
  return (
    <>
      <div class="choices">
        <ChoiceField
          label={text.evaluate.report}
          options={options}
          value={keyOf(shown)}
          onValue={(value) => navigate(withQuery(address, 'report', value), 'replace')}
        />
        <ChoiceField
          label={text.evaluate.beside}
          options={[{ value: '', label: text.evaluate.nothing }, ...others]}
          value={beside === undefined ? '' : keyOf(beside)}
          onValue={(value) => navigate(withQuery(address, 'beside', value === '' ? null : value), 'replace')}
        />
      </div>
      {beside === undefined || beside === shown ? (
        <One key={keyOf(shown)} api={api} of={shown} />
      ) : (
        <Two key={`${keyOf(shown)} ${keyOf(beside)}`} api={api} of={[shown, beside]} />
      )}
    </>
  );
}

async function readReport(
  api: Api,
  { model, part }: TaskReportSummary,
  signal: AbortSignal,
): Promise<TaskReportDetail> {
  const at = `/api/evaluations/${encodeURIComponent(model)}`;
  const { reports } = await api.get<{ reports: TaskReportDetail[] }>(at, signal);
  const found = reports.find((report) => report.part === part);
  if (found === undefined) throw new Error(`${model}: no report of ${part ?? 'it'}`);
  return found;
}

async function readComparison(
  api: Api,
  ours: TaskReportSummary,
  theirs: TaskReportSummary,
  signal: AbortSignal,
): Promise<ReportComparison | null> {
  const query = new URLSearchParams({ left: keyOf(ours), right: keyOf(theirs) });
  const at = `/api/evaluation-comparison?${query}`;
  return (await api.get<{ comparison: ReportComparison | null }>(at, signal)).comparison;
}

function One({ api, of }: { api: Api; of: TaskReportSummary }) {
  const { model, part } = of;
  const report = usePolled(
    useCallback((signal: AbortSignal) => readReport(api, of, signal), [api, model, part]),
    REPORT_MS,
  );
  return (
    <Loaded source={report} skeletonLines={8}>
      {(detail) => <ReportDetail report={detail} />}
    </Loaded>
  );
}

function Two({ api, of }: { api: Api; of: readonly [TaskReportSummary, TaskReportSummary] }) {
  const [ours, theirs] = of;
  const reports = usePolled(
    useCallback(
      (signal: AbortSignal) =>
        Promise.all([
          readReport(api, ours, signal),
          readReport(api, theirs, signal),
          readComparison(api, ours, theirs, signal),
        ]),
      [api, keyOf(ours), keyOf(theirs)],
    ),
    REPORT_MS,
  );
  return (
    <Loaded source={reports} skeletonLines={8}>
      {([left, right, comparison]) => <SideBySide left={left} right={right} comparison={comparison} />}
    </Loaded>
  );
}
