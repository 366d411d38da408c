import type { CreditSummary } from '../../company/gateway/api-types.js';
import { useLocale } from '../i18n/locale.js';

/** What the billing run books with a plan's fee has no name that people gave it. */
const isIncluded = (reference: string | null): boolean => /^subscription \d+ period \d+$/.test(reference ?? '');

/** Of credit that was asked for, its invoice's number says enough in any language. */
const shortly = (reference: string): string => reference.replace(/^invoice /, '');

/** Credit as it came, newest first. */
export function CreditList({ credits, currency }: { credits: readonly CreditSummary[]; currency: string }) {
  const { text, format } = useLocale();
  const kinds = new Map<string, string>(Object.entries(text.credit.kinds));
  if (credits.length === 0) return <p class="lead">{text.credit.empty}</p>;
  return (
    <ul class="rows rows-long">
      {credits.map(({ id, kind, reference, createdAt, expiresAt, amountMicros }) => (
        <li class="row" key={id}>
          <div class="row-main">
            <span class="row-name">
              {isIncluded(reference) ? text.credit.included : (kinds.get(kind) ?? kind)}
              {reference !== null && !isIncluded(reference) && <span class="row-reference"> {shortly(reference)}</span>}
            </span>
            <span class="row-note">
              {format.day(createdAt)}
              {expiresAt !== null && ` · ${text.credit.until(format.day(expiresAt))}`}
            </span>
          </div>
          <span class="row-amount">{format.money(amountMicros, currency)}</span>
        </li>
      ))}
    </ul>
  );
}
