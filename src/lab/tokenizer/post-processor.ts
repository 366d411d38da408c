/** What stands around the texts that a model reads, as `post_processor` of `tokenizer.json` says. */
import { z } from 'zod';

/** One step of a frame: a special token, or the first text or the second. */
export type FrameStep =
  | { readonly kind: 'token'; readonly id: number; readonly type: number }
  | { readonly kind: 'text'; readonly which: 0 | 1; readonly type: number };

export interface Frame {
  readonly single: readonly FrameStep[];
  readonly pair: readonly FrameStep[];
}

const BARE: Frame = {
  single: [{ kind: 'text', which: 0, type: 0 }],
  pair: [
    { kind: 'text', which: 0, type: 0 },
    { kind: 'text', which: 1, type: 1 },
  ],
};

const namedId = z.tuple([z.string(), z.int().min(0)]);
const typeId = z.int().min(0).default(0);
const stepSchema = z.union([
  z.object({ SpecialToken: z.object({ id: z.string(), type_id: typeId }) }),
  z.object({ Sequence: z.object({ id: z.enum(['A', 'B']), type_id: typeId }) }),
]);
const templateSchema = z.object({
  type: z.literal('TemplateProcessing'),
  single: z.array(stepSchema),
  pair: z.array(stepSchema),
  special_tokens: z.record(z.string(), z.object({ ids: z.array(z.int().min(0)) })),
});
const framedSchema = z.object({ type: z.enum(['BertProcessing', 'RobertaProcessing']), sep: namedId, cls: namedId });
const sequenceSchema = z.object({ type: z.literal('Sequence'), processors: z.array(z.unknown()) });

/**
 * The frame that a post-processor puts around texts; texts alone for one that only moves offsets, or none.
 * @returns undefined for one of a kind that is not known
 */
export function frameOf(processor: unknown): Frame | undefined {
  if (processor === null || processor === undefined) return BARE;
  const template = templateSchema.safeParse(processor);
  if (template.success) return templateFrame(template.data);
  const framed = framedSchema.safeParse(processor);
  if (framed.success) return classicFrame(framed.data);
  const sequence = sequenceSchema.safeParse(processor);
  if (sequence.success) {
    // one of them writes tokens, the others move offsets
    const frames = sequence.data.processors.map(frameOf);
    return frames.includes(undefined) ? undefined : (frames.find((frame) => frame !== BARE) ?? BARE);
  }
  return z.object({ type: z.literal('ByteLevel') }).safeParse(processor).success ? BARE : undefined;
}

function templateFrame({ single, pair, special_tokens: special }: z.infer<typeof templateSchema>): Frame | undefined {
  const named = [...single, ...pair].flatMap((step) => ('SpecialToken' in step ? [step.SpecialToken.id] : []));
  if (named.some((name) => special[name] === undefined)) return undefined;
  const stepsOf = (steps: readonly z.infer<typeof stepSchema>[]): FrameStep[] =>
    steps.flatMap((step): FrameStep[] => {
      if ('Sequence' in step)
        return [{ kind: 'text', which: step.Sequence.id === 'A' ? 0 : 1, type: step.Sequence.type_id }];
      const { id: name, type_id: type } = step.SpecialToken;
      return (special[name]?.ids ?? []).map((id) => ({ kind: 'token', id, type }));
    });
  return { single: stepsOf(single), pair: stepsOf(pair) };
}

function classicFrame({ type: kind, sep: [, sep], cls: [, cls] }: z.infer<typeof framedSchema>): Frame {
  const token = (id: number, type: number): FrameStep => ({ kind: 'token', id, type });
  const single: FrameStep[] = [token(cls, 0), { kind: 'text', which: 0, type: 0 }, token(sep, 0)];
  // RoBERTa knows one type, and puts two marks between the texts
  const second = kind === 'BertProcessing' ? 1 : 0;
  const between = kind === 'BertProcessing' ? [] : [token(sep, 0)];
  return { single, pair: [...single, ...between, { kind: 'text', which: 1, type: second }, token(sep, second)] };
}
