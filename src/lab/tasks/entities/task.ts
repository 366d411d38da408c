import { z } from 'zod';
import { type EntityScores, spanScores } from '../../eval/metrics/entities.js';
import { scriptOf } from '../../eval/script.js';
import { findPii } from '../../data/pii.js';
import { type Baseline, type Metric, type ReportTable, type Sides, type Task, defineTask } from '../task.js';
import { type Tagger, fitTagger, loadTagger } from './tagger.js';
import { textTokens } from '../text-tokens.js';
import { type LabelledSpan, spansOf, tagsOf } from './labelled-spans.js';

export interface EntityExample {
  readonly text: string;
  /** In their order, none overlapping another. */
  readonly entities: readonly LabelledSpan[];
  /** Examples of one group stand on one side of the split: those of one document, or of one template. */
  readonly group?: string | undefined;
}

export interface FoundEntity extends LabelledSpan {
  readonly text: string;
  /** Of the tags of its tokens, their mean. */
  readonly probability: number;
}

export interface EntityOutput {
  readonly entities: readonly FoundEntity[];
}

const MAX_TEXT = 100_000;
const spanSchema = z.object({
  start: z.coerce.number().int().min(0),
  end: z.coerce.number().int().min(1),
  label: z.string().trim().min(1).max(100),
});
const text = z
  .string()
  .max(MAX_TEXT)
  .refine((value) => value.trim() !== '', 'the text is empty');
const group = z
  .union([z.string(), z.number()])
  .optional()
  .transform((value) => value?.toString());

/** What is wrong with the entities of a text, in a few words. */
function spanProblem(of: string, entities: readonly LabelledSpan[]): string | undefined {
  for (const [index, { start, end, label }] of entities.entries()) {
    const named = `entity ${index + 1} (${label}, ${start} to ${end})`;
    if (start >= end || end > of.length) return `${named} is outside the text of ${of.length} characters`;
    if (start < (entities[index - 1]?.end ?? 0)) return `${named} overlaps the one before it`;
  }
  if (tagsOf(textTokens(of), entities) !== undefined) return undefined;
  const cut = entities.find((entity) => tagsOf(textTokens(of), [entity]) === undefined);
  return `"${of.slice(cut?.start, cut?.end)}" (${cut?.label ?? ''}) begins or ends within a word`;
}

const inOrder = (entities: readonly LabelledSpan[]): LabelledSpan[] =>
  [...entities].sort((a, b) => a.start - b.start || a.end - b.end);

const spanRecord = z
  .object({ text, entities: z.array(spanSchema).transform(inOrder), group })
  .superRefine(({ text: of, entities }, context) => {
    const problem = spanProblem(of, entities);
    if (problem !== undefined) context.addIssue({ code: 'custom', path: ['entities'], message: problem });
  });

const taggedRecord = z.object({
  tokens: z.array(z.string().min(1)).min(1),
  tags: z.array(z.string().regex(/^(?:O|[BIES]-.+)$/u, 'neither O nor B-, I-, E-, S- and a type')),
  group,
});

/** Words of a tagged list become a text: Chinese ones without spaces between them. */
function textOfTokens(tokens: readonly string[]): { readonly text: string; readonly starts: number[] } {
  const starts: number[] = [];
  let joined = '';
  for (const token of tokens) {
    const isChinese = /^[\p{Script=Han}，。；：、！？]/u.test(token) || /[\p{Script=Han}，。；：、！？]$/u.test(joined);
    if (joined !== '' && !isChinese) joined += ' ';
    starts.push(joined.length);
    joined += token;
  }
  return { text: joined, starts };
}

const fromTags = taggedRecord.transform(({ tokens, tags, group: of }, context): EntityExample => {
  if (tokens.length !== tags.length) {
    context.addIssue({ code: 'custom', message: `${tokens.length} tokens and ${tags.length} tags` });
    return z.NEVER;
  }
  const { text: joined, starts } = textOfTokens(tokens);
  const words = tokens.map((token, index) => ({
    text: token,
    start: starts[index] as number,
    end: (starts[index] as number) + token.length,
  }));
  const entities = spansOf(words, tags);
  const problem = spanProblem(joined, entities);
  if (problem !== undefined) {
    context.addIssue({ code: 'custom', message: problem });
    return z.NEVER;
  }
  return { text: joined, entities, group: of };
});

