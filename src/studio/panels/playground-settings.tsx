import type { ModelSummary } from '../../company/gateway/api-types.js';
import { useLocale } from '../i18n/locale.js';
import { ChoiceField } from '../parts/field.js';
import { Segments } from '../parts/segments.js';
import type { Mode } from './composer.js';
import { DEFAULT_SAMPLING, type SamplingFields, SamplingForm } from './sampling.js';

export interface Settings {
  readonly mode: Mode;
  /** '' for the first there is. */
  readonly model: string;
  /** The one beside it; '' for none. */
  readonly second: string;
  readonly fields: SamplingFields;
  readonly showsTokens: boolean;
}

export const DEFAULT_SETTINGS: Settings = {
  mode: 'chat',
  model: '',
  second: '',
  fields: DEFAULT_SAMPLING,
  showsTokens: false,
};

interface PlaygroundSettingsProps {
  models: readonly ModelSummary[];
  settings: Settings;
  onChange: (settings: Settings) => void;
  onShare: () => void;
  /** Undefined while there is nothing to clear. */
  onClear: (() => void) | undefined;
}

export function PlaygroundSettings({ models, settings, onChange, onShare, onClear }: PlaygroundSettingsProps) {
  const { text } = useLocale();
  const set = (change: Partial<Settings>): void => onChange({ ...settings, ...change });
  const options = models.map(({ id }) => ({ value: id, label: id }));
  return (
    <div class="playground-settings">
      <Segments
        name="mode"
        label={text.playground.mode}
        options={[
          { value: 'chat', label: text.playground.chat },
          { value: 'completion', label: text.playground.completion },
        ]}
        value={settings.mode}
        onChange={(mode) => set({ mode })}
      />
      <ChoiceField
        label={text.playground.model}
        options={options}
        value={settings.model}
        onValue={(model) => set({ model })}
      />
      {options.length > 1 && (
        <ChoiceField
          label={text.playground.compare}
          options={[{ value: '', label: text.playground.compareNone }, ...options]}
          value={settings.second}
          onValue={(second) => set({ second })}
        />
      )}
      <SamplingForm fields={settings.fields} onChange={(fields) => set({ fields })} />
      <label class="check">
        <input
          type="checkbox"
          checked={settings.showsTokens}
          onChange={() => set({ showsTokens: !settings.showsTokens })}
        />
        {text.playground.tokens}
      </label>
      <div class="playground-actions">
        <button class="button" type="button" onClick={onShare}>
          {text.playground.share}
        </button>
        <button class="button button-quiet" type="button" disabled={onClear === undefined} onClick={onClear}>
          {text.playground.clear}
        </button>
      </div>
    </div>
  );
}
