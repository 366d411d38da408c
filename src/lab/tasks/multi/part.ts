/** One of several tasks with its examples, its types forgotten: what is learned of it, and how a model of it is judged. */
import { allRows } from '../../eval/metrics/intervals.js';
import { type PreparedData, prepareData, reportOf } from '../run-task.js';
import type { TaskSettings } from '../task.js';
import type { OpenedEncoder } from './encoder-for-texts.js';
import type { LabelledRow, TaskRows } from './fit-shared.js';
import type { Head } from './heads.js';
import { PART_KINDS, type PartKind } from './part-kinds.js';
import type { TextRow } from './text-rows.js';

export interface Part {
  readonly name: string;
  readonly kind: Head['kind'];
  readonly head: Head;
  readonly texts: Readonly<Record<'train' | 'validation' | 'test', readonly string[]>>;
  /** What a text is by its record, on whichever side it stands; undefined where none says. */
  labelOf(text: string): string | undefined;
  onlyTrain(keep: (text: string) => boolean): Part;
  /** The encoder reads something in front of each text; examples and answers stay as they are. */
  prefixed(prefix: (text: string) => string): Part;
  rows(opened: OpenedEncoder): TaskRows;
  testRows(opened: OpenedEncoder): LabelledRow[];
  /**
   * What a model says of the test examples, as every task is reported.
   * @param probabilities of the test rows @param others of the same rows by other models, the names they go by
   */
  report(opened: OpenedEncoder, probabilities: readonly Float32Array[], others?: OtherAnswers): PartFigures;
}

export type OtherAnswers = Readonly<Record<string, readonly Float32Array[]>>;
export type PartFigures = ReturnType<typeof reportOf>;

export interface PartSource {
  readonly name: string;
  readonly kind: Head['kind'];
  readonly data: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly weight: number;
}

export interface PartContext {
  readonly seed: number;
  readonly fileOf: (data: string) => string;
  readonly resamples?: number;
}

/** @throws MoatError those of the task's records */
export function openPart(source: PartSource, context: PartContext): Promise<Part> {
  return PART_KINDS[source.kind].use(async (kind) => {
    const { data, fields } = source;
    const sides = await prepareData(kind.task, { file: context.fileOf(data), fields }, context.seed);
    return createPart(kind, source, sides, context);
  });
}

function createPart<Example extends { readonly text: string }, Output, Settings extends TaskSettings>(
  kind: PartKind<Example, Output, Settings>,
  source: PartSource,
  sides: PreparedData<Example>,
  context: PartContext,
  prefix: (text: string) => string = () => '',
): Part {
  const { train, validation, test } = sides;
  const [first] = kind.task.metrics;
  if (first === undefined) throw new RangeError('a task has a figure');
  const head = { name: source.name, kind: kind.kind, classes: kind.classesOf(train) };
  const textsOf = (examples: readonly Example[]): string[] => examples.map(({ text }) => text);
  const labels = new Map([...train, ...validation, ...test].map((example) => [example.text, kind.labelOf(example)]));
  const readOne = (text: string, opened: OpenedEncoder): TextRow => readBehind(prefix(text), text, opened);
  const rowsOf = (examples: readonly Example[], opened: OpenedEncoder): LabelledRow[] =>
    examples.map((example) => {
      const row = readOne(example.text, opened);
      return { ids: row.ids, targets: kind.targetsOf(example, row, head.classes) };
    });
  const outputsOf = (
    examples: readonly Example[],
    opened: OpenedEncoder,
    probabilities: readonly Float32Array[],
  ): Output[] =>
    examples.map((example, index) =>
      kind.outputOf(example, readOne(example.text, opened), probabilities[index] as Float32Array, head.classes),
    );
  return {
    name: source.name,
    kind: kind.kind,
    head,
    texts: { train: textsOf(train), validation: textsOf(validation), test: textsOf(test) },
    labelOf: (text) => labels.get(text),
    onlyTrain: (keep) =>
      createPart(
        kind,
        source,
        withTrain(sides, (example) => keep(example.text)),
        context,
        prefix,
      ),
    prefixed: (other) => createPart(kind, source, sides, context, other),
    rows: (opened) => ({
      head,
      weight: source.weight,
      train: rowsOf(train, opened),
      validation: rowsOf(validation, opened),
      judge(probabilities) {
        const outputs = outputsOf(validation, opened, probabilities);
        const value = first.prepare(validation, outputs)(allRows(validation.length));
        return first.better === 'higher' ? value : -value;
      },
    }),
    testRows: (opened) => rowsOf(test, opened),
    report(opened, probabilities, others = {}) {
      const answers = Object.entries(others).map(([name, theirs]) => ({
        name,
        kind: 'peer' as const,
        outputs: outputsOf(test, opened, theirs),
        seconds: 0,
      }));
      return reportOf(kind.task, sides, outputsOf(test, opened, probabilities), answers, context);
    },
  };
}

/** Some of the training examples; those left out are counted as what the test has too. */
function withTrain<Example>(sides: PreparedData<Example>, keep: (example: Example) => boolean): PreparedData<Example> {
  const train = sides.train.filter(keep);
  const removedCopies = sides.facts.removedCopies + sides.train.length - train.length;
  return { ...sides, train, facts: { ...sides.facts, train: train.length, removedCopies } };
}

/** The words of the text alone, where their tokens stand behind those of a prefix. */
function readBehind(prefix: string, text: string, opened: OpenedEncoder): TextRow {
  if (prefix === '') return opened.read(text);
  const { ids, words, firstTokens } = opened.read(prefix + text);
  const own = words.findIndex(({ start }) => start >= prefix.length);
  const from = own < 0 ? words.length : own;
  return {
    ids,
    words: words.slice(from).map((word) => ({
      ...word,
      start: word.start - prefix.length,
      end: word.end - prefix.length,
    })),
    firstTokens: firstTokens.slice(from),
  };
}
