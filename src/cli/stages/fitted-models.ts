/** What the reports of models fitted to tasks (`models/`) tell the business: how good they are, and the time it took to fit them. */
import { readFile, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { BusinessFile } from '../../company/business/business-file.js';
import type { MeasuredQuality } from '../../company/business/picture-facts.js';
import type { RunFacts } from '../../company/business/run-costs.js';
import type { Project } from '../config/project.js';
import { filesOf } from './project-files.js';

const reportSchema = z.looseObject({
  scores: z
    .array(
      z.looseObject({
        metric: z.string(),
        better: z.enum(['higher', 'lower']),
        value: z.number(),
        low: z.number(),
        high: z.number(),
      }),
    )
    .min(1),
  peers: z.array(
    z.looseObject({
      name: z.string(),
      kind: z.string(),
      comparison: z.looseObject({ value: z.number(), verdict: z.string() }),
    }),
  ),
});
const timeSchema = z.looseObject({
  time: z.looseObject({ fitSeconds: z.number().nonnegative(), predictSeconds: z.number().nonnegative() }),
});

const reportFileOf = (project: Project, model: string): string =>
  path.join(filesOf(project).models, model, 'report.json');

/** What a report says in one shape; undefined where there is none, or one of another shape. */
async function readReport<T>(file: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** The main score of a fitted model, beside the peer that the file calls the giant; null where no such report is. */
export async function readQuality(project: Project, file: BusinessFile | null): Promise<MeasuredQuality | null> {
  if (file?.evaluation === undefined) return null;
  const { model, giant: giantName } = file.evaluation;
  const report = await readReport(reportFileOf(project, model), reportSchema);
  const [score] = report?.scores ?? [];
  if (score === undefined) return null;
  const { metric, better, value, low, high } = score;
  const peer = report?.peers.find(
    ({ name, kind }) => kind === 'peer' && (giantName === undefined || name === giantName),
  );
  const giant =
    peer === undefined ? null : { name: peer.name, value: peer.comparison.value, verdict: peer.comparison.verdict };
  return { model, metric, better, value, low, high, giant };
}

/** Fits as runs; one that failed left nothing to read. They ended when their report was written. */
export async function readFits(project: Project): Promise<RunFacts[]> {
  const { models } = filesOf(project);
  const names = (await readdir(models).catch(() => [])).sort();
  const fits = await Promise.all(
    names.map(async (name): Promise<RunFacts[]> => {
      const file = reportFileOf(project, name);
      const report = await readReport(file, timeSchema);
      if (report === undefined) return [];
      const wallSeconds = report.time.fitSeconds + report.time.predictSeconds;
      const startedAt = new Date((await stat(file)).mtimeMs - wallSeconds * 1000);
      return [
        {
          name: `models/${name}`,
          wallSeconds,
          device: null,
          outcome: 'finished',
          startedAt,
          tokensSeen: null,
          joules: null,
        },
      ];
    }),
  );
  return fits.flat();
}
