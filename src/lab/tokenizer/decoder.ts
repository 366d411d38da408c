/** The `decoder` of `tokenizer.json`: from the spellings of tokens back to text, one record a kind, by Hugging Face's names. */
import { z } from 'zod';
import { bytesOf } from './byte-alphabet.js';
import { compilePattern, patternSchema } from './pattern.js';

const single = z.discriminatedUnion('type', [
  z.object({ type: z.literal(['ByteLevel', 'ByteFallback', 'Fuse']) }),
  z.object({ type: z.literal('WordPiece'), prefix: z.string(), cleanup: z.boolean() }),
  z.object({
    type: z.literal('Metaspace'),
    replacement: z.string().length(1),
    prepend_scheme: z.enum(['always', 'never', 'first']).default('always'),
  }),
  z.object({ type: z.literal('Strip'), content: z.string().length(1), start: z.int().min(0), stop: z.int().min(0) }),
  z.object({ type: z.literal('Replace'), pattern: patternSchema, content: z.string() }),
]);
type Single = z.infer<typeof single>;

export const decoderSchema = z.discriminatedUnion('type', [
  ...single.options,
  z.object({ type: z.literal('Sequence'), decoders: z.array(single).max(16) }),
]);
export type Decoder = z.infer<typeof decoderSchema>;

type Step = (tokens: readonly string[]) => readonly string[];

/** From the spellings of tokens, special ones left out, to text. Without a decoder they stand apart by spaces. */
export function createDecode(decoder: Decoder | null | undefined): (tokens: readonly string[]) => string {
  if (!decoder) return (tokens) => tokens.join(' ');
  const steps = (decoder.type === 'Sequence' ? decoder.decoders : [decoder]).map(stepOf);
  return (tokens) => steps.reduce((result, step) => step(result), tokens).join('');
}

function stepOf(step: Single): Step {
  switch (step.type) {
    case 'ByteLevel':
      return (tokens) => [Buffer.concat(tokens.map((token) => bytesOf(token) ?? Buffer.from(token))).toString()];
    case 'ByteFallback':
      return joinBytes;
    case 'Fuse':
      return (tokens) => [tokens.join('')];
    case 'WordPiece': {
      const clean = step.cleanup ? cleanUp : (text: string) => text;
      return (tokens) => tokens.map((token, index) => clean(joinWord(token, index === 0, step.prefix)));
    }
    case 'Metaspace': {
      const isPrepended = step.prepend_scheme !== 'never';
      return (tokens) =>
        tokens.map((token, index) => token.replaceAll(step.replacement, () => (index === 0 && isPrepended ? '' : ' ')));
    }
    case 'Strip':
      return (tokens) => tokens.map((token) => strip(token, step));
    case 'Replace': {
      const pattern = compilePattern(step.pattern);
      return (tokens) => tokens.map((token) => token.replace(pattern, () => step.content));
    }
    default:
      return step satisfies never;
  }
}

function joinWord(token: string, isFirst: boolean, prefix: string): string {
  if (isFirst) return token;
  return token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
}

/** The spaces that English is written without. */
function cleanUp(text: string): string {
  return text
    .replaceAll(' .', '.')
    .replaceAll(' ?', '?')
    .replaceAll(' !', '!')
    .replaceAll(' ,', ',')
    .replaceAll(" ' ", "'")
    .replaceAll(" n't", "n't")
    .replaceAll(" 'm", "'m")
    .replaceAll(' do not', " don't")
    .replaceAll(" 's", "'s")
    .replaceAll(" 've", "'ve")
    .replaceAll(" 're", "'re");
}

/** The byte that a token such as `<0x0A>` stands for. */
export function byteOfToken(token: string): number | undefined {
  const hex = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
  return hex === undefined ? undefined : Number.parseInt(hex, 16);
}

/** A run of byte tokens is read as UTF-8, whole; where it is none, each byte is U+FFFD. */
function joinBytes(tokens: readonly string[]): readonly string[] {
  const result: string[] = [];
  let run: number[] = [];
  const flush = (): void => {
    if (run.length === 0) return;
    try {
      result.push(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(run)));
    } catch {
      result.push('\uFFFD'.repeat(run.length));
    }
    run = [];
  };
  for (const token of tokens) {
    const byte = byteOfToken(token);
    if (byte !== undefined) {
      run.push(byte);
      continue;
    }
    flush();
    result.push(token);
  }
  flush();
  return result;
}

function strip(token: string, { content, start, stop }: { content: string; start: number; stop: number }): string {
  let from = 0;
  while (from < start && token[from] === content) from++;
  let to = token.length;
  while (token.length - to < stop && to > from && token[to - 1] === content) to--;
  return token.slice(from, to);
}
