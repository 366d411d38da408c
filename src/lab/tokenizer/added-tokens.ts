/**
 * Tokens that a vocabulary was given beside its merges. The special ones (ends, turns) are no text: text that spells one
 * stays text here. The others ("<think>") are read out of a text before it is cut.
 */
import { z } from 'zod';
import { literalOf } from './pattern.js';

export const addedTokenSchema = z
  .object({
    id: z.int().min(0),
    content: z.string().min(1),
    special: z.boolean(),
    normalized: z.boolean().default(false),
    single_word: z.boolean().default(false),
    lstrip: z.boolean().default(false),
    rstrip: z.boolean().default(false),
  })
  // what a special token takes along of its surroundings is no matter where it never comes out of text
  .refine((token) => token.special || !(token.single_word || token.lstrip || token.rstrip), {
    error: 'single_word, lstrip and rstrip are not taken',
  });
export type AddedToken = z.infer<typeof addedTokenSchema>;

/** Either ids, or text between them. */
export type Part = { readonly text: string } | { readonly id: number };

/** Cuts a text at these tokens; from the left, the longest that begins first. */
export function createTokenFinder(
  tokens: readonly Pick<AddedToken, 'content' | 'id'>[],
): (text: string) => readonly Part[] {
  if (tokens.length === 0) return (text) => [{ text }];
  const idOf = new Map(tokens.map(({ content, id }) => [content, id]));
  const anyToken = literalOf([...idOf.keys()]);
  return (text) => {
    const parts: Part[] = [];
    let end = 0;
    for (const { 0: match, index } of text.matchAll(anyToken)) {
      if (index > end) parts.push({ text: text.slice(end, index) });
      parts.push({ id: idOf.get(match) as number });
      end = index + match.length;
    }
    if (end < text.length) parts.push({ text: text.slice(end) });
    return parts;
  };
}
