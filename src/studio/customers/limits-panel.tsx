import { useCallback, useState } from 'preact/hooks';
import type { KeySummary, LimitSummary } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { usePolled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import { Dialog } from '../parts/dialog.js';
import { ChoiceField, Form, TextField } from '../parts/field.js';
import { Loaded, Panel } from '../parts/panel.js';

const LIMITS_MS = 30_000;

const FIGURES = ['requestsPerMinute', 'tokensPerMinute', 'concurrentRequests'] as const;
type LimitFigure = (typeof FIGURES)[number];

interface LimitsPanelProps {
  api: Api;
  base: string;
  /** Whether the reader may see the customer's keys, by which a limit can be named. */
  seesKeys: boolean;
}

/** How fast a customer may ask. */
export function LimitsPanel({ api, base, seesKeys }: LimitsPanelProps) {
  const { text } = useLocale();
  const [open, setOpen] = useState<{ limit: LimitSummary | undefined } | undefined>();
  const limits = usePolled(
    useCallback(
      async (signal: AbortSignal) => {
        const [{ limits }, { keys }] = await Promise.all([
          api.get<{ limits: LimitSummary[] }>(`${base}/limits`, signal),
          seesKeys ? api.get<{ keys: KeySummary[] }>(`${base}/keys`, signal) : { keys: [] },
        ]);
        return { limits, keys };
      },
      [api, base, seesKeys],
    ),
    LIMITS_MS,
  );
  const done = (): void => {
    setOpen(undefined);
    limits.reload();
  };
  const add = (
    <button class="button button-small" type="button" onClick={() => setOpen({ limit: undefined })}>
      {text.limits.add}
    </button>
  );
  return (
    <Panel title={text.limits.title} area="half" aside={add}>
      <Loaded source={limits} skeletonLines={3}>
        {({ limits: list, keys }) => (
          <>
            {list.length === 0 && <p class="lead">{text.limits.empty}</p>}
            <ul class="rows rows-long">
              {list.map((limit) => (
                <LimitRow key={limit.id} limit={limit} keys={keys} onChange={() => setOpen({ limit })} />
              ))}
            </ul>
            {open !== undefined && (
              <SetLimit
                api={api}
                base={base}
                limit={open.limit}
                keys={keys}
                onClose={() => setOpen(undefined)}
                onDone={done}
              />
            )}
          </>
        )}
      </Loaded>
    </Panel>
  );
}

function LimitRow(props: { limit: LimitSummary; keys: readonly KeySummary[]; onChange: () => void }) {
  const { text, format } = useLocale();
  const { limit, keys } = props;
  const key = keys.find(({ id }) => id === limit.keyId);
  const whom = limit.keyId === null ? text.limits.allKeys : (key?.name ?? limit.keyId);
  const figures = FIGURES.flatMap((name) => {
    const value = limit[name];
    return value === null ? [] : [text.limits.of[name](format.integer(value))];
  });
  return (
    <li class="row">
      <div class="row-main">
        <span class="row-name">
          {whom} · {limit.model ?? text.limits.allModels}
        </span>
        <span class="row-note row-wrap">{figures.join(text.punctuation.list)}</span>
      </div>
      <button class="link" type="button" onClick={props.onChange}>
        {text.limits.change}
      </button>
    </li>
  );
}

interface SetLimitProps {
  api: Api;
  base: string;
  /** The one that is changed; undefined for a new one. */
  limit: LimitSummary | undefined;
  keys: readonly KeySummary[];
  onClose: () => void;
  onDone: () => void;
}

function SetLimit({ api, base, limit, keys, onClose, onDone }: SetLimitProps) {
  const { text } = useLocale();
  const [keyId, setKeyId] = useState(limit?.keyId ?? '');
  const [model, setModel] = useState(limit?.model ?? '');
  const [figures, setFigures] = useState<Readonly<Record<LimitFigure, string>>>({
    requestsPerMinute: limit?.requestsPerMinute?.toString() ?? '',
    tokensPerMinute: limit?.tokensPerMinute?.toString() ?? '',
    concurrentRequests: limit?.concurrentRequests?.toString() ?? '',
  });
  const setting = useAction(async () => {
    const given = FIGURES.filter((name) => figures[name].trim() !== '').map((name) => [name, Number(figures[name])]);
    await api.post(`${base}/limits`, {
      ...(keyId === '' ? {} : { keyId }),
      ...(model.trim() === '' ? {} : { model: model.trim() }),
      ...Object.fromEntries(given),
    });
    onDone();
  });
  const working = keys.filter(({ id, revokedAt }) => revokedAt === null || id === keyId);
  return (
    <Dialog title={limit === undefined ? text.limits.add : text.limits.change} onClose={onClose}>
      <p class="dialog-text">{text.limits.why}</p>
      <Form
        submit={text.actions.save}
        busy={setting.busy}
        failure={setting.failure}
        onSubmit={() => void setting.run()}
      >
        {limit === undefined && (
          <>
            <ChoiceField
              label={text.limits.forKey}
              options={[
                { value: '', label: text.limits.allKeys },
                ...working.map(({ id, name, displayPrefix }) => ({ value: id, label: `${name} (${displayPrefix})` })),
              ]}
              value={keyId}
              onValue={setKeyId}
            />
            <TextField
              label={text.limits.forModel}
              placeholder={text.limits.allModels}
              maxLength={200}
              autocomplete="off"
              value={model}
              onValue={setModel}
            />
          </>
        )}
        {FIGURES.map((name) => (
          <TextField
            key={name}
            label={text.limits.figures[name]}
            type="number"
            min={1}
            step={1}
            placeholder={text.limits.none}
            value={figures[name]}
            onValue={(value) => setFigures({ ...figures, [name]: value })}
          />
        ))}
      </Form>
    </Dialog>
  );
}
