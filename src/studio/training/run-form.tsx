import { useState } from 'preact/hooks';
import type { RunFormValues, RunSetting } from '../../company/gateway/api-types.js';
import type { Api } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { useLocale } from '../i18n/locale.js';
import { Dialog } from '../parts/dialog.js';
import { ChoiceField, Form, LinesField, TextField } from '../parts/field.js';
import { type WrittenSettings, changedSettings, writtenSettings } from './run-settings.js';

interface RunFormProps {
  api: Api;
  /** The run that is forked; null for a new one with the project's settings. */
  from: string | null;
  values: RunFormValues;
  onClose: () => void;
  onStarted: (name: string) => void;
}

const FIRST: readonly RunSetting[] = [
  'model.depth',
  'train.minutes',
  'train.steps',
  'train.learningRate',
  'train.batchSize',
  'train.seed',
];
/** Names, which no language translates. */
const OPTIMIZERS = { muon: 'Muon', adamw: 'AdamW', adam: 'Adam', sgd: 'SGD' };
const SCRATCH = 'scratch';

/** A new run: only what is changed is sent along, so that everything else stays what the project or the run says. */
export function RunForm({ api, from, values, onClose, onStarted }: RunFormProps) {
  const { text, format } = useLocale();
  const [name, setName] = useState(values.name);
  const [beginning, setBeginning] = useState(SCRATCH);
  const [written, setWritten] = useState(() => writtenSettings(values.settings));
  const starting = useAction(async () => {
    const weights = beginning === SCRATCH ? { withWeights: false } : { withWeights: true, fromStep: Number(beginning) };
    const body = {
      name: name.trim(),
      settings: changedSettings(values.settings, written),
      ...(from === null ? {} : { fork: { run: from, ...weights } }),
    };
    onStarted((await api.post<{ name: string }>('/api/runs', body)).name);
  });
  return (
    <Dialog
      title={from === null ? text.training.newRun : text.training.forkTitle(from)}
      onClose={onClose}
      keep={starting.busy}
      wide
    >
      <Form
        submit={starting.busy ? text.training.starting : text.training.start}
        busy={starting.busy || values.training !== null}
        failure={starting.failure}
        onSubmit={() => void starting.run()}
      >
        {values.training !== null && <p class="notice">{text.training.busy(values.training)}</p>}
        <TextField
          label={text.training.name}
          required
          maxLength={128}
          pattern="[A-Za-z0-9][A-Za-z0-9._\-]*"
          autocomplete="off"
          spellcheck={false}
          value={name}
          onValue={setName}
        />
        {from !== null && (
          <ChoiceField
            label={text.training.beginWith}
            options={[
              { value: SCRATCH, label: text.training.fromScratch },
              ...values.checkpoints
                .toReversed()
                .map((step) => ({ value: String(step), label: text.training.weightsOf(format.integer(step)) })),
            ]}
            value={beginning}
            onValue={setBeginning}
          />
        )}
        <SettingFields from={from} written={written} onWritten={setWritten} />
      </Form>
    </Dialog>
  );
}

interface SettingFieldsProps {
  from: string | null;
  written: WrittenSettings;
  onWritten: (written: WrittenSettings) => void;
}

/** Those that are changed most, and the rest on request. */
function SettingFields({ from, written, onWritten }: SettingFieldsProps) {
  const { text } = useLocale();
  // a fork has the model of its run
  const known = (Object.keys(text.training.settings) as RunSetting[]).filter(
    (setting) => from === null || !setting.startsWith('model.'),
  );
  const field = (setting: RunSetting) => (
    <SettingField
      key={setting}
      setting={setting}
      value={written[setting] ?? ''}
      onValue={(value) => onWritten({ ...written, [setting]: value })}
    />
  );
  return (
    <>
      <div class="field-grid">{known.filter((setting) => FIRST.includes(setting)).map(field)}</div>
      <p class="field-hint">{text.training.budgetHint}</p>
      <details class="more-settings">
        <summary>{text.training.moreSettings}</summary>
        <div class="field-grid">{known.filter((setting) => !FIRST.includes(setting)).map(field)}</div>
        <p class="field-hint">{text.training.optimizerHint}</p>
      </details>
    </>
  );
}

function SettingField({
  setting,
  value,
  onValue,
}: {
  setting: RunSetting;
  value: string;
  onValue: (value: string) => void;
}) {
  const { text } = useLocale();
  const label = text.training.settings[setting];
  const choices: Partial<Record<RunSetting, Readonly<Record<string, string>>>> = {
    'train.optimizer': OPTIMIZERS,
    'train.schedule': text.training.schedules,
  };
  const chosen = choices[setting];
  if (chosen !== undefined) {
    const options = Object.entries(chosen).map(([choice, name]) => ({ value: choice, label: name }));
    return <ChoiceField label={label} options={options} value={value} onValue={onValue} />;
  }
  if (setting === 'train.samplePrompt')
    return (
      <div class="field-wide">
        <LinesField label={label} hint={text.training.samplePromptHint} value={value} onValue={onValue} />
      </div>
    );
  return <TextField label={label} inputMode="decimal" autocomplete="off" value={value} onValue={onValue} />;
}
