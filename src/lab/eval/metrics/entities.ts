/**
 * Entities of tagged texts: found by seqeval's default rules, which are those of CoNLL-2000's conlleval (Tjong Kim Sang &
 * Buchholz 2000), and scored as whole spans: a span counts when both ends and the type are right. Reads tags of IOB1, IOB2 and
 * IOBES alike. Knows no model and no tokenizer.
 */
import { type AveragedScores, type ClassScores, scoresOfCounts } from './confusion.js';

export interface EntitySpan {
  readonly type: string;
  /** Of the first token. */
  readonly start: number;
  /** After the last token. */
  readonly end: number;
}

export interface EntityScores {
  /** Over all entities together: what is commonly called entity F1. */
  readonly micro: AveragedScores;
  /** The mean over types that occur in either. */
  readonly macro: AveragedScores;
  /** The mean over types by how often they are expected. */
  readonly weighted: AveragedScores;
  readonly byType: ReadonlyMap<string, ClassScores>;
  /** Entities that are expected. */
  readonly support: number;
}

/** seqeval's name of the type that a bare `B`, `I`, `E` or `S` has. */
const UNTYPED = '_';

const TAG = /^([BIES])(?:-(.*))?$/su;

/**
 * The entities of one tagged sequence. A token goes on with the entity before it where its tag is `I` or `E`, that of the token
 * before was `B` or `I`, and the types are equal; any other tag but `O` begins an entity.
 * @param tags `O`, or `B`, `I`, `E` or `S` with `-` and a type behind it
 * @throws RangeError for any other tag, which seqeval warns of and then reads by its first letter
 */
export function entitySpans(tags: readonly string[]): EntitySpan[] {
  const spans: EntitySpan[] = [];
  let mayGoOn = false;
  for (const [index, tag] of tags.entries()) {
    if (tag === 'O') {
      mayGoOn = false;
      continue;
    }
    const [, letter, named] = TAG.exec(tag) ?? [];
    if (letter === undefined)
      throw new RangeError(`tag ${index} is ${JSON.stringify(tag)}, not O, B-, I-, E- or S- and a type`);
    const type = named === undefined || named === '' ? UNTYPED : named;
    const before = spans.at(-1);
    if (mayGoOn && before?.type === type && (letter === 'I' || letter === 'E'))
      spans[spans.length - 1] = { ...before, end: index + 1 };
    else spans.push({ type, start: index, end: index + 1 });
    mayGoOn = letter === 'B' || letter === 'I';
  }
  return spans;
}

interface TypeCounts {
  right: number;
  named: number;
  support: number;
}

const keyOf = ({ type, start, end }: EntitySpan): string => `${start} ${end} ${type}`;

function countSpans(
  counts: Map<string, TypeCounts>,
  expected: readonly EntitySpan[],
  named: readonly EntitySpan[],
): void {
  const of = (type: string): TypeCounts => {
    const known = counts.get(type) ?? { right: 0, named: 0, support: 0 };
    counts.set(type, known);
    return known;
  };
  const wanted = new Map(expected.map((span) => [keyOf(span), span]));
  const given = new Map(named.map((span) => [keyOf(span), span]));
  for (const { type } of wanted.values()) of(type).support++;
  for (const [key, { type }] of given) {
    of(type).named++;
    if (wanted.has(key)) of(type).right++;
  }
}

/**
 * Precision, recall and F1 of spans, one array a text; a share of nothing is 0. The same span twice in a text counts once.
 * @throws RangeError when there are not as many texts on both sides
 */
export function spanScores(
  expected: readonly (readonly EntitySpan[])[],
  named: readonly (readonly EntitySpan[])[],
): EntityScores {
  if (expected.length !== named.length)
    throw new RangeError(`${expected.length} expected texts and ${named.length} answers do not belong together`);
  const counts = new Map<string, TypeCounts>();
  for (const [text, spans] of expected.entries()) countSpans(counts, spans, named[text] ?? []);
  const types = [...counts.keys()].sort();
  const each = types.map((type) => {
    const { right, named: given, support } = counts.get(type) as TypeCounts;
    return [type, { ...scoresOfCounts(right, given, support, 0), support }] as const;
  });
  const total = (of: (counted: TypeCounts) => number): number =>
    [...counts.values()].reduce((sum, c) => sum + of(c), 0);
  const support = total((c) => c.support);
  return {
    micro: scoresOfCounts(
      total((c) => c.right),
      total((c) => c.named),
      support,
      0,
    ),
    macro: meanOf(
      each.map(([, scores]) => scores),
      () => 1,
    ),
    weighted: meanOf(
      each.map(([, scores]) => scores),
      (scores) => scores.support,
    ),
    byType: new Map(each),
    support,
  };
}

/** As `spanScores`, of tags. @throws RangeError as `entitySpans`, and where a text has not as many tags on both sides */
export function entityScores(
  expected: readonly (readonly string[])[],
  named: readonly (readonly string[])[],
): EntityScores {
  for (const [text, tags] of expected.entries()) {
    if (tags.length !== named[text]?.length)
      throw new RangeError(`text ${text} has ${tags.length} tags, and ${named[text]?.length ?? 0} in the answer`);
  }
  return spanScores(expected.map(entitySpans), named.map(entitySpans));
}

function meanOf(scores: readonly ClassScores[], weightOf: (scores: ClassScores) => number): AveragedScores {
  const weight = scores.reduce((sum, each) => sum + weightOf(each), 0);
  const mean = (of: (each: ClassScores) => number): number =>
    weight === 0 ? 0 : scores.reduce((sum, each) => sum + weightOf(each) * of(each), 0) / weight;
  return { precision: mean((s) => s.precision), recall: mean((s) => s.recall), f1: mean((s) => s.f1) };
}
