/** Which licences may be trained on: lists of SPDX identifiers, compared with SPDX expressions (SPDX specification, annex D). */

export interface LicencePolicy {
  /** Identifiers or patterns such as `CC-BY-*`; `unknown` for texts whose licence nobody said. Undefined: all that is not denied. */
  readonly allow?: readonly string[] | undefined;
  readonly deny?: readonly string[] | undefined;
}

export type LicenceDecision = { readonly isAllowed: true } | { readonly isAllowed: false; readonly why: string };

const UNKNOWN = 'unknown';
/** What stands in the place of a licence and grants nothing: SPDX's own words, npm's `UNLICENSED`, the Hub's `other`. */
const NO_LICENCE: ReadonlySet<string> = new Set([UNKNOWN, 'other', 'none', 'noassertion', 'unlicensed', 'proprietary']);
/** Longer ones are no expression that somebody wrote. */
const MAX_LENGTH = 2000;

/** Says whether a text of this licence may be used. A licence that nobody stated is refused by any list unless it allows `unknown`. */
export function decideLicence(licence: string | undefined, policy: LicencePolicy): LicenceDecision {
  if (policy.allow === undefined && (policy.deny === undefined || policy.deny.length === 0)) return { isAllowed: true };
  const isKnown = licence !== undefined && licence.trim() !== '' && !NO_LICENCE.has(licence.trim().toLowerCase());
  const expression = isKnown ? parseExpression(licence) : undefined;
  if (expression === undefined) {
    if (policy.allow?.some((entry) => entry.toLowerCase() === UNKNOWN) === true) return { isAllowed: true };
    const what = isKnown ? `"${licence.slice(0, 80)}" is no SPDX expression` : 'its licence is unknown';
    return { isAllowed: false, why: `${what}, and unknown ones are not allowed` };
  }
  return decideExpression(expression, policy);
}

type Expression =
  | { readonly kind: 'licence'; readonly id: string }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Expression[] };

/** One way out is enough for OR, AND needs all. */
function decideExpression(expression: Expression, policy: LicencePolicy): LicenceDecision {
  if (expression.kind === 'licence') return decideOne(expression.id, policy);
  const decisions = expression.parts.map((part) => decideExpression(part, policy));
  const refused = decisions.find((decision) => !decision.isAllowed);
  const isAllowed = expression.kind === 'or' ? decisions.some((decision) => decision.isAllowed) : refused === undefined;
  return isAllowed || refused === undefined ? { isAllowed: true } : refused;
}

function decideOne(id: string, { allow, deny = [] }: LicencePolicy): LicenceDecision {
  const denied = deny.find((pattern) => matches(id, pattern));
  if (denied !== undefined) return { isAllowed: false, why: `${id} is denied by ${denied}` };
  if (allow === undefined || allow.some((pattern) => matches(id, pattern))) return { isAllowed: true };
  return { isAllowed: false, why: `${id} is not among the allowed licences` };
}

/** Without regard to case; `*` stands for anything, and an entry without `+` or suffix stands for that licence alone. */
function matches(id: string, pattern: string): boolean {
  const source = normalizeLicence(pattern)
    .split('*')
    .map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${source}$`, 'i').test(id);
}

/** How the Hub, npm and people write what SPDX writes otherwise. */
const SPELLINGS: Readonly<Record<string, string>> = {
  'apache 2.0': 'Apache-2.0',
  'apache2.0': 'Apache-2.0',
  'apache license 2.0': 'Apache-2.0',
  'the mit license': 'MIT',
  'mit license': 'MIT',
  cc0: 'CC0-1.0',
  'cc-by': 'CC-BY-4.0',
  'cc by 4.0': 'CC-BY-4.0',
  'cc by-sa 4.0': 'CC-BY-SA-4.0',
  'public domain': 'CC0-1.0',
  gpl: 'GPL-3.0-or-later',
};

function normalizeLicence(id: string): string {
  const trimmed = id.trim();
  // identifiers that SPDX gave up for longer ones
  const [, gnu, plus] = /^((?:A|L)?GPL-\d\.\d|GFDL-1\.\d)(\+?)$/i.exec(trimmed) ?? [];
  if (gnu !== undefined) return `${gnu.toUpperCase()}-${plus === '+' ? 'or-later' : 'only'}`;
  return SPELLINGS[trimmed.toLowerCase()] ?? trimmed;
}

const MAX_TOKENS = 200;

/** Undefined for what is none. A licence WITH an exception counts as the licence. */
function parseExpression(text: string): Expression | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const spelled = SPELLINGS[text.trim().toLowerCase()];
  if (spelled !== undefined) return { kind: 'licence', id: spelled };
  const tokens = text.match(/[()]|[^\s()]+/g) ?? [];
  if (tokens.length === 0 || tokens.length > MAX_TOKENS) return undefined;
  let at = 0;
  const isNext = (word: string): boolean => tokens[at]?.toUpperCase() === word;
  const primary = (): Expression | undefined => {
    const token = tokens[at++];
    if (token === '(') {
      const inner = any();
      return tokens[at++] === ')' ? inner : undefined;
    }
    if (token === undefined || NO_LICENCE.has(token.toLowerCase()) || !/^[A-Za-z0-9][A-Za-z0-9.+-]*$/.test(token))
      return undefined;
    if (isNext('WITH')) at += 2;
    return { kind: 'licence', id: normalizeLicence(token) };
  };
  const joined = (kind: 'and' | 'or', part: () => Expression | undefined): Expression | undefined => {
    const parts = [part()];
    while (isNext(kind.toUpperCase())) {
      at++;
      parts.push(part());
    }
    const whole = parts.filter((each) => each !== undefined);
    if (whole.length < parts.length) return undefined;
    return whole.length === 1 ? whole[0] : { kind, parts: whole };
  };
  const any = (): Expression | undefined => joined('or', () => joined('and', primary));
  const expression = any();
  return at === tokens.length ? expression : undefined;
}
