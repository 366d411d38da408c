/** An entry of the audit log in words: what it concerns and every fact of it, named and written as its reader writes it. */
import { formatMicros } from '../../base/money.js';
import type { AuditLogEntry } from '../../company/gateway/api-types.js';
import type { Dictionary } from '../i18n/dictionary.js';
import type { Locale } from '../i18n/locale.js';

export interface AuditFact {
  readonly label: string;
  readonly value: string;
  /** Where in the studio it is. */
  readonly href: string | null;
  /** An id or a word of the program: set in the type of code. */
  readonly isCode: boolean;
}

const COUNTS: readonly string[] = [
  'concurrentRequests',
  'events',
  'failuresBefore',
  'fromStep',
  'requestsPerMinute',
  'seats',
  'sessions',
  'tokensPerMinute',
];
/** As the log names what concerns everybody. */
const EVERYBODY = 'all customers';

export function auditFacts(entry: AuditLogEntry, locale: Locale): AuditFact[] {
  const { target, details, names } = entry;
  const currency = Object.values(names).find((named) => named.currency !== null)?.currency ?? null;
  const shown = Object.entries(details).filter(
    ([name, value]) =>
      value !== null && value !== '' && value !== false && !(name in REPEATS && isSaid(entry, name, String(value))),
  );
  return [
    ...concerned(entry, locale),
    ...shown.map(([name, value]): AuditFact => {
      const label = locale.text.audit.fields[name as keyof typeof locale.text.audit.fields] ?? name;
      return { label, ...valueOf(name, value ?? '', { entry: { target, names }, currency, locale }) };
    }),
  ];
}

/** Details that say again whom the entry concerns. */
const REPEATS = { customerId: true, customer: true, name: true, email: true } as const;

function isSaid({ target, names }: AuditLogEntry, name: string, value: string): boolean {
  const named = names[target];
  if (named === undefined) return false;
  return name === 'name' || name === 'email' ? named.name === value : named.customerId === value;
}

/** What was changed, and whose it is. */
function concerned({ target, names }: AuditLogEntry, { text }: Locale): AuditFact[] {
  const named = names[target];
  if (named === undefined) {
    const isEverybody = target === EVERYBODY;
    return [
      { label: text.audit.target, value: isEverybody ? text.audit.everybody : target, href: null, isCode: false },
    ];
  }
  const customer: AuditFact[] =
    named.customerName === null || named.customerId === null
      ? []
      : [
          {
            label: text.audit.fields.customer,
            value: named.customerName,
            href: hrefOf(named.customerId),
            isCode: false,
          },
        ];
  if (named.kind === 'customer') return customer;
  const label = { key: text.audit.fields.keyId, user: text.audit.fields.email, document: text.audit.fields.number };
  return [{ label: label[named.kind], value: named.name, href: null, isCode: false }, ...customer];
}

const hrefOf = (customerId: string): string => `/customers/${encodeURIComponent(customerId)}`;

interface Around {
  readonly entry: Pick<AuditLogEntry, 'target' | 'names'>;
  /** Null where nothing says whose the amounts are. */
  readonly currency: string | null;
  readonly locale: Locale;
}

function valueOf(
  name: string,
  value: string | boolean,
  { entry: { names }, currency, locale: { text, format } }: Around,
): Omit<AuditFact, 'label'> {
  const plain = (shown: string): Omit<AuditFact, 'label'> => ({ value: shown, href: null, isCode: false });
  if (typeof value === 'boolean') return plain(value ? text.audit.yes : text.audit.no);
  const named = names[value];
  if (named !== undefined)
    return { value: named.name, href: named.kind === 'customer' ? hrefOf(value) : null, isCode: false };
  const isWhole = /^-?\d+$/.test(value);
  if (name.endsWith('Micros') && isWhole)
    return plain(currency === null ? formatMicros(BigInt(value)) : format.money(value, currency));
  if (name.endsWith('Ms') && isWhole) return plain(format.duration(Number(value) / 1000));
  if (name.endsWith('At') && !Number.isNaN(Date.parse(value))) return plain(format.dateTime(value));
  if (COUNTS.includes(name) && isWhole) return plain(format.integer(Number(value)));
  const words: Readonly<Record<string, string>> = text.audit.words;
  const word = Object.hasOwn(words, value) ? words[value] : undefined;
  if (word !== undefined && WORDED.includes(name)) return plain(word);
  return { value, href: null, isCode: name === 'settings' || name === 'displayPrefix' };
}

/** Who did it: a user's e-mail address as it is, and anybody else by his name. */
export function actorName({ actor, names }: AuditLogEntry, text: Dictionary): string {
  const customerId = /^customer (.+)$/.exec(actor)?.[1];
  if (customerId !== undefined) return text.audit.byCustomer(names[customerId]?.name ?? customerId);
  return new Map(Object.entries(text.audit.actors)).get(actor) ?? actor;
}

/** Details whose values are words of the program, and not of whoever wrote a name or a reason. */
const WORDED: readonly string[] = ['by', 'from', 'kind', 'role', 'span', 'to', 'when'];
