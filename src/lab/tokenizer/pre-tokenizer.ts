/**
 * The `pre_tokenizer` of `tokenizer.json`: where a text is cut into pieces that the model never joins, by the names
 * Hugging Face uses. A chain of cuts, each of which cuts the pieces of the one before it again.
 */
import { z } from 'zod';
import { compilePattern, patternSchema } from './pattern.js';
import { SPLIT_PATTERN } from './split-pattern.js';
import { splitWords } from './wordpiece-text.js';

/** A text's pieces, in order. @param isStart whether the text stands at the very beginning */
export type Cut = (text: string, isStart?: boolean) => readonly string[];

const byteLevel = z.object({
  type: z.literal('ByteLevel'),
  add_prefix_space: z.literal(false),
  use_regex: z.boolean().default(true),
});
const digits = z.object({ type: z.literal('Digits'), individual_digits: z.boolean() });
const behaviors = ['Isolated', 'Removed', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'] as const;
type Behavior = (typeof behaviors)[number];
const split = z.object({
  type: z.literal('Split'),
  pattern: patternSchema,
  behavior: z.literal([...behaviors]),
  /** Cuts at what the pattern does not match. */
  invert: z.boolean(),
});
const metaspace = z.object({
  type: z.literal('Metaspace'),
  /** Stands for a space. */
  replacement: z.string().length(1),
  prepend_scheme: z.enum(['always', 'never', 'first']).default('always'),
  split: z.boolean().default(true),
});
const plain = z.object({ type: z.literal(['Whitespace', 'WhitespaceSplit', 'BertPreTokenizer']) });
const punctuation = z.object({
  type: z.literal('Punctuation'),
  behavior: z.literal([...behaviors]).default('Isolated'),
});

const step = z.discriminatedUnion('type', [byteLevel, digits, split, metaspace, plain, punctuation]);
type Step = z.infer<typeof step>;

export const preTokenizerSchema = z.discriminatedUnion('type', [
  ...step.options,
  z.object({ type: z.literal('Sequence'), pretokenizers: z.array(step).min(1).max(16) }),
]);
export type PreTokenizer = z.infer<typeof preTokenizerSchema>;

/** Whether its pieces are spelled by their UTF-8, as byte-level BPE expects it: ByteLevel is the last step, and only that. */
export function endsInBytes(chain: PreTokenizer): boolean {
  const kinds = stepsOf(chain).map(({ type }) => type);
  return kinds.at(-1) === 'ByteLevel' && kinds.indexOf('ByteLevel') === kinds.length - 1;
}

const stepsOf = (chain: PreTokenizer): readonly Step[] => (chain.type === 'Sequence' ? chain.pretokenizers : [chain]);

/** True for GPT-2's own way alone, which is how Moat's tokenizers cut. */
export function isPlain(chain: PreTokenizer): boolean {
  return chain.type === 'ByteLevel' && chain.use_regex;
}

/** Without a pre-tokenizer a text is one piece. */
export function createCut(chain: PreTokenizer | null | undefined): Cut {
  const cuts = chain ? stepsOf(chain).map(cutOf) : [];
  return (text, isStart = true) => {
    let pieces: readonly string[] = text === '' ? [] : [text];
    for (const cut of cuts) {
      if (pieces.length === 1) pieces = cut(pieces[0] as string, isStart);
      else pieces = pieces.flatMap((piece, index) => cut(piece, isStart && index === 0));
    }
    return pieces;
  };
}

function cutOf(step: Step): Cut {
  switch (step.type) {
    case 'ByteLevel':
      return step.use_regex ? (text) => text.match(SPLIT_PATTERN) ?? [] : (text) => [text];
    case 'Digits':
      return cutAt(/\p{N}/gu, step.individual_digits ? 'Isolated' : 'Contiguous');
    case 'Split':
      return cutAt(compilePattern(step.pattern), step.behavior, step.invert);
    case 'Punctuation':
      return cutAt(/[!-/:-@[-`{-~\p{P}]/gu, step.behavior);
    case 'Metaspace':
      return metaspaceCut(step);
    case 'Whitespace':
      return (text) =>
        text.match(
          /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gu,
        ) ?? [];
    case 'WhitespaceSplit':
      return (text) => text.match(/\P{White_Space}+/gu) ?? [];
    case 'BertPreTokenizer':
      return splitWords;
    default:
      return step satisfies never;
  }
}

/** Spaces become visible, one is put before the text, and each begins a piece. */
function metaspaceCut({ replacement, prepend_scheme: scheme, split: isSplit }: z.infer<typeof metaspace>): Cut {
  const cut = cutAt(new RegExp(replacement.replace(/[\\^$.*+?()[\]{}|]/, '\\$&'), 'gu'), 'MergedWithNext');
  return (text, isStart = true) => {
    const marked = text.replaceAll(' ', replacement);
    const isPrepended = (scheme === 'always' || (scheme === 'first' && isStart)) && !marked.startsWith(replacement);
    const whole = isPrepended ? replacement + marked : marked;
    return isSplit ? cut(whole) : [whole];
  };
}

interface Span {
  readonly text: string;
  readonly isMatch: boolean;
}

/** @param invert what the pattern does not match is what it cuts at */
function cutAt(pattern: RegExp, behavior: Behavior, invert = false): Cut {
  return (text) => {
    const spans = spansOf(text, pattern, invert);
    switch (behavior) {
      case 'Isolated':
        return spans.map((span) => span.text);
      case 'Removed':
        return spans.flatMap((span) => (span.isMatch ? [] : [span.text]));
      default:
        return merged(spans, behavior);
    }
  };
}

/** Matches, and what lies between them. */
function spansOf(text: string, pattern: RegExp, invert: boolean): Span[] {
  const spans: Span[] = [];
  let end = 0;
  for (const { 0: match, index } of text.matchAll(pattern)) {
    if (match === '') continue;
    if (index > end) spans.push({ text: text.slice(end, index), isMatch: invert });
    spans.push({ text: match, isMatch: !invert });
    end = index + match.length;
  }
  if (end < text.length) spans.push({ text: text.slice(end), isMatch: invert });
  return spans;
}

/** Joins matches to what stands before them, after them, or to each other. */
function merged(spans: readonly Span[], behavior: 'MergedWithPrevious' | 'MergedWithNext' | 'Contiguous'): string[] {
  const pieces: string[] = [];
  let before: boolean | undefined;
  for (const { text, isMatch } of spans) {
    const joins =
      behavior === 'Contiguous'
        ? isMatch === before
        : behavior === 'MergedWithPrevious'
          ? isMatch && before === false
          : !isMatch && before === true;
    if (joins && pieces.length > 0) pieces.push((pieces.pop() as string) + text);
    else pieces.push(text);
    before = isMatch;
  }
  return pieces;
}
