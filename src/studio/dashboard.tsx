import { useCallback } from 'preact/hooks';
import type { Api } from './api/client.js';
import { usePolled } from './api/use-polled.js';
import { Header, type ViewControls } from './header.js';
import { BreakEvenPanel } from './panels/break-even.js';
import { CustomersPanel } from './panels/customers.js';
import { ModelsPanel } from './panels/models.js';
import { PlaygroundPanel } from './panels/playground.js';
import { TodayPanel } from './panels/today.js';
import { TrainingPanel } from './panels/training.js';
import { UsagePanel } from './panels/usage.js';

const OVERVIEW_MS = 4000;
const RUNS_MS = 4000;
const CUSTOMERS_MS = 10_000;

/** Which panels there are and where they read from; each panel is one file. */
export function Dashboard({ api, controls, dark }: { api: Api; controls: ViewControls; dark: boolean }) {
  const overview = usePolled(
    useCallback((signal: AbortSignal) => api.overview(signal), [api]),
    OVERVIEW_MS,
  );
  const runs = usePolled(
    useCallback((signal: AbortSignal) => api.runs(signal), [api]),
    RUNS_MS,
  );
  const customers = usePolled(
    useCallback((signal: AbortSignal) => api.customers(signal), [api]),
    CUSTOMERS_MS,
  );
  return (
    <>
      <Header controls={controls} project={overview.data?.project} />
      <main class="dashboard">
        <TodayPanel overview={overview} />
        <TrainingPanel api={api} runs={runs} dark={dark} />
        <div class="side">
          <BreakEvenPanel overview={overview} />
          <ModelsPanel overview={overview} />
          <CustomersPanel customers={customers} />
        </div>
        <PlaygroundPanel api={api} overview={overview} onAnswered={overview.reload} />
        <UsagePanel overview={overview} />
      </main>
    </>
  );
}
