/** What `tokenizer.json` calls a pattern: a text, or a regular expression. */
import { z } from 'zod';
import { SplitRegexError, compileSplitRegex } from './split-regex.js';

export const patternSchema = z
  .union([z.object({ Regex: z.string().min(1) }), z.object({ String: z.string().min(1) })])
  .superRefine((pattern, context) => {
    const problem = 'Regex' in pattern ? regexProblem(pattern.Regex) : undefined;
    if (problem !== undefined) context.addIssue({ code: 'custom', message: `pattern: ${problem}` });
  });
export type Pattern = z.infer<typeof patternSchema>;

function regexProblem(pattern: string): string | undefined {
  try {
    compileSplitRegex(pattern);
    return undefined;
  } catch (error) {
    if (error instanceof SplitRegexError) return error.message;
    throw error;
  }
}

/** Global and by code points. */
export function compilePattern(pattern: Pattern): RegExp {
  return 'Regex' in pattern ? compileSplitRegex(pattern.Regex) : literalOf([pattern.String]);
}

/** Matches any of these texts, the longest that begins first. */
export function literalOf(texts: readonly string[]): RegExp {
  const longestFirst = [...texts].sort((a, b) => b.length - a.length);
  return new RegExp(longestFirst.map((text) => text.replaceAll(/[\^$\\.*+?()[\]{}|/]/g, '\\$&')).join('|'), 'gu');
}
