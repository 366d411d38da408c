/**
 * Several tasks on one encoder, and each alone on one of its own, on the same test examples: what learning them together is worth.
 * A cascade gives the second of two tasks what the first says of its texts.
 */
import { z } from 'zod';
import type { Clock } from '../../../base/clock.js';
import { MoatError } from '../../../base/errors.js';
import { parameterCount } from '../../models/model.js';
import type { Weights } from '../../train/fit-objective.js';
import { type OpenedEncoder, encoderSettings, openEncoder } from './encoder-for-texts.js';
import { type FittedShared, type LabelledRow, answersOf, fitShared } from './fit-shared.js';
import type { Head } from './heads.js';
import { type Part, type PartFigures, openPart } from './part.js';
import { sharedParameters } from './shared-encoder.js';
import { WEIGHTINGS } from './task-weights.js';

const name = z.string().regex(/^[\p{L}\p{N}_-]{1,40}$/u, 'a name has letters, digits, - and _');
export const planSchema = z.strictObject({
  tasks: z
    .array(
      z.strictObject({
        name,
        kind: z.enum(['classification', 'tagging']),
        data: z.string().min(1),
        fields: z.record(z.string(), z.string()).default({}),
        /** Of its loss among the others', where weights are fixed. */
        weight: z.number().positive().default(1),
      }),
    )
    .min(1)
    .max(16),
  weights: z.enum(WEIGHTINGS).default('fixed'),
  /** Of `gradnorm`: how strongly tasks that learn more slowly are favoured (the paper's α), and the rate of the weights. */
  gradNorm: z
    .strictObject({ strength: z.number().min(0).default(0.5), learningRate: z.number().positive().default(0.025) })
    .prefault({}),
  /** The second is given what the first says of its texts. */
  cascade: z.tuple([name, name]).optional(),
  ...encoderSettings.shape,
  batchSize: z.number().int().min(1).max(1024).default(16),
  epochs: z.number().int().min(1).max(1000).default(8),
  learningRate: z.number().positive().default(1e-3),
});
export type MultiTaskPlan = z.infer<typeof planSchema>;

export interface MultiTaskContext {
  readonly seed: number;
  readonly threads: number | undefined;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  /** The file of a task's records. */
  readonly fileOf: (data: string) => string;
  readonly onProgress?: (fraction: number, text: string) => void;
  readonly resamples?: number;
}

export interface PartReport {
  readonly name: string;
  readonly kind: Head['kind'];
  /** All together, beside `alone`. */
  readonly figures: PartFigures;
  /** What it counted at the end. */
  readonly weight: number;
}

/** Of the second task: by its text alone, with what the first says of it, and with what is so. */
export interface CascadeReport {
  readonly first: string;
  readonly second: string;
  /** With what the first says, beside `its text alone` and, where every text has a record of the first, `told the truth`. */
  readonly figures: PartFigures;
}

export interface MultiTaskReport {
  readonly weights: MultiTaskPlan['weights'];
  readonly tasks: readonly PartReport[];
  readonly cascade: CascadeReport | undefined;
  readonly facts: Readonly<Record<string, string | number>>;
  readonly fitSeconds: number;
}

export interface MultiTaskModel {
  readonly opened: OpenedEncoder;
  readonly heads: readonly Head[];
  readonly weights: Weights;
}

