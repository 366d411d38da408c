import { useCallback, useState } from 'preact/hooks';
import type { KeySummary } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { usePolled } from '../api/use-polled.js';
import { useLocale } from '../i18n/locale.js';
import { Dialog } from '../parts/dialog.js';
import { ChoiceField, Form } from '../parts/field.js';
import { Empty, Loaded, Panel } from '../parts/panel.js';
import { ShownOnce } from '../parts/secret.js';
import { KeyTable } from './key-table.js';
import { NewKey } from './new-key.js';

const KEYS_MS = 15_000;

type Open = { kind: 'new' } | { kind: 'rotate' | 'revoke'; key: KeySummary } | { kind: 'secret'; secretKey: string };

/** A customer's keys. A secret is shown in the moment it is made, and never again. */
export function KeysPanel({ api, base }: { api: Api; base: string }) {
  const { text } = useLocale();
  const [open, setOpen] = useState<Open | undefined>();
  const keys = usePolled(
    useCallback(
      async (signal: AbortSignal) => (await api.get<{ keys: KeySummary[] }>(`${base}/keys`, signal)).keys,
      [api, base],
    ),
    KEYS_MS,
  );
  const close = (): void => setOpen(undefined);
  const showSecret = (secretKey: string): void => {
    keys.reload();
    setOpen({ kind: 'secret', secretKey });
  };
  const done = (): void => {
    keys.reload();
    close();
  };
  const add = (
    <button class="button button-small" type="button" onClick={() => setOpen({ kind: 'new' })}>
      {text.keys.add}
    </button>
  );
  return (
    <Panel title={text.keys.title} area="wide" aside={add}>
      <Loaded source={keys} skeletonLines={3}>
        {(list) =>
          list.length === 0 ? (
            <Empty title={text.keys.empty} hint={text.keys.emptyHint} />
          ) : (
            <KeyTable
              keys={list}
              actions={(key) => (
                <>
                  <button class="link" type="button" onClick={() => setOpen({ kind: 'rotate', key })}>
                    {text.keys.rotate}
                  </button>
                  <button class="link tone-bad" type="button" onClick={() => setOpen({ kind: 'revoke', key })}>
                    {text.keys.revoke}
                  </button>
                </>
              )}
            />
          )
        }
      </Loaded>
      {open?.kind === 'new' && <NewKey api={api} base={base} onClose={close} onMade={showSecret} />}
      {open?.kind === 'rotate' && (
        <RotateKey api={api} base={base} apiKey={open.key} onClose={close} onMade={showSecret} />
      )}
      {open?.kind === 'revoke' && <RevokeKey api={api} base={base} apiKey={open.key} onClose={close} onDone={done} />}
      {open?.kind === 'secret' && (
        <ShownOnce
          title={text.keys.made}
          why={text.keys.madeWhy}
          label={text.keys.secret}
          value={open.secretKey}
          onClose={close}
        />
      )}
    </Panel>
  );
}

interface KeyDialogProps {
  api: Api;
  base: string;
  apiKey: KeySummary;
  onClose: () => void;
}

const keyPath = (base: string, { id }: KeySummary): string => `${base}/keys/${encodeURIComponent(id)}`;

/** Hours for which the old secret works on. */
const OVERLAPS = ['168', '24', '1', '0'] as const;

function RotateKey({ api, base, apiKey, onClose, onMade }: KeyDialogProps & { onMade: (secretKey: string) => void }) {
  const { text, format } = useLocale();
  const [hours, setHours] = useState<(typeof OVERLAPS)[number]>('168');
  const rotating = useAction(async () => {
    const body = { overlapHours: Number(hours) };
    onMade((await api.post<{ secretKey: string }>(`${keyPath(base, apiKey)}/rotate`, body)).secretKey);
  });
  return (
    <Dialog title={text.keys.rotateTitle(apiKey.name)} onClose={onClose}>
      <p class="dialog-text">{text.keys.rotateWhy}</p>
      <Form
        submit={text.keys.rotate}
        busy={rotating.busy}
        failure={rotating.failure}
        onSubmit={() => void rotating.run()}
      >
        <ChoiceField
          label={text.keys.overlap}
          options={OVERLAPS.map((value) => ({
            value,
            label: value === '0' ? text.keys.overlapNone : format.duration(Number(value) * 3600),
          }))}
          value={hours}
          onValue={setHours}
        />
      </Form>
    </Dialog>
  );
}

function RevokeKey({ api, base, apiKey, onClose, onDone }: KeyDialogProps & { onDone: () => void }) {
  const { text } = useLocale();
  const revoking = useAction(async () => {
    await api.post(`${keyPath(base, apiKey)}/revoke`);
    onDone();
  });
  return (
    <Dialog title={text.keys.revokeTitle(apiKey.name)} onClose={onClose}>
      <p class="dialog-text">{text.keys.revokeWhy(apiKey.displayPrefix)}</p>
      <Form
        submit={text.keys.revoke}
        danger
        busy={revoking.busy}
        failure={revoking.failure}
        onSubmit={() => void revoking.run()}
      >
        {null}
      </Form>
    </Dialog>
  );
}
