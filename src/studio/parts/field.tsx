import { type ComponentChildren, h, type LooseInputHTMLAttributes } from 'preact';
import { useId } from 'preact/hooks';
import type { ApiFailure } from '../api/client.js';
import { failureText } from '../api/failure-text.js';
import { useLocale } from '../i18n/locale.js';

/** What a line of text may ask of the browser. */
interface InputProps {
  type?: 'text' | 'email' | 'password' | 'search' | 'number' | 'date';
  inputMode?: 'decimal';
  autocomplete?: string;
  spellcheck?: boolean;
  required?: boolean;
  minLength?: number;
  maxLength?: number;
  min?: number;
  step?: number;
  pattern?: string;
  placeholder?: string;
}

interface TextFieldProps extends InputProps {
  label: string;
  hint?: string | undefined;
  value: string;
  onValue: (value: string) => void;
}

/** A labelled line of text. */
export function TextField({ label, hint, value, onValue, type = 'text', ...input }: TextFieldProps) {
  const id = useId();
  // As JSX it would need a literal type: the element's attributes are a union over it.
  const attributes: LooseInputHTMLAttributes<HTMLInputElement> = {
    ...input,
    type,
    class: 'input',
    id,
    value,
    'aria-describedby': hint === undefined ? undefined : `${id}-hint`,
    onInput: (event) => onValue(event.currentTarget.value),
  };
  return (
    <div class="field">
      <label class="field-label" for={id}>
        {label}
      </label>
      {h<LooseInputHTMLAttributes<HTMLInputElement>, HTMLInputElement>('input', attributes)}
      {hint !== undefined && (
        <p class="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

/** Labelled lines of text. */
export function LinesField(props: { label: string; hint: string; value: string; onValue: (value: string) => void }) {
  const id = useId();
  return (
    <div class="field">
      <label class="field-label" for={id}>
        {props.label}
      </label>
      <textarea
        class="input"
        id={id}
        rows={4}
        aria-describedby={`${id}-hint`}
        value={props.value}
        onInput={(event) => props.onValue(event.currentTarget.value)}
      />
      <p class="field-hint" id={`${id}-hint`}>
        {props.hint}
      </p>
    </div>
  );
}

interface ChoiceFieldProps<T extends string> {
  label: string;
  hint?: string | undefined;
  options: readonly { value: T; label: string }[];
  value: T;
  onValue: (value: T) => void;
}

/** A labelled choice out of a list. */
export function ChoiceField<T extends string>({ label, hint, options, value, onValue }: ChoiceFieldProps<T>) {
  const id = useId();
  const choose = (given: string): void => {
    const chosen = options.find((option) => option.value === given);
    if (chosen !== undefined) onValue(chosen.value);
  };
  return (
    <div class="field">
      <label class="field-label" for={id}>
        {label}
      </label>
      <select class="input" id={id} value={value} onChange={(event) => choose(event.currentTarget.value)}>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
      {hint !== undefined && <p class="field-hint">{hint}</p>}
    </div>
  );
}

export function Problem({ failure }: { failure: ApiFailure | undefined }) {
  const { text } = useLocale();
  if (failure === undefined) return null;
  return (
    <p class="notice notice-bad" role="alert">
      {failureText(failure, text)}
    </p>
  );
}

/** A form whose button waits while it is under way. */
export function Form(props: {
  onSubmit: () => void;
  busy: boolean;
  failure: ApiFailure | undefined;
  submit: string;
  /** Beside the button. */
  aside?: ComponentChildren;
  danger?: boolean;
  children: ComponentChildren;
}) {
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        props.onSubmit();
      }}
    >
      {props.children}
      <Problem failure={props.failure} />
      <div class="form-actions">
        {props.aside}
        <button
          class={`button ${props.danger === true ? 'button-danger' : 'button-primary'}`}
          type="submit"
          disabled={props.busy}
        >
          {props.submit}
        </button>
      </div>
    </form>
  );
}
