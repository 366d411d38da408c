/**
 * Tokens of a text, as small as the ends of an entity ask for: runs of letters, runs of digits, and every other sign alone;
 * scripts written without spaces letter by letter. And how spans of the text become tags of tokens, and tags spans.
 */
import { type EntitySpan, entitySpans } from '../../eval/metrics/entities.js';

export interface TextToken {
  readonly text: string;
  /** First UTF-16 unit in the text. */
  readonly start: number;
  readonly end: number;
}

/** Of UTF-16 units of a text, the last one not included. */
export interface LabelledSpan {
  readonly start: number;
  readonly end: number;
  readonly label: string;
}

const TOKEN =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[\p{L}\p{M}]+?(?=[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[^\p{L}\p{M}]|$)|\p{N}+|[^\s]/gu;

export function textTokens(text: string): TextToken[] {
  return Array.from(text.matchAll(TOKEN), ({ 0: token, index }) => ({
    text: token,
    start: index,
    end: index + token.length,
  }));
}

/**
 * IOB2 tags of the tokens.
 * @param spans not overlapping, in their order
 * @returns undefined where a span begins or ends within a token
 */
export function tagsOf(tokens: readonly TextToken[], spans: readonly LabelledSpan[]): string[] | undefined {
  const tags = tokens.map(() => 'O');
  for (const { start, end, label } of spans) {
    const first = tokens.findIndex((token) => token.start === start);
    const last = tokens.findIndex((token) => token.end === end);
    if (first < 0 || last < first) return undefined;
    tags[first] = `B-${label}`;
    tags.fill(`I-${label}`, first + 1, last + 1);
  }
  return tags;
}

/** The spans that tags say, by seqeval's rules. */
export function spansOf(tokens: readonly TextToken[], tags: readonly string[]): LabelledSpan[] {
  return entitySpans(tags).map(({ type, start, end }: EntitySpan) => ({
    start: (tokens[start] as TextToken).start,
    end: (tokens[end - 1] as TextToken).end,
    label: type,
  }));
}
