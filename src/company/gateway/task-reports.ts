import { z } from 'zod';
import type { ItemScores } from '../../lab/tasks/item-scores.js';
import type { TaskReportDetail } from './api-types.js';
import { type JsonRecord, readRecord, readRecords } from './json-records.js';

/** Reads the reports of models fitted to tasks (`models/NAME/report.json`) and of evaluations (`evaluations/NAME/report.json`); knows nothing of HTTP. */

const REPORT_FILE = 'report.json';
const MAX_TEXT = 600;
const MAX_ROWS = 100;

/** NaN is written as null. */
const figure = z.number().nullable();
const text = z.string().transform((whole) => (whole.length > MAX_TEXT ? `${whole.slice(0, MAX_TEXT)}…` : whole));
/** Keeps the first of a long list. */
const listOf = <T>(item: z.ZodType<T>) => z.array(item).transform((all) => all.slice(0, MAX_ROWS));

const scoreSchema = z.object({
  metric: z.string(),
  better: z.enum(['higher', 'lower']),
  value: figure,
  low: figure,
  high: figure,
});
const comparisonSchema = z.object({
  metric: z.string(),
  difference: figure,
  low: figure,
  high: figure,
  pValue: figure,
  verdict: z.enum(['better', 'worse', 'not decisive']),
});
const itemsSchema = z.object({
  metric: z.string(),
  better: z.enum(['higher', 'lower']),
  examples: z.array(z.string()),
  values: z.array(z.number()),
});
const figuresSchema = z.object({
  task: z.object({ name: z.string(), title: z.string(), notice: z.string().optional() }),
  data: z.object({
    files: z.array(z.object({ file: z.string() })).default([]),
    records: z.number(),
    train: z.number(),
    validation: z.number(),
    test: z.number(),
  }),
  scores: listOf(scoreSchema),
  peers: listOf(z.object({ name: z.string(), scores: listOf(scoreSchema), comparison: comparisonSchema })),
  slices: listOf(z.object({ name: z.string(), count: z.number(), score: scoreSchema })),
  worst: listOf(z.object({ input: text, expected: text, given: text, place: z.string().optional() })),
  tables: listOf(
    z.object({
      title: z.string(),
      columns: z.array(z.string()),
      rows: listOf(z.array(z.union([z.string(), figure]))),
    }),
  ),
  items: itemsSchema.optional().catch(undefined),
});
/** One task, or several that were learned together. */
const reportSchema = z.union([
  z.object({ tasks: listOf(z.object({ name: z.string(), figures: figuresSchema })) }),
  figuresSchema,
]);

type Report = z.infer<typeof reportSchema>;

/** A report, and what it was made from. */
export interface StoredReport {
  readonly detail: TaskReportDetail;
  readonly items: ItemScores | undefined;
}

/** Every report of one model: one, or one for each task that it learned. @param parents folders in which a name is looked for, in order */
export async function readTaskReports(parents: readonly string[], name: string): Promise<StoredReport[]> {
  for (const parent of parents) {
    const record = await readRecord(parent, name, REPORT_FILE, reportSchema);
    if (record !== undefined) return reportsOf(record);
  }
  return [];
}

/** Of every model, newest first; at most 200. */
export async function listTaskReports(parent: string): Promise<TaskReportDetail[]> {
  return (await readRecords(parent, REPORT_FILE, reportSchema)).flatMap(reportsOf).map(({ detail }) => detail);
}

function reportsOf({ name, content, writtenAt }: JsonRecord<Report>): StoredReport[] {
  const parts = 'tasks' in content ? content.tasks : [{ name: null, figures: content }];
  return parts.map(({ name: part, figures: { items, data, ...figures } }) => {
    const { files, ...counts } = data;
    const detail = {
      model: name,
      part,
      writtenAt: writtenAt.toISOString(),
      ...figures,
      data: counts,
      // nothing was fitted: it was measured on these records
      measuredOn: counts.train === 0 ? (files[0]?.file ?? null) : null,
      task: { ...figures.task, notice: figures.task.notice ?? null },
      worst: figures.worst.map(({ place = null, ...answer }) => ({ ...answer, place })),
    };
    const isPaired = items !== undefined && items.examples.length === items.values.length;
    return { detail, items: isPaired ? items : undefined };
  });
}
