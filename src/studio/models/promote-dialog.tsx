import { useState } from 'preact/hooks';
import type { Promotion, ServedModel, StoredModel } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { useLocale } from '../i18n/locale.js';
import { Dialog } from '../parts/dialog.js';
import { ChoiceField, Form, TextField } from '../parts/field.js';
import { sourceName } from './source-name.js';

const NEW_NAME = '';

interface PromoteDialogProps {
  api: Api;
  model: StoredModel;
  served: readonly ServedModel[];
  onClose: () => void;
  onDone: (model: ServedModel) => void;
}

/** Lets a stored model answer customers: under a name that is served, or under a new one. */
export function PromoteDialog({ api, model, served, onClose, onDone }: PromoteDialogProps) {
  const { text } = useLocale();
  const here = served.filter(({ isElsewhere }) => !isElsewhere);
  const [under, setUnder] = useState(here[0]?.id ?? NEW_NAME);
  const [newName, setNewName] = useState('');
  const [checkpoint, setCheckpoint] = useState(model.checkpoints[0] ?? '');
  const promoting = useAction(async () => {
    const body: Promotion = {
      name: under === NEW_NAME ? newName.trim() : under,
      ...(checkpoint === '' ? {} : { checkpoint }),
    };
    onDone(await api.post<ServedModel>(`/api/models/${encodeURIComponent(model.name)}/promote`, body));
  });
  const replaced = here.find(({ id }) => id === under);
  return (
    <Dialog title={text.promote.title(model.name)} onClose={onClose} keep={promoting.busy}>
      <p class="dialog-text">{text.promote.why}</p>
      <Form
        submit={promoting.busy ? text.promote.loading : text.promote.submit}
        busy={promoting.busy}
        failure={promoting.failure}
        onSubmit={() => void promoting.run()}
      >
        {here.length > 0 && (
          <ChoiceField
            label={text.promote.under}
            hint={
              replaced === undefined
                ? text.promote.newHint
                : replaced.source === null
                  ? text.promote.now
                  : text.promote.nowOf(sourceName(replaced.source))
            }
            options={[
              ...here.map(({ id }) => ({ value: id, label: id })),
              { value: NEW_NAME, label: text.promote.newName },
            ]}
            value={under}
            onValue={setUnder}
          />
        )}
        {under === NEW_NAME && (
          <TextField
            label={text.promote.name}
            hint={text.promote.nameHint}
            value={newName}
            onValue={setNewName}
            required
            maxLength={128}
            pattern="[^\s,]+"
          />
        )}
        {model.checkpoints.length > 1 && (
          <ChoiceField
            label={text.promote.checkpoint}
            options={model.checkpoints.map((name, index) => ({
              value: name,
              label: index === 0 ? text.promote.newest(name) : name,
            }))}
            value={checkpoint}
            onValue={setCheckpoint}
          />
        )}
      </Form>
    </Dialog>
  );
}
