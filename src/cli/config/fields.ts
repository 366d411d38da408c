import { z } from 'zod';
import { parseMicros } from '../../base/money.js';
import { OBJECTIVES, readObjectives } from '../../lab/train/objectives/objectives.js';
import { MAX_PROMPTS } from '../../lab/train/run-config.js';

/** What the command line knows about one field of the configuration. */
export interface FieldFacts {
  /** The option's name without dashes, one for the whole program: `--batch-size`. */
  readonly flag: string;
  readonly kind: 'text' | 'number' | 'boolean';
  /** What stands after the flag in the help. */
  readonly placeholder: string;
  readonly description: string;
  /** What a value must be, as error messages say it: "a whole number from 1 to 4096". */
  readonly expects: string;
  /** Given several times on a command line, its values are lines of one text. */
  readonly isLines?: boolean;
}

/** Facts of every field, by its zod schema. */
export const fieldFacts = z.registry<FieldFacts>();

type Naming = readonly [flag: string, description: string];

export function wholeNumber(minimum: number, maximum: number, [flag, description]: Naming) {
  const expects = `a whole number from ${minimum} to ${maximum}`;
  const schema = z.int(expects).min(minimum, expects).max(maximum, expects);
  return schema.register(fieldFacts, { flag, kind: 'number', placeholder: 'N', description, expects });
}

export function realNumber(minimum: number, maximum: number, [flag, description]: Naming) {
  const expects = `a number from ${minimum} to ${maximum}`;
  const schema = z.number(expects).min(minimum, expects).max(maximum, expects);
  return schema.register(fieldFacts, { flag, kind: 'number', placeholder: 'X', description, expects });
}

export function yesOrNo([flag, description]: Naming) {
  const expects = 'true or false';
  return z.boolean(expects).register(fieldFacts, { flag, kind: 'boolean', placeholder: 'BOOL', description, expects });
}

/** @param placeholder instead of the names themselves, where they are too many for a line of help */
export function oneOf<const Names extends readonly [string, ...string[]]>(
  names: Names,
  [flag, description]: Naming,
  placeholder = names.join('|'),
) {
  const expects = names.map((name) => `"${name}"`).join(' or ');
  const schema = z.enum(names, expects);
  return schema.register(fieldFacts, { flag, kind: 'text', placeholder, description, expects });
}

export interface TextRule {
  readonly placeholder: string;
  readonly expects: string;
  readonly holds: (value: string) => boolean;
  readonly isLines?: boolean;
}

export function text(rule: TextRule, [flag, description]: Naming) {
  const schema = z.string(rule.expects).refine(rule.holds, rule.expects);
  const { placeholder, expects, isLines = false } = rule;
  return schema.register(fieldFacts, { flag, kind: 'text', placeholder, description, expects, isLines });
}

const TAG = /^[a-z]{2,3}(?:-[A-Z][a-z]{3})?$/;

export const LANGUAGES: TextRule = {
  placeholder: 'TAGS',
  expects: 'tags of languages with commas between them, such as "en, zh-Hans"',
  holds: (value) => splitTags(value).every((tag) => TAG.test(tag)),
};

/** "en, zh-Hans" as a list. */
export const splitTags = (value: string): string[] => value.split(',').map((tag) => tag.trim());

const WEIGHT = /^\s*([^=,\s][^=,]*?)\s*=\s*(\d{1,9}(?:\.\d{1,9})?)\s*$/;

export const WEIGHTS: TextRule = {
  placeholder: 'WEIGHTS',
  expects: 'weights of groups with commas between them, such as "en=2, zh-Hans=1"',
  holds: (value) => value.split(',').every((part) => WEIGHT.test(part)),
};

export const OBJECTIVE: TextRule = {
  placeholder: 'WHAT',
  expects: `one of ${OBJECTIVES.join(', ')}, or several with weights such as "causal=0.7, infill=0.3"`,
  holds: (value) => typeof readObjectives(value) !== 'string',
};

/** "en=2, zh-Hans=1" as a record; of a group named twice the last counts. @param value of which `WEIGHTS` holds */
export function readWeights(value: string): Record<string, number> {
  const parts = value.split(',').map((part) => WEIGHT.exec(part) ?? []);
  return Object.fromEntries(parts.map(([, group = '', weight = '']) => [group, Number(weight)]));
}

export const PROMPTS: TextRule = {
  placeholder: 'TEXT',
  expects: `up to ${MAX_PROMPTS} texts of 1 to 2000 characters, one a line`,
  holds(value) {
    const prompts = readPrompts(value);
    return prompts.length > 0 && prompts.length <= MAX_PROMPTS && prompts.every(({ length }) => length <= 2000);
  },
  isLines: true,
};

/** A text a line; within one, a break is written as `\\n`. */
export const readPrompts = (value: string): string[] =>
  value
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.replaceAll('\\n', '\n'));

/** The inverse of `readPrompts`. */
export const writePrompts = (prompts: readonly string[]): string =>
  prompts.map((prompt) => prompt.replaceAll('\n', '\\n')).join('\n');

export const AMOUNT: TextRule = {
  placeholder: 'AMOUNT',
  expects: 'an amount in quotes with at most six decimals, such as "0.10"',
  holds: (value) => !value.startsWith('-') && succeeds(() => parseMicros(value)),
};

export const CURRENCY: TextRule = {
  placeholder: 'CODE',
  expects: 'an ISO 4217 currency code such as "USD"',
  holds: (value) => Intl.supportedValuesOf('currency').includes(value),
};

export const TIME_ZONE: TextRule = {
  placeholder: 'ZONE',
  expects: 'an IANA time zone such as "Asia/Shanghai"',
  holds: (value) => succeeds(() => new Intl.DateTimeFormat('en', { timeZone: value })),
};

export const POSTGRES_URL: TextRule = {
  placeholder: 'URL',
  expects: 'an address such as "postgres://user@host:5432/name"',
  holds: (value) => /^postgres(ql)?:\/\//.test(value) && URL.canParse(value),
};

export const WEB_URL: TextRule = {
  placeholder: 'URL',
  expects: 'an address such as "https://studio.acme.com"',
  holds: (value) => /^https?:\/\//.test(value) && URL.canParse(value),
};

/** Text of 1 to `maximum` characters that means something by itself. */
export function words(placeholder: string, maximum: number): TextRule {
  const holds = (value: string): boolean => value.trim() !== '' && value.length <= maximum;
  return { placeholder, expects: `text of 1 to ${maximum} characters`, holds };
}

function succeeds(attempt: () => unknown): boolean {
  try {
    attempt();
    return true;
  } catch {
    return false;
  }
}
