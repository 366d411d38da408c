import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { MoatError } from '../../../base/errors.js';
import { Rng } from '../../../base/rng.js';
import { tokenF1 } from '../../eval/metrics/answers.js';
import { scriptOf } from '../../eval/script.js';
import { clustersOf, splitExamples } from '../split-examples.js';
import { type Baseline, type Metric, type Sides, type Task, defineTask } from '../task.js';
import { type BaseDocument, type DocumentBase, createDocumentBase } from './document-base.js';

const recordSchema = z.object({
  question: z.string().trim().min(1, 'the question is empty'),
  answer: z.string().trim().min(1, 'the answer is empty'),
  id: z.union([z.string(), z.number()]).transform(String).optional(),
  lang: z.string().optional(),
});

export interface QuestionExample {
  readonly question: string;
  /** The text of the document that answers it. */
  readonly answer: string;
  /** Entries of one id are one entry in several languages. */
  readonly id: string | undefined;
  readonly language: string;
  /** As it is asked while measuring: not in the words of the document's title. */
  readonly asked?: string | undefined;
  /** All documents, and all without their titles; present once the examples have been split. */
  readonly base?: DocumentBase | undefined;
  readonly bareBase?: DocumentBase | undefined;
  /** Its own document is taken out of the base: the only right answer is that there is none. */
  readonly isUnanswerable?: boolean | undefined;
}

export interface QuestionOutput {
  readonly cited: readonly string[];
  /** What would have been cited if documents had no titles. */
  readonly citedBare: readonly string[];
  readonly answer: string;
  readonly support: number;
  readonly refused: boolean;
}

const documentId = ({ id, language, question }: Pick<QuestionExample, 'id' | 'language' | 'question'>): string =>
  `${id ?? question}@${language}`;

const documentOf = (example: QuestionExample): BaseDocument => ({
  id: documentId(example),
  title: example.question,
  text: example.answer,
});

const toExample = ({ question, answer, id, lang }: z.infer<typeof recordSchema>): QuestionExample => ({
  question,
  answer,
  id,
  language: lang ?? scriptOf(question),
});

const settingsSchema = z.strictObject({
  /** How well a document must fit for an answer, in [0, 1]; chosen on the validation questions when negative. */
  leastSupport: z.coerce.number().max(1).default(-1),
});
type Settings = z.infer<typeof settingsSchema>;

const SHARES = { validation: 0.2, test: 0.4 };

/** How many words of a title are left out when it is asked as a question. */
const WORN = 1 / 3;

/** People do not ask in the words of a title: a third of its words, or of its Chinese characters, are left out by chance. */
function worn(question: string, rng: Rng): string {
  const units = question.match(/\p{Script=Han}|[^\s\p{Script=Han}]+\s*/gu) ?? [question];
  const kept = units.filter(() => rng.uniform() >= WORN);
  return kept.length === 0 ? question : kept.join('');
}

/** Every document stands in the base, whichever side its question is on; each held-out question is asked again without its own. */
function splitQuestions(examples: readonly QuestionExample[], seed: number): Sides<QuestionExample> {
  const documents = examples.map(documentOf);
  const base = createDocumentBase(documents);
  const bareBase = createDocumentBase(documents.map((document) => ({ ...document, title: '' })));
  const rng = Rng.fromSeed(seed);
  const clusters = clustersOf(examples, { textOf: ({ question }) => question, groupOf: ({ id }) => id });
  const { train, validation, test } = splitExamples(examples, clusters, { ...SHARES, seed });
  const twice = (side: readonly QuestionExample[]): QuestionExample[] =>
    side.flatMap((example) => {
      const asked = { ...example, base, bareBase, asked: worn(example.question, rng) };
      return [asked, { ...asked, isUnanswerable: true }];
    });
  return { train, validation: twice(validation), test: twice(test) };
}

function answerWith(base: DocumentBase, leastSupport: number, example: QuestionExample): QuestionOutput {
  const question = example.asked ?? example.question;
  const without = example.isUnanswerable === true ? documentId(example) : undefined;
  const found = (example.base ?? base).answer(question, without);
  const refused = found.support < leastSupport || found.cited.length === 0;
  const citedBare = example.bareBase?.answer(question, without).cited ?? [];
  return { cited: found.cited, citedBare, answer: refused ? '' : found.text, support: found.support, refused };
}

/** The support at which refusing what cannot be answered and answering what can be succeed equally often, at best. */
function chooseSupport(base: DocumentBase, validation: readonly QuestionExample[]): number {
  const judged = validation.map((example) => ({ example, support: answerWith(base, -1, example).support }));
  const right = (least: number): number => {
    const share = (isUnanswerable: boolean): number => {
      const of = judged.filter(({ example }) => (example.isUnanswerable === true) === isUnanswerable);
      return of.filter(({ support }) => support < least === isUnanswerable).length / Math.max(1, of.length);
    };
    return share(true) + share(false);
  };
  const tried = [0, ...judged.map(({ support }) => support + 1e-9)];
  return tried.reduce((best, each) => (right(each) > right(best) ? each : best));
}

type QuestionMetric = Metric<QuestionExample, QuestionOutput>;