/** Reads every task, fits all of them together and each alone, and the cascade where one is asked for. */
export async function runMultiTask(
  plan: MultiTaskPlan,
  context: MultiTaskContext,
): Promise<{ readonly report: MultiTaskReport; readonly model: MultiTaskModel }> {
  checkPlan(plan);
  const started = context.clock.monotonic();
  const parts = withoutHeldOutTexts(await Promise.all(plan.tasks.map((task) => openPart(task, context))));
  const opened = await openEncoder(
    plan,
    parts.flatMap(({ texts }) => texts.train),
  );
  // alone as many batches as together, or what is compared is how long was learned
  const longest = Math.max(...parts.map(({ texts }) => texts.train.length));
  const batchesPerEpoch = Math.ceil(longest / plan.batchSize);
  const fits = createFits(
    plan,
    { opened, batchesPerEpoch },
    context,
    1 + parts.length + (plan.cascade === undefined ? 0 : 5),
  );
  const joint = await fits.fit('all together', parts);
  const tasks: PartReport[] = [];
  for (const [index, part] of parts.entries()) {
    const single = parts.length === 1 ? joint : await fits.fit(`${part.name} alone`, [part]);
    const [together, alone] = [await fits.answers(joint, part), await fits.answers(single, part)];
    tasks.push({
      name: part.name,
      kind: part.kind,
      figures: part.report(opened, together, parts.length === 1 ? {} : { alone }),
      weight: joint.taskWeights[index] as number,
    });
  }
  const cascade = plan.cascade && (await runCascade(plan.cascade, parts, fits, opened));
  const shared = { encoder: opened.encoder, width: opened.width, heads: joint.heads };
  return {
    report: {
      weights: plan.weights,
      tasks,
      cascade,
      facts: {
        architecture:
          plan.base === undefined
            ? 'BERT, made for these texts'
            : `encoder of ${plan.base.split(/[\\/]/u).at(-1) ?? ''}`,
        parameters: parameterCount(sharedParameters(shared, 'fixed')),
        vocabulary: opened.encoder.config.vocab_size,
        epoch: joint.epoch,
      },
      fitSeconds: (context.clock.monotonic() - started) / 1000,
    },
    model: { opened, heads: joint.heads, weights: joint.weights },
  };
}

function checkPlan({ tasks, cascade }: MultiTaskPlan): void {
  const names = tasks.map((task) => task.name);
  const twice = names.find((each, at) => names.indexOf(each) !== at);
  if (twice !== undefined) {
    throw new MoatError('bad-plan', `tasks: two are called "${twice}"`, { fix: 'Give each its own name.' });
  }
  if (cascade === undefined) return;
  const unknown = cascade.find((each) => !names.includes(each));
  if (unknown !== undefined || cascade[0] === cascade[1]) {
    throw new MoatError(
      'bad-plan',
      `cascade: ${unknown === undefined ? 'a task cannot follow itself' : `there is no task "${unknown}"`}`,
      {
        fix: `Name two of ${names.join(', ')}.`,
      },
    );
  }
  if (tasks.find((task) => task.name === cascade[0])?.kind === 'tagging') {
    throw new MoatError('bad-plan', `cascade: "${cascade[0]}" tags words, and the first must say one thing of a text`, {
      fix: 'Put a classification first.',
    });
  }
}

/** A text that one task is measured on, another does not learn from: it would know the text, if not the answer. */
function withoutHeldOutTexts(parts: readonly Part[]): Part[] {
  const heldOut = new Set(parts.flatMap(({ texts }) => [...texts.validation, ...texts.test]));
  return parts.map((part) => part.onlyTrain((text) => !heldOut.has(text)));
}

/** What is fitted in this run, one after the other, with one progress for all. */
interface Fits {
  fit(what: string, parts: readonly Part[]): Promise<Fitted>;
  /** Probabilities of the test examples, or of texts. */
  answers(fitted: Fitted, part: Part): Promise<Float32Array[]>;
  labels(fitted: Fitted, part: Part, texts: readonly string[]): Promise<string[]>;
}

interface Fitted extends FittedShared {
  readonly heads: readonly Head[];
}

