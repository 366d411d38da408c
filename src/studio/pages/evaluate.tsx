import { useCallback } from 'preact/hooks';
import type { EvaluationList } from '../../company/gateway/api-types.js';
import { usePolled } from '../api/use-polled.js';
import { ReportsPanel } from '../evaluation/reports-panel.js';
import { RunEvaluations } from '../evaluation/run-evaluations.js';
import { useLocale } from '../i18n/locale.js';
import type { PageProps } from '../pages.js';
import { PageHead } from '../parts/page-head.js';

const EVALUATIONS_MS = 30_000;

/** How good the models are: against baselines, against each other, and where they go wrong. */
export function EvaluatePage({ api, address }: PageProps) {
  const { text } = useLocale();
  const evaluations = usePolled(
    useCallback((signal: AbortSignal) => api.get<EvaluationList>('/api/evaluations', signal), [api]),
    EVALUATIONS_MS,
  );
  return (
    <>
      <PageHead title={text.pages.evaluate} />
      <div class="dashboard">
        <RunEvaluations evaluations={evaluations} />
        <ReportsPanel api={api} evaluations={evaluations} address={address} />
      </div>
    </>
  );
}
