/** Gathers every fact of a month: runs, load curve and evaluation from the project's folder, money from the books, the rest from the file. */
import { readFile } from 'node:fs/promises';
import { systemCode } from '../../base/errors.js';
import type { Books } from '../../company/billing/customers.js';
import { accountsOfMonths, subscriptionsOfCustomers, usageOfMonths } from '../../company/billing/monthly-books.js';
import { priceOf } from '../../company/billing/prices.js';
import { addMonths, dayAt, startOf } from '../../company/billing/time-zone.js';
import { type LoadCurve, parseLoadCurve } from '../../company/business/load-curve.js';
import { monthNumber } from '../../company/business/months.js';
import { type BusinessPicture, businessPicture } from '../../company/business/picture.js';
import type { RunFacts } from '../../company/business/run-costs.js';
import { readUpstreamCosts } from '../../company/gateway/upstream/upstream-file.js';
import { type RunRecord, readRunUses } from '../../lab/train/run-cost.js';
import type { Project } from '../config/project.js';
import { clusterMicrosOf, hourlyMicrosOf } from './business-facts.js';
import { readBusinessFile } from './business-yaml.js';
import { readJsonFile } from './json-file.js';
import { readFits, readQuality } from './fitted-models.js';
import { filesOf, upstreamsFileOf } from './project-files.js';

/** Where `moat bench serve` leaves what it measured. */
export const loadCurveFileOf = (project: Project): string => project.resolve('business', 'load-curve.json');

/**
 * @param month such as `2026-11`; undefined: the one that runs
 * @throws MoatError `bad-month`, `bad-business-file`, `bad-load-curve`
 */
export async function readPicture(project: Project, books: Books, month: string | undefined): Promise<BusinessPicture> {
  const { currency, timeZone, serve, name } = project.config;
  const now = new Date(books.clock.now());
  const first = month === undefined ? { ...dayAt(now, timeZone), day: 1 } : firstDayOf(month);
  const [startsAt, endsAt] = [startOf(first, timeZone), startOf(addMonths(first, 1), timeZone)];
  const options = { currency, timeZone, to: endsAt };
  const file = await readBusinessFile(project);
  const [elsewhere, runs, fits, sales, ledger, subscriptions, price, curve, quality] = await Promise.all([
    readUpstreamCosts(upstreamsFileOf(project)),
    readRunUses(filesOf(project).runs),
    readFits(project),
    usageOfMonths(books, options),
    accountsOfMonths(books, options),
    subscriptionsOfCustomers(books, currency),
    priceOf(books, serve.modelId, currency),
    readLoadCurve(project),
    readQuality(project, file),
  ]);
  return businessPicture({
    project: name,
    currency,
    now,
    month: `${first.year}-${String(first.month).padStart(2, '0')}`,
    startsAt,
    endsAt,
    hourlyMicros: hourlyMicrosOf(project),
    elsewhere,
    runs: [...runs.map((run) => runFacts(project, run)), ...fits],
    sales,
    ledger,
    subscriptions,
    price:
      price === undefined || price === null
        ? null
        : { inputMicros: price.inputMicrosPerMillionTokens, outputMicros: price.outputMicrosPerMillionTokens },
    curve,
    file,
    quality,
  });
}

function runFacts(project: Project, { elapsedSeconds, cluster, ...run }: RunRecord): RunFacts {
  const micros = clusterMicrosOf(project, [{ name: run.name, elapsedSeconds, cluster }]);
  return { ...run, wallSeconds: elapsedSeconds, cluster: { wallSeconds: cluster.wallSeconds, micros } };
}

function firstDayOf(month: string) {
  const number = monthNumber(month);
  return { year: Math.floor(number / 12), month: (number % 12) + 1, day: 1 };
}

export async function readLoadCurve(project: Project): Promise<LoadCurve | null> {
  const file = loadCurveFileOf(project);
  const exists = await readFile(file).then(
    () => true,
    (error: unknown) => {
      if (systemCode(error) === 'ENOENT') return false;
      throw error;
    },
  );
  if (!exists) return null;
  return parseLoadCurve(await readJsonFile(file, 'bad-load-curve', 'Measure it again with moat bench serve.'), file);
}
