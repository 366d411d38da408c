import { useCallback, useState } from 'preact/hooks';
import type { ModelCustomerList, ServedModel } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { usePolled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import { Dialog } from '../parts/dialog.js';
import { Form } from '../parts/field.js';
import { Loaded } from '../parts/panel.js';

const CUSTOMERS_MS = 60_000;
const MOST_NAMED = 8;

interface WithdrawDialogProps {
  api: Api;
  model: ServedModel;
  onClose: () => void;
  onDone: () => void;
}

/** Ends that a model answers under a name. Who would lose it is named first, and that he does is ticked. */
export function WithdrawDialog({ api, model: { id }, onClose, onDone }: WithdrawDialogProps) {
  const { text } = useLocale();
  const customers = usePolled(
    useCallback(
      async (signal: AbortSignal) =>
        (await api.get<ModelCustomerList>(`/api/served/${encodeURIComponent(id)}/customers`, signal)).customers,
      [api, id],
    ),
    CUSTOMERS_MS,
  );
  const [force, setForce] = useState(false);
  const withdrawing = useAction(async () => {
    await api.post<{ name: string }>(`/api/served/${encodeURIComponent(id)}/withdraw`, { force });
    onDone();
  });
  return (
    <Dialog title={text.withdraw.title(id)} onClose={onClose} keep={withdrawing.busy}>
      <p class="dialog-text">{text.withdraw.why}</p>
      <Loaded source={customers} skeletonLines={2}>
        {(list) => (
          <Form
            submit={text.withdraw.submit}
            danger
            busy={withdrawing.busy || (list.length > 0 && !force)}
            failure={withdrawing.failure}
            onSubmit={() => void withdrawing.run()}
          >
            {list.length > 0 && (
              <>
                <div class="notice notice-bad">
                  <p>{text.withdraw.has}</p>
                  <ul>
                    {list.slice(0, MOST_NAMED).map(({ id: customerId, name, plan }) => (
                      <li key={`${customerId} ${plan}`}>
                        {plan === null ? text.withdraw.byKey(name) : text.withdraw.byPlan(name, plan)}
                      </li>
                    ))}
                    {list.length > MOST_NAMED && <li>{text.withdraw.more(list.length - MOST_NAMED)}</li>}
                  </ul>
                </div>
                <label class="check">
                  <input type="checkbox" checked={force} onChange={(event) => setForce(event.currentTarget.checked)} />
                  {text.withdraw.force}
                </label>
              </>
            )}
          </Form>
        )}
      </Loaded>
    </Dialog>
  );
}