function createFits(
  plan: MultiTaskPlan,
  { opened, batchesPerEpoch }: { readonly opened: OpenedEncoder; readonly batchesPerEpoch: number },
  context: MultiTaskContext,
  count: number,
): Fits {
  const shape = { batchSize: plan.batchSize, sequenceLength: opened.maxTokens };
  const { padToken, encoder, width, initial } = opened;
  const { seed, threads, signal } = context;
  let done = 0;
  const answer = (fitted: Fitted, head: Head, rows: readonly LabelledRow[]): Promise<Float32Array[]> =>
    answersOf({ encoder, width, heads: fitted.heads }, fitted.weights, head, rows, { shape, padToken, threads });
  return {
    async fit(what, parts) {
      const rows = parts.map((part) => part.rows(opened));
      const heads = rows.map(({ head }) => head);
      const fitted = await fitShared({ encoder, width, heads }, rows, {
        shape,
        padToken,
        threads,
        seed,
        signal,
        weighting: parts.length === 1 ? 'fixed' : plan.weights,
        epochs: plan.epochs,
        batchesPerEpoch,
        gradNorm: plan.gradNorm,
        learningRate: plan.learningRate,
        ...(initial === undefined ? {} : { initial }),
        onEpoch: ({ epoch }) => context.onProgress?.((done + epoch / plan.epochs) / count, `${what}, epoch ${epoch}`),
      });
      done++;
      return { ...fitted, heads };
    },
    answers: (fitted, part) => answer(fitted, part.head, part.testRows(opened)),
    async labels(fitted, part, texts) {
      const rows = texts.map((text) => ({ ids: opened.read(text).ids, targets: [] }));
      // a fold may lack a class that all have
      const head = fitted.heads.find((each) => each.name === part.name) as Head;
      const probabilities = await answer(fitted, head, rows);
      return probabilities.map((of) => head.classes[of.indexOf(Math.max(...of))] as string);
    },
  };
}

/** Parts into which training examples fall: what a text is said to be comes from a model that did not learn from it. */
const FOLDS = 2;

/** Every label in all folds, as far as there are examples. */
function foldsOf(part: Part): Map<string, number> {
  const counts = new Map<string | undefined, number>();
  return new Map(
    part.texts.train.map((text) => {
      const label = part.labelOf(text);
      const count = counts.get(label) ?? 0;
      counts.set(label, count + 1);
      return [text, count % FOLDS];
    }),
  );
}

async function runCascade(
  [firstName, secondName]: readonly [string, string],
  parts: readonly Part[],
  fits: Fits,
  opened: OpenedEncoder,
): Promise<CascadeReport> {
  const [first, second] = [firstName, secondName].map((each) => parts.find((part) => part.name === each)) as [
    Part,
    Part,
  ];
  const foldOf = foldsOf(first);
  const folds: Fitted[] = [];
  for (let fold = 0; fold < FOLDS; fold++) {
    const others = first.onlyTrain((text) => foldOf.get(text) !== fold);
    folds.push(await fits.fit(`${firstName}, fold ${fold + 1}`, [others]));
  }
  const all = [...second.texts.train, ...second.texts.validation, ...second.texts.test];
  const said = new Map<string, string>();
  for (const [fold, fitted] of folds.entries()) {
    // texts that the first task does not learn from are left to the first fold's model
    const asked = all.filter((text) => (foldOf.get(text) ?? 0) === fold);
    const labels = await fits.labels(fitted, first, asked);
    for (const [at, text] of asked.entries()) said.set(text, labels[at] as string);
  }
  const alone = await fits.fit(`${secondName} alone`, [second]);
  const given = second.prefixed((text) => `${said.get(text) ?? ''}: `);
  const following = await fits.fit(`${secondName} after ${firstName}`, [given]);
  const [own, told] = [await fits.answers(alone, second), await fits.answers(following, given)];
  const isKnown = all.every((text) => first.labelOf(text) !== undefined);
  const right = second.prefixed((text) => `${first.labelOf(text) ?? ''}: `);
  const oracle = isKnown ? await fits.answers(await fits.fit(`${secondName} told`, [right]), right) : undefined;
  const others = { 'its text alone': own, ...(oracle === undefined ? {} : { 'told the truth': oracle }) };
  return { first: firstName, second: secondName, figures: given.report(opened, told, others) };
}
