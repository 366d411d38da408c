import { useCallback } from 'preact/hooks';
import type { DataSummary } from '../../company/gateway/api-types.js';
import { usePolled } from '../api/use-polled.js';
import { DataFigures, DataSources, LanguageBars, LengthBars } from '../data/corpus-panels.js';
import { DroppedPanel } from '../data/dropped-panel.js';
import { DuplicatesPanel } from '../data/duplicates-panel.js';
import { PassportPanel } from '../data/passport-panel.js';
import { TokensPanel } from '../data/tokens-panel.js';
import { useLocale } from '../i18n/locale.js';
import type { PageProps } from '../pages.js';
import { PageHead } from '../parts/page-head.js';
import { Empty, Loaded, Panel } from '../parts/panel.js';

const DATA_MS = 30_000;

/** What training reads: where it comes from, what was left out and why. */
export function DataPage({ api }: PageProps) {
  const { text } = useLocale();
  const data = usePolled(
    useCallback(
      async (signal: AbortSignal) => (await api.get<{ data: DataSummary | null }>('/api/data', signal)).data,
      [api],
    ),
    DATA_MS,
  );
  const corpus = data.data;
  return (
    <>
      <PageHead title={text.pages.data} note={corpus && <span class="page-note">{corpus.source}</span>} />
      {corpus === undefined || corpus === null ? (
        <Panel title={text.pages.data} area="wide">
          <Loaded source={data} skeletonLines={8}>
            {() => <Empty title={text.data.empty} hint={text.data.emptyHint} command="moat data PATH" />}
          </Loaded>
        </Panel>
      ) : (
        <div class="dashboard">
          <Panel title={text.data.title} area="wide">
            <Loaded source={data} skeletonLines={3}>
              {() => <DataFigures corpus={corpus} />}
            </Loaded>
          </Panel>
          <DroppedPanel corpus={corpus} />
          <div class="side">
            <LanguageBars corpus={corpus} />
            <LengthBars corpus={corpus} />
          </div>
          <DuplicatesPanel api={api} />
          <TokensPanel api={api} />
          <DataSources corpus={corpus} />
          <PassportPanel passport={corpus.passport} />
        </div>
      )}
    </>
  );
}
