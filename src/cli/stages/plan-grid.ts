/** Which small runs a scaling law is measured with: sizes and lengths that fit a time, written down so that they can go on. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../base/atomic-file.js';
import { MoatError } from '../../base/errors.js';
import { formatCount, formatSeconds } from '../../base/units.js';
import { readTextFile } from './read-text-file.js';

const gridSchema = z.strictObject({
  schemaVersion: z.literal(1),
  /** The grid of another tokenizer, architecture or step does not count. */
  kind: z.string(),
  cells: z.array(z.strictObject({ depth: z.int().positive(), steps: z.int().positive() })).min(1),
});

export type Grid = z.output<typeof gridSchema>;
export type GridCell = Grid['cells'][number];

/** Depth and length of each run as multiples of the shortest: small ones for long, large ones briefly. */
const SHAPE: readonly { readonly depth: number; readonly lengths: readonly number[] }[] = [
  { depth: 1, lengths: [1, 2, 4, 8] },
  { depth: 3, lengths: [1, 2, 4] },
  { depth: 4, lengths: [1, 2] },
  { depth: 6, lengths: [1, 2] },
];
/** The first run; it also tells how fast the machine is. */
export const PROBE: GridCell = { depth: 1, steps: 60 };
/** Fewer steps than these are warm-up more than training. */
const FEWEST_STEPS = 60;
/** What compiling, measuring and saving leave of the time. */
export const TIME_SHARE = 0.7;

export interface GridFacts {
  readonly kind: string;
  readonly seconds: number;
  /** Of the probe. */
  readonly flopsPerSecond: number;
  flopsPerStep(depth: number): number;
  readonly uniqueTokens: number;
  readonly tokensPerStep: number;
}

/**
 * Steps of the shortest run, at most: the longest must not repeat its texts.
 * @throws MoatError `corpus-too-small` where that is less than a run
 */
export function longestShortRun(uniqueTokens: number, tokensPerStep: number): number {
  const multiple = Math.max(...SHAPE.flatMap(({ lengths }) => lengths));
  const steps = Math.floor(uniqueTokens / tokensPerStep / multiple);
  if (steps >= FEWEST_STEPS) return steps;
  const most = Math.floor(uniqueTokens / (FEWEST_STEPS * multiple));
  throw new MoatError(
    'corpus-too-small',
    `the texts are too short for steps of ${formatCount(tokensPerStep)} tokens: ${formatCount(uniqueTokens)} allow ${formatCount(most)} a step`,
    { fix: 'Add texts, or make steps smaller: --batch-size times --sequence-length tokens are one.' },
  );
}

/**
 * The largest sizes are left out where the time is short.
 * @throws MoatError `too-little-time` or `corpus-too-small` where not even five runs fit
 */
export function planGrid(facts: GridFacts): Grid {
  const longest = longestShortRun(facts.uniqueTokens, facts.tokensPerStep);
  let needed = 0;
  for (let sizes = SHAPE.length; sizes >= 3; sizes--) {
    const shape = SHAPE.slice(0, sizes);
    const workOfOne = shape.reduce(
      (sum, { depth, lengths }) => sum + lengths.reduce((a, b) => a + b, 0) * facts.flopsPerStep(depth),
      0,
    );
    const steps = Math.floor((facts.seconds * TIME_SHARE * facts.flopsPerSecond) / workOfOne);
    needed = (FEWEST_STEPS * workOfOne) / (TIME_SHARE * facts.flopsPerSecond);
    if (steps < FEWEST_STEPS) continue;
    const shortest = Math.min(steps, longest);
    const cells = shape.flatMap(({ depth, lengths }) => lengths.map((length) => ({ depth, steps: shortest * length })));
    const work = ({ depth, steps: count }: GridCell): number => facts.flopsPerStep(depth) * count;
    return { schemaVersion: 1, kind: facts.kind, cells: cells.sort((a, b) => work(a) - work(b)) };
  }
  throw new MoatError(
    'too-little-time',
    `this machine takes about ${formatSeconds(needed)} for the smallest set of runs`,
    {
      fix: `Give --minutes ${Math.ceil(needed / 60) + 1}, or make steps smaller with --batch-size or --sequence-length.`,
    },
  );
}

/** The grid that was begun; undefined when there is none of this kind. */
export async function readGrid(file: string, kind: string): Promise<Grid | undefined> {
  const text = await readTextFile(file);
  if (text === undefined) return undefined;
  try {
    const grid = gridSchema.parse(JSON.parse(text));
    return grid.kind === kind ? grid : undefined;
  } catch (error) {
    throw new MoatError('bad-plan', `${file}: not a grid of runs`, {
      fix: 'Delete it to begin another.',
      cause: error,
    });
  }
}

export async function writeGrid(file: string, grid: Grid): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFileAtomic(file, `${JSON.stringify(grid, undefined, 2)}\n`);
}
