import { useCallback } from 'preact/hooks';
import type { Overview, RunSummary } from '../../company/gateway/api-types.js';
import { usePolled } from '../api/use-polled.js';
import { useCustomers } from '../customers/use-customers.js';
import { useLocale } from '../i18n/locale.js';
import { mayDo, type PageProps } from '../pages.js';
import { AttentionPanel } from '../panels/attention.js';
import { BreakEvenPanel } from '../panels/break-even.js';
import { ModelsPanel } from '../panels/models.js';
import { TodayPanel } from '../panels/today.js';
import { UsagePanel } from '../panels/usage.js';
import { Fetched } from '../parts/fetched.js';
import { PageHead } from '../parts/page-head.js';

const OVERVIEW_MS = 4000;
const ATTENTION_MS = 15_000;

/** With the library that draws it: the figures do not wait for it. */
const loadLatestRun = async () => (await import('../panels/latest-run.js')).LatestRunPanel;

/** The business at a glance: what came in today, what it cost, and what wants a look. */
export function HomePage({ api, session, dark }: PageProps) {
  const { text } = useLocale();
  const seesRuns = mayDo(session, 'runs');
  const overview = usePolled(
    useCallback((signal: AbortSignal) => api.get<Overview>('/api/overview', signal), [api]),
    OVERVIEW_MS,
  );
  const customers = useCustomers(api);
  const runs = usePolled(
    useCallback(
      async (signal: AbortSignal) =>
        seesRuns ? (await api.get<{ runs: RunSummary[] }>('/api/runs', signal)).runs : [],
      [api, seesRuns],
    ),
    ATTENTION_MS,
  );
  const project = overview.data?.project;
  const latest = runs.data?.find(({ state }) => state === 'running') ?? runs.data?.[0];
  return (
    <>
      <PageHead title={text.pages.home} note={project !== undefined && <span class="page-note">{project}</span>} />
      <div class="dashboard">
        <TodayPanel overview={overview} />
        <div class="home-main">
          {latest !== undefined && <Fetched load={loadLatestRun} props={{ api, run: latest, dark }} />}
          <UsagePanel overview={overview} />
        </div>
        <div class="side">
          <AttentionPanel overview={overview} customers={customers} runs={runs} />
          <BreakEvenPanel overview={overview} />
          <ModelsPanel overview={overview} title={text.models.title} />
        </div>
      </div>
    </>
  );
}
