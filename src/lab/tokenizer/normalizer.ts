/**
 * The `normalizer` of `tokenizer.json`: what is done to a text before it is cut, one record a kind, by the names Hugging
 * Face uses.
 */
import { z } from 'zod';
import { createPrecompiled, precompiledSchema } from './precompiled-charsmap.js';
import { compilePattern, patternSchema } from './pattern.js';
import { lowercase, normalizeText } from './wordpiece-text.js';

type Normalize = (text: string) => string;

const single = z.discriminatedUnion('type', [
  z.object({ type: z.literal(['NFC', 'NFD', 'NFKC', 'NFKD']) }),
  z.object({ type: z.literal(['Lowercase', 'StripAccents', 'Nmt']) }),
  z.object({ type: z.literal('Strip'), strip_left: z.boolean(), strip_right: z.boolean() }),
  z.object({ type: z.literal('Replace'), pattern: patternSchema, content: z.string() }),
  z.object({ type: z.literal('Prepend'), prepend: z.string() }),
  z.object({
    type: z.literal('BertNormalizer'),
    clean_text: z.boolean(),
    handle_chinese_chars: z.boolean(),
    strip_accents: z.boolean().nullish(),
    lowercase: z.boolean(),
  }),
  precompiledSchema,
]);
type Single = z.infer<typeof single>;

export const normalizerSchema = z.discriminatedUnion('type', [
  ...single.options,
  z.object({ type: z.literal('Sequence'), normalizers: z.array(single).max(16) }),
]);
export type Normalizer = z.infer<typeof normalizerSchema>;

/** @throws RangeError for a damaged `precompiled_charsmap` */
export function createNormalize(normalizer: Normalizer | null | undefined): Normalize {
  if (!normalizer) return (text) => text;
  const steps = (normalizer.type === 'Sequence' ? normalizer.normalizers : [normalizer]).map(normalizeBy);
  const [only] = steps;
  if (steps.length === 1 && only !== undefined) return only;
  return (text) => steps.reduce((result, step) => step(result), text);
}

function normalizeBy(step: Single): Normalize {
  switch (step.type) {
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD':
      return (text) => text.normalize(step.type);
    case 'Lowercase':
      return lowercase;
    case 'StripAccents':
      return (text) => text.replace(/\p{M}/gu, '');
    case 'Nmt':
      return nmt;
    case 'Strip':
      return (text) => strip(text, step);
    case 'Replace': {
      const pattern = compilePattern(step.pattern);
      return (text) => text.replace(pattern, () => step.content);
    }
    case 'Prepend':
      return (text) => (text === '' ? '' : step.prepend + text);
    case 'BertNormalizer': {
      const { clean_text, handle_chinese_chars, strip_accents, lowercase: isLower } = step;
      const rules = {
        cleanText: clean_text,
        separateChinese: handle_chinese_chars,
        stripAccents: strip_accents ?? isLower,
        lowercase: isLower,
      };
      return (text) => normalizeText(text, rules);
    }
    case 'Precompiled':
      return createPrecompiled(step.precompiled_charsmap);
    default:
      return step satisfies never;
  }
}

function strip(text: string, { strip_left, strip_right }: { strip_left: boolean; strip_right: boolean }): string {
  const left = strip_left ? text.replace(/^\p{White_Space}+/u, '') : text;
  return strip_right ? left.replace(/\p{White_Space}+$/u, '') : left;
}

/** SentencePiece's nmt rules: control characters go, what separates becomes a space. */
function nmt(text: string): string {
  return text.replace(/[\p{Cc}\u1680\u200B-\u200F\u2028\u2029\u2581\uFEFF\uFFFD]/gu, (character) => {
    const code = character.charCodeAt(0);
    if (SEPARATING.has(code) || code > 0x9f) return ' ';
    return isKeptControl(code) ? character : '';
  });
}

const SEPARATING: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0c, 0x0d]);

/** NUL, and the C1 controls that the rules do not name. */
function isKeptControl(code: number): boolean {
  return code === 0 || (code >= 0x80 && code !== 0x8f && code !== 0x9f);
}
