import { useState } from 'preact/hooks';
import type { Api } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { useLocale } from '../i18n/locale.js';
import { Dialog } from '../parts/dialog.js';
import { Form, TextField } from '../parts/field.js';

const SCOPES = ['chat', 'completions', 'responses', 'embeddings', 'moderations'] as const;
type Scope = (typeof SCOPES)[number];

interface NewKeyProps {
  api: Api;
  base: string;
  onClose: () => void;
  onMade: (secretKey: string) => void;
}

export function NewKey({ api, base, onClose, onMade }: NewKeyProps) {
  const { text } = useLocale();
  const [name, setName] = useState('');
  const [lastDay, setLastDay] = useState('');
  const [models, setModels] = useState('');
  const [scopes, setScopes] = useState<readonly Scope[]>([]);
  const making = useAction(async () => {
    const named = models
      .split(',')
      .map((model) => model.trim())
      .filter((model) => model !== '');
    const body = {
      name: name.trim(),
      ...(lastDay === '' ? {} : { expiresAt: endOfDay(lastDay) }),
      ...(scopes.length === 0 ? {} : { scopes }),
      ...(named.length === 0 ? {} : { models: named }),
    };
    onMade((await api.post<{ secretKey: string }>(`${base}/keys`, body)).secretKey);
  });
  const toggle = (scope: Scope): void =>
    setScopes(scopes.includes(scope) ? scopes.filter((other) => other !== scope) : [...scopes, scope]);
  return (
    <Dialog title={text.keys.add} onClose={onClose}>
      <Form submit={text.actions.create} busy={making.busy} failure={making.failure} onSubmit={() => void making.run()}>
        <TextField
          label={text.keys.name}
          hint={text.keys.nameHint}
          required
          maxLength={100}
          autocomplete="off"
          value={name}
          onValue={setName}
        />
        <fieldset class="field">
          <legend class="field-label">{text.keys.limitedTo}</legend>
          <div class="checks">
            {SCOPES.map((scope) => (
              <label class="check" key={scope}>
                <input type="checkbox" checked={scopes.includes(scope)} onChange={() => toggle(scope)} />
                {text.scopes[scope]}
              </label>
            ))}
          </div>
          <p class="field-hint">{text.keys.limitedHint}</p>
        </fieldset>
        <TextField
          label={text.keys.models}
          hint={text.keys.modelsHint}
          autocomplete="off"
          value={models}
          onValue={setModels}
        />
        <TextField
          label={text.keys.lastDay}
          hint={text.keys.lastDayHint}
          type="date"
          value={lastDay}
          onValue={setLastDay}
        />
      </Form>
    </Dialog>
  );
}

/** A day that is named is still good: it ends at its end, where the reader is. */
export const endOfDay = (day: string): string => new Date(`${day}T23:59:59`).toISOString();