/** Whichever kind a record is of, it is told what is wrong with that kind. */
const eitherRecord = z.unknown().transform((record, context): EntityExample => {
  const isTagged = typeof record === 'object' && record !== null && 'tokens' in record;
  const parsed = isTagged ? fromTags.safeParse(record) : spanRecord.safeParse(record);
  if (parsed.success) return parsed.data;
  for (const { path, message } of parsed.error.issues) context.addIssue({ code: 'custom', path, message });
  return z.NEVER;
});

const settingsSchema = z.strictObject({
  c: z.coerce.number().positive().default(4),
  minTokens: z.coerce.number().int().min(1).max(1000).default(1),
  maxIterations: z.coerce.number().int().min(1).max(10_000).default(100),
});
type Settings = z.infer<typeof settingsSchema>;

export const withText = (of: string, entities: readonly LabelledSpan[]): FoundEntity[] =>
  entities.map((entity) => ({ ...entity, text: of.slice(entity.start, entity.end), probability: 1 }));

function answering(tagger: Tagger) {
  return {
    predict: async (examples: readonly Pick<EntityExample, 'text'>[]): Promise<EntityOutput[]> =>
      examples.map(({ text: of }) => {
        const { tokens, tags, probabilities } = tagger.tag(of);
        const entities = withText(of, spansOf(tokens, tags)).map((entity) => {
          const within = probabilities.filter((_, index) => {
            const { start = -1, end = -1 } = tokens[index] ?? {};
            return start >= entity.start && end <= entity.end;
          });
          return { ...entity, probability: within.reduce((sum, each) => sum + each, 0) / within.length };
        });
        return { entities };
      }),
  };
}

const spansIn = (entities: readonly LabelledSpan[]) =>
  entities.map(({ start, end, label: type }) => ({ start, end, type }));

function entityMetric(
  name: string,
  pick: (scores: EntityScores) => number,
  signature?: string,
): Metric<EntityExample, EntityOutput> {
  return {
    name,
    better: 'higher',
    ...(signature === undefined ? {} : { signature }),
    prepare(examples, outputs) {
      const expected = examples.map(({ entities }) => spansIn(entities));
      const named = outputs.map(({ entities }) => spansIn(entities));
      const of = <T>(all: readonly T[], rows: ArrayLike<number>): T[] => Array.from(rows, (row) => all[row] as T);
      return (rows) => pick(spanScores(of(expected, rows), of(named, rows)));
    },
  };
}

/** Whatever was an entity in training is one wherever it stands; where two overlap the longer. */
const dictionary: Baseline<EntityExample, EntityOutput> = {
  name: 'what was an entity in training is one again',
  async fit({ train }) {
    const counts = new Map<string, Map<string, number>>();
    for (const { text: of, entities } of train) {
      for (const { start, end, label } of entities) {
        const labels = counts.get(of.slice(start, end)) ?? new Map<string, number>();
        counts.set(of.slice(start, end), labels.set(label, (labels.get(label) ?? 0) + 1));
      }
    }
    const usual = [...counts].map(([surface, labels]) => {
      const [label] = [...labels].reduce((a, b) => (b[1] > a[1] ? b : a));
      return { surface, label };
    });
    const longestFirst = usual.sort((a, b) => b.surface.length - a.surface.length);
    return {
      predict: async (examples) =>
        examples.map(({ text: of }) => {
          const found = longestFirst.flatMap(({ surface, label }) =>
            occurrences(of, surface).map((start) => ({ start, end: start + surface.length, label })),
          );
          return { entities: withText(of, withoutOverlaps(found)) };
        }),
    };
  },
};

function occurrences(text: string, part: string): number[] {
  const starts: number[] = [];
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) starts.push(at);
  return starts;
}

function withoutOverlaps(spans: readonly LabelledSpan[]): LabelledSpan[] {
  const kept: LabelledSpan[] = [];
  for (const span of spans) {
    if (kept.every(({ start, end }) => span.end <= start || span.start >= end)) kept.push(span);
  }
  return inOrder(kept);
}

/** What Moat masks in training data, under the labels that the training examples have for it. */
const patterns: Baseline<EntityExample, EntityOutput> = {
  name: 'the patterns that mask personal data',
  async fit({ train }) {
    const votes = new Map<string, Map<string, number>>();
    for (const { text: of, entities } of train) {
      for (const { kind, start, end } of findPii(of)) {
        const label = entities.find((entity) => entity.start < end && start < entity.end)?.label;
        if (label === undefined) continue;
        const labels = votes.get(kind) ?? new Map<string, number>();
        votes.set(kind, labels.set(label, (labels.get(label) ?? 0) + 1));
      }
    }
    const labelOf = new Map(
      [...votes].map(([kind, labels]) => [kind, [...labels].reduce((a, b) => (b[1] > a[1] ? b : a))[0]]),
    );
    return {
      predict: async (examples) =>
        examples.map(({ text: of }) => {
          const found = findPii(of).flatMap(({ kind, start, end }) => {
            const label = labelOf.get(kind);
            return label === undefined ? [] : [{ start, end, label }];
          });
          return { entities: withText(of, found) };
        }),
    };
  },
};

