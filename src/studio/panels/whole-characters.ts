/** Tokens as they can be read: those that are parts of one character are put together. Pure. */
import type { DrawnToken } from '../api/ask-model.js';

/** A character of UTF-8 has four bytes at most: what is still broken after as many tokens is broken text. */
const MOST_PARTS = 4;

/** @returns for tokens that were joined, the probability of all of them together, and the alternatives to the first */
export function wholeCharacters(tokens: readonly DrawnToken[]): DrawnToken[] {
  const whole: DrawnToken[] = [];
  let parts: DrawnToken[] = [];
  for (const token of tokens) {
    parts.push(token);
    const text = textOf(parts);
    if (text === undefined && parts.length < MOST_PARTS) continue;
    whole.push(...(text === undefined ? parts : [joined(parts, text)]));
    parts = [];
  }
  return [...whole, ...parts];
}

function joined(parts: readonly DrawnToken[], text: string): DrawnToken {
  const [first] = parts;
  return {
    text,
    bytes: null,
    likeliest: first?.likeliest ?? [],
    probability: parts.reduce((product, { probability }) => product * probability, 1),
  };
}

/** undefined while the bytes end within a character. */
function textOf(parts: readonly DrawnToken[]): string | undefined {
  const [first] = parts;
  if (parts.length === 1 && first?.bytes == null) return first?.text;
  const bytes = Uint8Array.from(parts.flatMap((part) => part.bytes ?? [...new TextEncoder().encode(part.text)]));
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
