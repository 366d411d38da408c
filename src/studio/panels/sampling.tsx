import { useId } from 'preact/hooks';
import { useLocale } from '../i18n/locale.js';

/** As typed: numbers are read when a question is asked, so that a half-typed one is not fought over. */
export interface SamplingFields {
  readonly temperature: string;
  readonly topP: string;
  readonly maxTokens: string;
  readonly seed: string;
}

export const DEFAULT_SAMPLING: SamplingFields = { temperature: '0.8', topP: '0.95', maxTokens: '128', seed: '' };

export interface Sampling {
  readonly temperature: number;
  readonly top_p: number;
  readonly max_tokens: number;
  readonly seed?: number;
}

/** undefined when a field holds no sensible number. */
export function readSampling(fields: SamplingFields): Sampling | undefined {
  const maxTokens = Number(fields.maxTokens);
  const seed = fields.seed.trim() === '' ? undefined : Number(fields.seed);
  if (!Number.isSafeInteger(maxTokens) || maxTokens < 1) return undefined;
  if (seed !== undefined && !Number.isSafeInteger(seed)) return undefined;
  return {
    temperature: Number(fields.temperature),
    top_p: Number(fields.topP),
    max_tokens: maxTokens,
    ...(seed === undefined ? {} : { seed }),
  };
}

export function SamplingForm(props: { fields: SamplingFields; onChange: (fields: SamplingFields) => void }) {
  const { text, format } = useLocale();
  const { fields } = props;
  const id = useId();
  const set = (change: Partial<SamplingFields>): void => props.onChange({ ...fields, ...change });
  return (
    <fieldset class="sampling">
      <legend class="visually-hidden">{text.playground.parameters}</legend>
      <div class="field">
        <label class="field-label" for={`${id}-temperature`}>
          {text.playground.temperature}
          <span class="field-value">{format.decimal(Number(fields.temperature), 2)}</span>
        </label>
        <input
          id={`${id}-temperature`}
          class="range"
          type="range"
          min="0"
          max="2"
          step="0.05"
          value={fields.temperature}
          onInput={(event) => set({ temperature: event.currentTarget.value })}
        />
      </div>
      <div class="field">
        <label class="field-label" for={`${id}-top-p`}>
          {text.playground.topP}
          <span class="field-value">{format.decimal(Number(fields.topP), 2)}</span>
        </label>
        <input
          id={`${id}-top-p`}
          class="range"
          type="range"
          min="0.05"
          max="1"
          step="0.05"
          value={fields.topP}
          onInput={(event) => set({ topP: event.currentTarget.value })}
        />
      </div>
      <label class="field">
        <span class="field-label">{text.playground.maxTokens}</span>
        <input
          class="input"
          type="number"
          min="1"
          step="1"
          value={fields.maxTokens}
          onInput={(event) => set({ maxTokens: event.currentTarget.value })}
        />
      </label>
      <label class="field">
        <span class="field-label">{text.playground.seed}</span>
        <input
          class="input"
          type="number"
          step="1"
          placeholder={text.playground.seedPlaceholder}
          value={fields.seed}
          onInput={(event) => set({ seed: event.currentTarget.value })}
        />
      </label>
    </fieldset>
  );
}
