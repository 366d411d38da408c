import { useCallback } from 'preact/hooks';
import type { RunSummary } from '../../company/gateway/api-types.js';
import { usePolled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import type { PageProps } from '../pages.js';
import { OverlayPanel } from '../panels/overlay.js';
import { TrainingPanel } from '../panels/training.js';
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
  return (
    <>
      <PageHead title={text.pages.runs} />
      <div class="training-page">
        <TrainingPanel
          api={api}
          runs={runs}
          dark={dark}
          chosen={address.query.get('run')}
          onChoose={(name) => navigate(withQuery(address, 'run', name), 'replace')}
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
