import { useState } from 'preact/hooks';
import type { RunFormValues } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { useLocale } from '../i18n/locale.js';
import { Problem } from '../parts/field.js';
import { RunForm } from './run-form.js';

/** A run with the project's settings, or some of them changed. */
export function NewRun({ api, onStarted }: { api: Api; onStarted: (name: string) => void }) {
  const { text } = useLocale();
  const [values, setValues] = useState<RunFormValues | undefined>();
  const opening = useAction(async () => setValues(await api.get<RunFormValues>('/api/training')));
  const started = (name: string): void => {
    setValues(undefined);
    onStarted(name);
  };
  return (
    <>
      <Problem failure={opening.failure} />
      <button class="button button-primary" type="button" onClick={() => void opening.run()}>
        {text.training.newRun}
      </button>
      {values !== undefined && (
        <RunForm api={api} from={null} values={values} onClose={() => setValues(undefined)} onStarted={started} />
      )}
    </>
  );
}
