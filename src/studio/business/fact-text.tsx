/** A figure of the business in words: its value, or what has to be measured before there is one. */
import { type ComponentChildren, Fragment } from 'preact';
import type { BusinessFact, BusinessReport } from '../../company/gateway/api-types.js';
import type { Locale } from '../i18n/locale.js';
import { useLocale } from '../i18n/locale.js';
import { Figure, NotMeasured } from '../parts/figure.js';

/** @throws Error for an id that no registry has */
export function factOf({ facts }: BusinessReport, id: string): BusinessFact {
  const found = facts.find((fact) => fact.id === id);
  if (found === undefined) throw new Error(`no fact ${id}`);
  return found;
}

/** Its name as a label: with a capital. */
export function nameOf({ name }: BusinessFact, { language, tag }: Locale): string {
  const text = name[language];
  return text.charAt(0).toLocaleUpperCase(tag) + text.slice(1);
}

/** Null when it is missing. */
export function factText(
  { value, state, unit }: BusinessFact,
  currency: string,
  { text, format }: Locale,
): string | null {
  if (state !== null) return text.business.states[state];
  if (value === null) return null;
  switch (unit) {
    case 'money':
      return format.money(String(value), currency);
    case 'share':
      return format.share(Number(value));
    case 'date':
      return format.day(String(value));
    case 'months':
      return text.business.months(format.decimal(Number(value), Number.isInteger(value) ? 0 : 1));
    case 'tokens/s':
      return text.business.tokensPerSecond(format.quantity(Number(value)));
    case 'count':
    case 'score':
      return format.quantity(Number(value));
  }
}

/** A command or a field's name, which may break after its dots. */
export function Command({ command }: { command: string }) {
  return (
    <code class="needs">
      {command.split(/(?<=\.)/).map((part, index) => (
        <Fragment key={index}>
          {index > 0 && <wbr />}
          {part}
        </Fragment>
      ))}
    </code>
  );
}

/** Of a missing figure: the command, or that only time brings it. */
export function Needs({ fact }: { fact: BusinessFact }) {
  const { text } = useLocale();
  return fact.command === null ? (
    <>{text.business.needsTime}</>
  ) : (
    <>
      {text.business.needs} <Command command={fact.command} />
    </>
  );
}

interface FactProps {
  report: BusinessReport;
  id: string;
  note?: ComponentChildren;
}

export function FactFigure({ report, id, note }: FactProps) {
  const locale = useLocale();
  const fact = factOf(report, id);
  const value = factText(fact, report.currency, locale);
  const isLoss = fact.unit === 'money' && fact.value !== null && String(fact.value).startsWith('-');
  return (
    <Figure
      label={nameOf(fact, locale)}
      value={value}
      tone={isLoss ? 'bad' : 'plain'}
      note={value === null ? <Needs fact={fact} /> : note}
    />
  );
}

/** A row of a `dl`: name, value, and below them what is missing. */
export function FactPair({ report, id, note }: FactProps) {
  const locale = useLocale();
  const fact = factOf(report, id);
  const value = factText(fact, report.currency, locale);
  return (
    <div class="pair">
      <dt>{nameOf(fact, locale)}</dt>
      <dd class="pair-value">
        {value ?? <NotMeasured />}
        {(value === null || note !== undefined) && (
          <span class="pair-note">{value === null ? <Needs fact={fact} /> : note}</span>
        )}
      </dd>
    </div>
  );
}