function labelProblem({ train, test }: Sides<EntityExample>): string | undefined {
  const known = new Set(train.flatMap(({ entities }) => entities.map(({ label }) => label)));
  if (known.size === 0) return 'no training example has an entity';
  const unseen = test.flatMap(({ entities }) => entities).find(({ label }) => !known.has(label));
  return unseen && `the label "${unseen.label}" stands in the test but in no training example`;
}

function tablesOf(examples: readonly EntityExample[], outputs: readonly EntityOutput[]): ReportTable[] {
  const { byType } = spanScores(
    examples.map(({ entities }) => spansIn(entities)),
    outputs.map(({ entities }) => spansIn(entities)),
  );
  const round = (value: number): number => Number(value.toFixed(3));
  return [
    {
      title: 'by type',
      columns: ['type', 'expected', 'precision', 'recall', 'F1'],
      rows: [...byType].map(([type, { support, precision, recall, f1 }]) => [
        type,
        support,
        round(precision),
        round(recall),
        round(f1),
      ]),
    },
  ];
}

const shown = (entities: readonly FoundEntity[]): string =>
  entities.length === 0 ? 'none' : entities.map(({ text: of, label }) => `${of} [${label}]`).join('; ');

const f1 = entityMetric('entity F1', ({ micro }) => micro.f1, 'seqeval, spans whole and of the right type');

export const entities: Task<EntityExample, EntityOutput, Settings> = {
  name: 'entities',
  title: 'Names and figures in a text',
  description:
    'Which stretches of a text are a person, a place, a card number … A conditional random field over words, shapes and neighbours (Lafferty et al. 2001). Records have entities with start, end and label in characters, or tokens with tags as CoNLL has them.',
  fieldNames: {
    text: ['sentence', 'content'],
    entities: ['spans', 'labels', 'ents'],
    tokens: ['words'],
    tags: ['ner_tags', 'ner'],
    group: ['document', 'template'],
  },
  example: eitherRecord,
  question: z.object({ text, group }).transform((asked): EntityExample => ({ ...asked, entities: [] })),
  settings: settingsSchema,
  searchSpace: {
    c: { kind: 'range', low: 0.1, high: 50, isLog: true },
    minTokens: { kind: 'choice', values: [1, 2, 3] },
  },
  leavesOutCopies: true,
  textOf: ({ text: of }) => of,
  groupOf: ({ group: of }) => of,
  problem: labelProblem,
  async fit({ train }, { settings, onProgress }) {
    const tagged = train.map(({ text: of, entities: found }) => ({
      text: of,
      tags: tagsOf(textTokens(of), found) as string[],
    }));
    let passes = 0;
    const onPass = (): void => {
      passes++;
      onProgress?.(Math.min(1, passes / settings.maxIterations), `pass ${passes}`);
    };
    const tagger = fitTagger(tagged, { ...settings, onPass });
    const tokens = tagged.reduce((sum, { tags }) => sum + tags.length, 0);
    return {
      ...answering(tagger),
      facts: { architecture: 'linear-chain conditional random field', parameters: tagger.parameterCount, passes },
      trainedTokens: tokens * passes,
      save: (folder) => tagger.save(folder),
    };
  },
  async load(folder) {
    return answering(await loadTagger(folder));
  },
  baselines: [dictionary, patterns],
  metrics: [
    f1,
    entityMetric('precision', ({ micro }) => micro.precision),
    entityMetric('recall', ({ micro }) => micro.recall),
    entityMetric('macro-F1', ({ macro }) => macro.f1, 'the mean over types'),
  ],
  slices: ({ text: of }) => ({ language: scriptOf(of) }),
  show: ({ text: of, entities: expected }, { entities: given }) => {
    const right = new Set(expected.map(({ start, end, label }) => `${start} ${end} ${label}`));
    const wrong = given.filter(({ start, end, label }) => !right.has(`${start} ${end} ${label}`));
    const missed = right.size - (given.length - wrong.length);
    return {
      input: of,
      expected: shown(withText(of, expected)),
      given: shown(given),
      badness: missed + wrong.reduce((sum, { probability }) => sum + probability, 0),
    };
  },
  details: tablesOf,
};

export const entitiesTask = defineTask(entities);