/** A share over those examples that `counts`, of what `value` says of each. */
function meanMetric(
  name: string,
  better: 'higher' | 'lower',
  counts: (example: QuestionExample) => boolean,
  value: (example: QuestionExample, output: QuestionOutput) => number,
  signature?: string,
): QuestionMetric {
  return {
    name,
    better,
    ...(signature === undefined ? {} : { signature }),
    prepare(examples, outputs) {
      const counted = Uint8Array.from(examples, (example) => Number(counts(example)));
      const values = Float64Array.from(examples, (example, row) => value(example, outputs[row] as QuestionOutput));
      return (rows) => {
        let [total, count] = [0, 0];
        for (let i = 0; i < rows.length; i++) {
          if (counted[rows[i] as number] === 0) continue;
          total += values[rows[i] as number] as number;
          count++;
        }
        return total / count;
      };
    },
  };
}

const isAnswerable = ({ isUnanswerable }: QuestionExample): boolean => isUnanswerable !== true;
const isNot = ({ isUnanswerable }: QuestionExample): boolean => isUnanswerable === true;
const placeOf = (example: QuestionExample, { cited }: QuestionOutput): number => cited.indexOf(documentId(example));

const WORN_SIGNATURE = 'asked with a third of the words of its title left out';

const recallAt = (count: number): QuestionMetric =>
  meanMetric(
    `recall@${count}`,
    'higher',
    isAnswerable,
    (example, output) => {
      const place = placeOf(example, output);
      return Number(place >= 0 && place < count);
    },
    WORN_SIGNATURE,
  );

const bareRecall: QuestionMetric = meanMetric(
  'recall@5 without titles',
  'higher',
  isAnswerable,
  (example, { citedBare }) => Number(citedBare.includes(documentId(example))),
  `${WORN_SIGNATURE}; documents are found by their text alone`,
);

const chance: Baseline<QuestionExample, QuestionOutput> = {
  name: 'the first documents of the base, never refusing',
  async fit({ train }) {
    const own = createDocumentBase(train.map(documentOf));
    return {
      predict: async (examples) =>
        examples.map((example) => {
          const { documents } = example.base ?? own;
          const cited = documents.filter(({ id }) => id.endsWith(`@${example.language}`)).slice(0, 5);
          const ids = cited.map(({ id }) => id);
          return { cited: ids, citedBare: ids, answer: cited[0]?.text ?? '', support: 1, refused: false };
        }),
    };
  },
};

export const questionAnswering: Task<QuestionExample, QuestionOutput, Settings> = {
  name: 'question-answering',
  title: 'Answers from documents',
  description:
    'A question gets sentences of the document that answers it, with citations, or is refused. BM25 over documents and paragraphs, fused; nothing is made up, every word stands in a document.',
  fieldNames: {
    question: ['query', 'instruction', 'prompt'],
    answer: ['response', 'output', 'document', 'completion'],
    id: [],
    lang: ['language'],
  },
  example: recordSchema.transform(toExample),
  question: recordSchema.extend({ answer: z.string().default('') }).transform(toExample),
  settings: settingsSchema,
  searchSpace: {},
  textOf: ({ question }) => question,
  groupOf: ({ id }) => id,
  split: splitQuestions,
  async fit({ train, validation }, { settings }) {
    const base = validation[0]?.base ?? createDocumentBase(train.map(documentOf));
    const leastSupport = settings.leastSupport >= 0 ? settings.leastSupport : chooseSupport(base, validation);
    return {
      facts: { documents: base.documents.length, leastSupport: Number(leastSupport.toFixed(4)) },
      predict: async (examples) => examples.map((example) => answerWith(base, leastSupport, example)),
      save: (folder) =>
        writeFile(
          path.join(folder, FILE),
          JSON.stringify({ kind: 'documents', leastSupport, documents: base.documents }),
          { flag: 'wx' },
        ),
    };
  },
  async load(folder) {
    const { documents, leastSupport } = await readBase(path.join(folder, FILE));
    const base = createDocumentBase(documents);
    return { predict: async (examples) => examples.map((example) => answerWith(base, leastSupport, example)) };
  },
  baselines: [chance],
  metrics: [
    recallAt(5),
    recallAt(1),
    bareRecall,
    meanMetric('MRR', 'higher', isAnswerable, (example, output) => {
      const place = placeOf(example, output);
      return place < 0 ? 0 : 1 / (place + 1);
    }),
    meanMetric(
      'token F1',
      'higher',
      isAnswerable,
      (example, { answer }) => tokenF1(answer, example.answer),
      'against the whole document',
    ),
    meanMetric('refused though answerable', 'lower', isAnswerable, (_, { refused }) => Number(refused)),
    meanMetric(
      'answered without support',
      'lower',
      isNot,
      (_, { refused }) => Number(!refused),
      'questions whose document is not there',
    ),
  ],
  slices: ({ language }) => ({ language }),
  show: (example, output) => ({
    input: example.asked ?? example.question,
    expected: isNot(example) ? '(no document answers it)' : example.answer,
    given: output.refused ? '(refused)' : output.answer,
    badness: isNot(example)
      ? Number(!output.refused) * output.support
      : placeOf(example, output) < 0
        ? 1
        : 1 - tokenF1(output.answer, example.answer),
  }),
};

const FILE = 'documents.json';
const fileSchema = z.object({
  kind: z.literal('documents'),
  leastSupport: z.number(),
  documents: z.array(z.object({ id: z.string(), title: z.string(), text: z.string() })),
});

async function readBase(file: string): Promise<z.infer<typeof fileSchema>> {
  try {
    return fileSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    throw new MoatError('bad-task-model', `${file}: not a base of documents as Moat writes it`, {
      fix: 'Fit it again.',
      cause: error,
    });
  }
}

export const questionAnsweringTask = defineTask(questionAnswering);
