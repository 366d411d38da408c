import { useCallback, useMemo, useState } from 'preact/hooks';
import type { ModelList, ServedModel } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { type Polled, usePolled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import { ExportsPanel } from '../models/export-panel.js';
import { StoredModelPanel } from '../models/stored-model-panel.js';
import { StoredModelsPanel, keyOf } from '../models/stored-models-panel.js';
import { TradePanel } from '../models/trade-panel.js';
import { WithdrawDialog } from '../models/withdraw-dialog.js';
import { type PageProps, mayDo } from '../pages.js';
import { ModelsPanel } from '../panels/models.js';
import { PageHead } from '../parts/page-head.js';

const MODELS_MS = 15_000;

/** What is served, what lies in the project's folders, and from which data it came. */
export function ModelsPage({ api, session, address }: PageProps) {
  const { text } = useLocale();
  const models = usePolled(
    useCallback((signal: AbortSignal) => api.get<ModelList>('/api/models', signal), [api]),
    MODELS_MS,
  );
  const [exportsBegun, setExportsBegun] = useState(0);
  const mayChange = mayDo(session, 'models');
  const stored = models.data?.stored ?? [];
  const chosen = stored.find((model) => keyOf(model) === address.query.get('model')) ?? stored[0];
  return (
    <>
      <PageHead title={text.pages.models} />
      <div class="dashboard">
        <StoredModelsPanel models={models} chosen={chosen} address={address} />
        <div class="side">
          <ServedPanel {...{ api, models, mayChange }} />
        </div>
        {chosen !== undefined && models.data !== undefined && (
          <StoredModelPanel
            key={keyOf(chosen)}
            api={api}
            model={chosen}
            list={models.data}
            mayChange={mayChange}
            onChange={models.reload}
            onExport={() => setExportsBegun((count) => count + 1)}
          />
        )}
        {models.data !== undefined && stored.length > 0 && <TradePanel list={models.data} />}
        {mayChange && <ExportsPanel api={api} begun={exportsBegun} />}
      </div>
    </>
  );
}

/** What answers customers now, and the way to end that. */
function ServedPanel({ api, models, mayChange }: { api: Api; models: Polled<ModelList>; mayChange: boolean }) {
  const { text } = useLocale();
  const served = useMemo(() => {
    const { data } = models;
    return { ...models, data: data === undefined ? undefined : { models: data.served, currency: data.currency } };
  }, [models]);
  const [withdrawing, setWithdrawing] = useState<ServedModel>();
  const [withdrawn, setWithdrawn] = useState<string>();
  return (
    <>
      <ModelsPanel
        overview={served}
        title={text.stored.served}
        action={(model) =>
          mayChange &&
          model.canWithdraw && (
            <button
              class="link row-act"
              type="button"
              aria-label={text.withdraw.actionOf(model.id)}
              onClick={() => setWithdrawing(model)}
            >
              {text.withdraw.action}
            </button>
          )
        }
      />
      {withdrawn !== undefined && (
        <p class="notice" role="status">
          {text.withdraw.done(withdrawn)}
        </p>
      )}
      {withdrawing !== undefined && (
        <WithdrawDialog
          api={api}
          model={withdrawing}
          onClose={() => setWithdrawing(undefined)}
          onDone={() => {
            setWithdrawing(undefined);
            setWithdrawn(withdrawing.id);
            models.reload();
          }}
        />
      )}
    </>
  );
}
