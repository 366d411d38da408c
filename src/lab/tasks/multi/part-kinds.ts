/** What a task among several may be: its examples, what a head learns of them, and what a head's probabilities say. */
import { type ClassOutput, classOutput } from '../class-metrics.js';
import { type TextExample, classification } from '../classification/task.js';
import { likeliestTags } from '../entities/linear-chain.js';
import { spansOf, tagsOf } from '../entities/labelled-spans.js';
import { allowedSteps, tagsToLearn } from '../entities/tagger.js';
import { type EntityExample, type EntityOutput, entities, withText } from '../entities/task.js';
import { numberLabels } from '../labels.js';
import type { Task, TaskSettings } from '../task.js';
import { textTokens } from '../text-tokens.js';
import type { LabelledRow } from './fit-shared.js';
import type { Head } from './heads.js';
import type { TextRow } from './text-rows.js';

export interface PartKind<Example extends { readonly text: string }, Output, Settings extends TaskSettings> {
  readonly kind: Head['kind'];
  /** Whose records, split and figures it has. */
  readonly task: Task<Example, Output, Settings>;
  classesOf(train: readonly Example[]): string[];
  /** What a whole text is; undefined where words are tagged. */
  labelOf(example: Example): string | undefined;
  /** Classes that training did not know are not learned. */
  targetsOf(example: Example, row: TextRow, classes: readonly string[]): LabelledRow['targets'];
  /** @param probabilities `[classes]`, or `[time, classes]` */
  outputOf(example: Example, row: TextRow, probabilities: Float32Array, classes: readonly string[]): Output;
}

/** Hands a kind, with its types, to work that is the same for all. */
export interface AnyPartKind {
  use<Result>(
    work: <Example extends { readonly text: string }, Output, Settings extends TaskSettings>(
      kind: PartKind<Example, Output, Settings>,
    ) => Result,
  ): Result;
}

const closed = <Example extends { readonly text: string }, Output, Settings extends TaskSettings>(
  kind: PartKind<Example, Output, Settings>,
): AnyPartKind => ({ use: (work) => work(kind) });

const wholeTexts: PartKind<TextExample, ClassOutput, ReturnType<typeof classification.settings.parse>> = {
  kind: 'classification',
  task: classification,
  classesOf: (train) => numberLabels(train).labels,
  labelOf: ({ label }) => label,
  targetsOf({ label }, _row, classes) {
    const target = classes.indexOf(label);
    return target < 0 ? [] : [{ place: 0, target }];
  },
  outputOf: (_example, _row, probabilities, classes) => classOutput(classes, probabilities),
};

const words: PartKind<EntityExample, EntityOutput, ReturnType<typeof entities.settings.parse>> = {
  kind: 'tagging',
  task: entities,
  classesOf: (train) =>
    tagsToLearn(train.flatMap(({ text, entities: found }) => tagsOf(textTokens(text), found) as string[])),
  labelOf: () => undefined,
  targetsOf({ entities: found }, { words: tokens, firstTokens }, classes) {
    const tags = tagsOf(tokens, found) as string[];
    return firstTokens.flatMap((place, word) => {
      const target = classes.indexOf(tags[word] as string);
      return place < 0 || target < 0 ? [] : [{ place, target }];
    });
  },
  outputOf({ text }, { words: tokens, firstTokens }, probabilities, classes) {
    const tagCount = classes.length;
    const read = firstTokens.filter((place) => place >= 0);
    const places = Float64Array.from({ length: read.length * tagCount }, (_, at) => {
      const place = read[Math.floor(at / tagCount)] as number;
      return Math.log(Math.max(probabilities[place * tagCount + (at % tagCount)] as number, 1e-30));
    });
    const transitions = Float64Array.from(allowedSteps(classes), (may) => (may === 1 ? 0 : -Infinity));
    const named = likeliestTags({ tagCount, places, transitions }).map((tag) => classes[tag] as string);
    // words behind the end of the row are nothing
    let next = 0;
    const tags = firstTokens.map((place) => (place < 0 ? 'O' : (named[next++] as string)));
    const sure = firstTokens.map((place, word) =>
      place < 0 ? 1 : (probabilities[place * tagCount + classes.indexOf(tags[word] as string)] as number),
    );
    const found = withText(text, spansOf(tokens, tags)).map((entity) => {
      const own = sure.filter((_, word) => {
        const { start = -1, end = -1 } = tokens[word] ?? {};
        return start >= entity.start && end <= entity.end;
      });
      return { ...entity, probability: own.reduce((sum, each) => sum + each, 0) / own.length };
    });
    return { entities: found };
  },
};

export const PART_KINDS: Readonly<Record<Head['kind'], AnyPartKind>> = {
  classification: closed(wholeTexts),
  tagging: closed(words),
};
