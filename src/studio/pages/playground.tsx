import { useCallback } from 'preact/hooks';
import type { Overview } from '../../company/gateway/api-types.js';
import { usePolled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import type { PageProps } from '../pages.js';
import { PlaygroundPanel } from '../panels/playground.js';
import { PageHead } from '../parts/page-head.js';

const MODELS_MS = 30_000;

export function PlaygroundPage({ api }: PageProps) {
  const { text } = useLocale();
  const overview = usePolled(
    useCallback((signal: AbortSignal) => api.get<Overview>('/api/overview', signal), [api]),
    MODELS_MS,
  );
  return (
    <>
      <PageHead title={text.pages.playground} />
      <PlaygroundPanel api={api} overview={overview} onAnswered={overview.reload} />
    </>
  );
}
