import { useId } from 'preact/hooks';
import type { Assumption, BusinessScenario } from '../../company/gateway/api-types.js';
import { type Locale, useLocale } from '../i18n/locale.js';
import type { Tried } from './use-trial.js';

/** In the order in which a founder asks. */
const SLIDERS: readonly Assumption[] = [
  'price',
  'fee',
  'customers',
  'newCustomers',
  'churn',
  'tokens',
  'fixedCosts',
  'acquisition',
  'machineHour',
  'capacity',
  'paymentShare',
];
const SHARES: readonly Assumption[] = ['churn', 'paymentShare'];
const AMOUNTS: readonly Assumption[] = ['price', 'fee', 'machineHour', 'fixedCosts', 'acquisition'];
const PEOPLE: readonly Assumption[] = ['customers', 'newCustomers'];
/** Where a slider ends when nothing is stated that could say it. */
const USUAL_END: Readonly<Record<Assumption, number>> = {
  price: 10,
  fee: 100,
  customers: 50,
  newCustomers: 10,
  churn: 0.5,
  tokens: 100,
  fixedCosts: 10_000,
  acquisition: 500,
  machineHour: 10,
  capacity: 2000,
  paymentShare: 0.1,
};
const STEPS = 200;

/** The nearest of 1, 2, 5 × 10ⁿ above. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5].find((digit) => digit * power >= value) ?? 10) * power;
}

/** A slider goes to twice of what is stated; shares never beyond a half. */
function endOf(name: Assumption, stated: { base: number; high: number } | undefined): number {
  if (stated === undefined || stated.high <= 0) return USUAL_END[name];
  const end = roundUp(2 * Math.max(stated.base, stated.high));
  return SHARES.includes(name) ? Math.min(0.5, end) : end;
}

function valueText(name: Assumption, value: number, currency: string, { format }: Locale): string {
  if (SHARES.includes(name)) return format.share(value);
  if (name === 'tokens') return format.compact(value * 1e6);
  return AMOUNTS.includes(name) ? format.estimate(value, currency) : format.quantity(value);
}

interface AssumptionsProps {
  /** As stated and measured, without what is tried. */
  stated: BusinessScenario['ranges'];
  tried: Tried;
  currency: string;
  onTry: (tried: Tried) => void;
}

export function Assumptions({ stated, tried, currency, onTry }: AssumptionsProps) {
  const locale = useLocale();
  return (
    <div class="sliders">
      {SLIDERS.map((name) => {
        const range = stated[name];
        const end = endOf(name, range);
        return (
          <Slider
            key={name}
            label={locale.text.business.assumptions[name]}
            value={tried[name] ?? range?.base}
            stated={range === undefined ? undefined : valueText(name, range.base, currency, locale)}
            isTried={tried[name] !== undefined}
            step={PEOPLE.includes(name) ? Math.max(1, Math.round(end / STEPS)) : end / STEPS}
            end={end}
            textOf={(value) => valueText(name, value, currency, locale)}
            onValue={(value) => onTry({ ...tried, [name]: name === 'capacity' ? Math.max(value, end / STEPS) : value })}
          />
        );
      })}
      <button
        class="button button-quiet"
        type="button"
        disabled={Object.keys(tried).length === 0}
        onClick={() => onTry({})}
      >
        {locale.text.business.reset}
      </button>
    </div>
  );
}

interface SliderProps {
  label: string;
  /** Undefined: neither stated nor tried. */
  value: number | undefined;
  stated: string | undefined;
  isTried: boolean;
  step: number;
  end: number;
  textOf: (value: number) => string;
  onValue: (value: number) => void;
}

function Slider({ label, value, stated, isTried, step, end, textOf, onValue }: SliderProps) {
  const { text } = useLocale();
  const id = useId();
  const shown = value === undefined ? text.business.notStated : textOf(value);
  return (
    <div class="field">
      <label class="field-label" for={id}>
        {label}
        <span class="field-value">
          {isTried && stated !== undefined && <span class="slider-stated">{text.business.tried(stated)}</span>}
          {shown}
        </span>
      </label>
      <input
        class="range"
        id={id}
        type="range"
        min={0}
        max={Math.max(end, value ?? 0)}
        step={step}
        value={value ?? 0}
        aria-valuetext={shown}
        onInput={(event) => onValue(Number(event.currentTarget.value))}
      />
    </div>
  );
}
