/**
 * The `normalizer` and `pre_tokenizer` of `tokenizer.json`: what is done to a text before its pieces are merged. A
 * pre-tokenizer is a chain of cuts, each of which cuts the pieces of the one before it again.
 */
import { z } from 'zod';
import { SPLIT_PATTERN } from './split-pattern.js';
import { SplitRegexError, compileSplitRegex } from './split-regex.js';

/** A text's pieces, in order. */
export type Cut = (text: string) => readonly string[];

const byteLevel = z.object({
  type: z.literal('ByteLevel'),
  add_prefix_space: z.literal(false),
  use_regex: z.boolean().default(true),
});
const digits = z.object({ type: z.literal('Digits'), individual_digits: z.boolean() });
/** Pieces are the matches and what lies between them, or the matches alone. */
const split = z.object({
  type: z.literal('Split'),
  pattern: z.union([z.object({ Regex: z.string().min(1) }), z.object({ String: z.string().min(1) })]),
  behavior: z.literal(['Isolated', 'Removed']),
  invert: z.boolean(),
});
const step = z.discriminatedUnion('type', [byteLevel, digits, split]);
type Step = z.infer<typeof step>;

const sequence = z.object({ type: z.literal('Sequence'), pretokenizers: z.array(step).min(1).max(16) });

/** Ends in bytes: every piece is spelled by its UTF-8, as byte-level BPE expects it. */
export const preTokenizerSchema = z.discriminatedUnion('type', [byteLevel, sequence]).superRefine((chain, context) => {
  const steps = stepsOf(chain);
  if (steps.at(-1)?.type !== 'ByteLevel' || steps.slice(0, -1).some(({ type }) => type === 'ByteLevel'))
    context.addIssue({ code: 'custom', message: 'ByteLevel must be the last step, and only that' });
  for (const { type, ...settings } of steps) {
    if (type !== 'Split' || !('invert' in settings)) continue;
    if (settings.invert !== (settings.behavior === 'Removed'))
      context.addIssue({ code: 'custom', message: `${settings.behavior} with invert ${settings.invert}` });
    const problem = 'Regex' in settings.pattern ? regexProblem(settings.pattern.Regex) : undefined;
    if (problem !== undefined) context.addIssue({ code: 'custom', message: `Split: ${problem}` });
  }
});
export type PreTokenizer = z.infer<typeof preTokenizerSchema>;

const unicodeForm = z.object({ type: z.literal(['NFC', 'NFD', 'NFKC', 'NFKD']) });
export const normalizerSchema = z.discriminatedUnion('type', [
  unicodeForm,
  z.object({ type: z.literal('Sequence'), normalizers: z.array(unicodeForm).max(16) }),
]);
export type Normalizer = z.infer<typeof normalizerSchema>;

const stepsOf = (chain: z.infer<typeof byteLevel> | z.infer<typeof sequence>): readonly Step[] =>
  chain.type === 'Sequence' ? chain.pretokenizers : [chain];

function regexProblem(pattern: string): string | undefined {
  try {
    compileSplitRegex(pattern);
    return undefined;
  } catch (error) {
    if (error instanceof SplitRegexError) return error.message;
    throw error;
  }
}

/** True for GPT-2's own way alone, which is how Moat's tokenizers cut. */
export function isPlain(chain: PreTokenizer): boolean {
  return chain.type === 'ByteLevel' && chain.use_regex;
}

export function createCut(chain: PreTokenizer): Cut {
  const cuts = stepsOf(chain).map(cutOf);
  return (text) => {
    let pieces: readonly string[] = text === '' ? [] : [text];
    for (const cut of cuts) pieces = pieces.length === 1 ? cut(pieces[0] as string) : pieces.flatMap(cut);
    return pieces;
  };
}

function cutOf(step: Step): Cut {
  switch (step.type) {
    case 'ByteLevel':
      return step.use_regex ? (text) => text.match(SPLIT_PATTERN) ?? [] : (text) => [text];
    case 'Digits':
      return isolate(step.individual_digits ? /\p{N}/gu : /\p{N}+/gu);
    case 'Split': {
      const { pattern, invert } = step;
      const regex = 'Regex' in pattern ? compileSplitRegex(pattern.Regex) : literalOf([pattern.String]);
      return invert ? (text) => (text.match(regex) ?? []).filter((piece) => piece !== '') : isolate(regex);
    }
    default:
      return step satisfies never;
  }
}

/** Matches, and what lies between them. */
function isolate(regex: RegExp): Cut {
  return (text) => {
    const pieces: string[] = [];
    let end = 0;
    for (const { 0: match, index } of text.matchAll(regex)) {
      if (match === '') continue;
      if (index > end) pieces.push(text.slice(end, index));
      pieces.push(match);
      end = index + match.length;
    }
    if (end < text.length) pieces.push(text.slice(end));
    return pieces;
  };
}

/** Matches any of these texts, the longest that begins first. */
export function literalOf(texts: readonly string[]): RegExp {
  const longestFirst = [...texts].sort((a, b) => b.length - a.length);
  return new RegExp(longestFirst.map((text) => text.replaceAll(/[\^$\\.*+?()[\]{}|/]/g, '\\$&')).join('|'), 'gu');
}

export function createNormalize(normalizer: Normalizer | undefined): (text: string) => string {
  if (normalizer === undefined) return (text) => text;
  const forms = normalizer.type === 'Sequence' ? normalizer.normalizers.map(({ type }) => type) : [normalizer.type];
  return (text) => forms.reduce((result, form) => result.normalize(form), text);
}
