import { useCallback } from 'preact/hooks';
import type { RunSummary } from '../../company/gateway/api-types.js';
import { usePolled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import type { PageProps } from '../pages.js';
import { NewRun } from '../training/new-run.js';
import { OverlayPanel } from '../training/overlay-panel.js';
import { TrainingPanel } from '../training/training-panel.js';
import { PageHead } from '../parts/page-head.js';
import { navigate, withQuery } from '../router.js';

const RUNS_MS = 4000;

/** Every training run; the one that is looked at, and those that are compared, stand in the address. */
export function RunsPage({ api, address, dark }: PageProps) {
  const { text } = useLocale();
  const runs = usePolled(
    useCallback(
      async (signal: AbortSignal) => (await api.get<{ runs: RunSummary[] }>('/api/runs', signal)).runs,
      [api],
    ),
    RUNS_MS,
  );
  const choose = (name: string): void => navigate(withQuery(address, 'run', name), 'replace');
  const changed = (name: string): void => {
    choose(name);
    runs.reload();
  };
  return (
    <>
      <PageHead title={text.pages.runs}>
        <NewRun api={api} onStarted={changed} />
      </PageHead>
      <div class="training-page">
        <TrainingPanel
          api={api}
          runs={runs}
          dark={dark}
          chosen={address.query.get('run')}
          onChoose={choose}
          onChanged={changed}
        />
        {runs.data !== undefined && runs.data.length > 1 && (
          <OverlayPanel
            api={api}
            runs={runs.data}
            dark={dark}
            chosen={address.query.get('over')?.split(',') ?? []}
            onChoose={(names) =>
              navigate(withQuery(address, 'over', names.length === 0 ? null : names.join(',')), 'replace')
            }
          />
        )}
      </div>
    </>
  );
}
