interface SegmentsProps<T extends string> {
  /** Unique on the page: the radio group's name. */
  name: string;
  label: string;
  options: readonly { value: T; label: string }[];
  value: T;
  onChange: (value: T) => void;
}

/** A row of exclusive choices; radio buttons underneath, so that arrows and screen readers work as expected. */
export function Segments<T extends string>({ name, label, options, value, onChange }: SegmentsProps<T>) {
  return (
    <fieldset class="segments">
      <legend class="visually-hidden">{label}</legend>
      {options.map((option) => (
        <label class="segment" key={option.value}>
          <input
            class="visually-hidden"
            type="radio"
            name={name}
            value={option.value}
            checked={option.value === value}
            onChange={() => onChange(option.value)}
          />
          <span class="segment-face">{option.label}</span>
        </label>
      ))}
    </fieldset>
  );
}
