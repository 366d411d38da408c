import { useState } from 'preact/hooks';
import type { Api } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { useLocale } from '../i18n/locale.js';
import { Dialog } from '../parts/dialog.js';
import { Form } from '../parts/field.js';

interface PublishProps {
  api: Api;
  /** As it was replayed. */
  book: unknown;
  name: string;
}

/** The way from a book that was tried to one that is in force. */
export function Publish({ api, book, name }: PublishProps) {
  const { text } = useLocale();
  const [asking, setAsking] = useState(false);
  const [version, setVersion] = useState<number | undefined>();
  if (version !== undefined) return <span role="status">{text.business.published(name, String(version))}</span>;
  const done = (published: number): void => {
    setAsking(false);
    setVersion(published);
  };
  return (
    <>
      <button class="button button-small" type="button" onClick={() => setAsking(true)}>
        {text.business.publish}
      </button>
      {asking && <PublishDialog api={api} book={book} name={name} onClose={() => setAsking(false)} onDone={done} />}
    </>
  );
}

interface PublishDialogProps extends PublishProps {
  onClose: () => void;
  onDone: (version: number) => void;
}

/** Brings a book into force. One that sells below cost is refused, with the figures, unless the loss is accepted. */
function PublishDialog({ api, book, name, onClose, onDone }: PublishDialogProps) {
  const { text } = useLocale();
  const [acceptLoss, setAcceptLoss] = useState(false);
  const publishing = useAction(async () => {
    const { version } = await api.post<{ version: number }>('/api/prices', { book, acceptLoss });
    onDone(version);
  });
  return (
    <Dialog title={text.business.publishTitle(name)} onClose={onClose}>
      <p class="dialog-text">{text.business.publishWhy}</p>
      <Form
        submit={text.business.publish}
        busy={publishing.busy}
        failure={publishing.failure}
        onSubmit={() => void publishing.run()}
      >
        <label class="check">
          <input
            type="checkbox"
            checked={acceptLoss}
            onChange={(event) => setAcceptLoss(event.currentTarget.checked)}
          />
          {text.business.acceptLoss}
        </label>
      </Form>
    </Dialog>
  );
}
