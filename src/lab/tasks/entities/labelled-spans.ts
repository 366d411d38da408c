/** How spans of a text become tags of its tokens, and tags spans. */
import { type EntitySpan, entitySpans } from '../../eval/metrics/entities.js';
import type { TextToken } from '../text-tokens.js';

/** Of UTF-16 units of a text, the last one not included. */
export interface LabelledSpan {
  readonly start: number;
  readonly end: number;
  readonly label: string;
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
