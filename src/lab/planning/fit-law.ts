/**
 * A scaling law from a few small runs. Hoffmann's fit (Huber's loss on the residuals of the log loss, from a grid of
 * starts) has five unknowns and is loose with a dozen runs (Besiroglu et al. 2024), so each unknown is also held, weakly,
 * to what published laws have. How sure the law is comes from refitting it to losses and beliefs that were moved by their
 * own noise (randomized maximum likelihood; a parametric bootstrap where the runs decide).
 */
import { MoatError } from '../../base/errors.js';
import { Rng } from '../../base/rng.js';
import { quantile } from '../eval/bootstrap.js';
import { type Residual, leastSquares, normalEquations, solve } from './least-squares.js';
import { type OwnData, type ScalingLaw, effectiveTokens, lossAt } from './scaling-law.js';

/** What a finished run says about the law. */
export interface LawPoint {
  readonly name: string;
  readonly parameters: number;
  /** Seen in training, repeats counted. */
  readonly tokens: number;
  readonly uniqueTokens: number;
  /** Mean nats a token on the validation documents. */
  readonly loss: number;
}

export interface LawFit {
  readonly law: ScalingLaw;
  /** Laws that the runs allow as well, each with its noise: the interval is taken from them. */
  readonly draws: readonly { readonly law: ScalingLaw; readonly noise: number }[];
  /** How far a run lies from the law, as a share of its loss (one standard deviation). */
  readonly noise: number;
  readonly points: readonly LawPoint[];
}

export interface Estimate {
  readonly value: number;
  /** 95 % of what a run would show, its own noise included. */
  readonly low: number;
  readonly high: number;
}

export const FEWEST_RUNS = 5;
const DRAWS = 400;
/** Residuals beyond so many standard deviations count linearly: 95 % efficient where the noise is normal. */
const HUBER = 1.345;
/** What is believed of the noise before any run: one percent, worth one run. */
const NOISE_BELIEF = { share: 0.01, runs: 1 } as const;
const SPREAD_WANTED = 2.5;
const MOST_NOISE = 0.1;
const STARTS = [0.5, 1, 2] as const;

/** Logarithms of: floor, parameter term at the middle of the runs, its exponent, token term there, its exponent. */
type Unknowns = readonly number[];

interface Setting {
  readonly points: readonly LawPoint[];
  /** Geometric means: where the two terms are counted, so that a factor and its exponent do not pull at each other. */
  readonly middle: { readonly parameters: number; readonly tokens: number };
  readonly belief: readonly { readonly mean: number; readonly deviation: number }[];
}

export interface FitOptions {
  /** Of the draws; 1 when not given. */
  readonly seed?: number;
  /** `FEWEST_RUNS` when not given. */
  readonly fewest?: number;
  /** 400 when not given. */
  readonly draws?: number;
}

/**
 * @throws MoatError `too-few-runs`, `runs-too-alike`, `no-scaling-law`
 */
export function fitLaw(points: readonly LawPoint[], options: FitOptions = {}): LawFit {
  checkRuns(points, options.fewest ?? FEWEST_RUNS);
  const setting = settingOf(points);
  let noise: number = NOISE_BELIEF.share;
  let unknowns = startsOf(setting)[0] ?? [];
  let freedom = 0;
  for (let round = 0; round < 4; round++) {
    const starts = round === 0 ? startsOf(setting) : [unknowns];
    const found = starts.map((start) => refit(setting, start, noise)).sort((a, b) => a.loss - b.loss);
    unknowns = found[0]?.unknowns ?? unknowns;
    freedom = NOISE_BELIEF.runs + Math.max(0, points.length - usedUnknowns(setting, unknowns, noise));
    noise = Math.sqrt(squares(setting, unknowns) / freedom);
  }
  const law = lawOf(setting, unknowns);
  checkLaw(points, noise);
  const rng = Rng.fromSeed(options.seed ?? 1);
  const draws = Array.from({ length: options.draws ?? DRAWS }, () => {
    const drawn = Math.sqrt(squares(setting, unknowns) / chiSquare(rng, freedom));
    const moved = {
      ...setting,
      points: points.map((point) => ({ ...point, loss: point.loss * Math.exp(drawn * rng.normal()) })),
      belief: setting.belief.map(({ mean, deviation }) => ({ mean: mean + deviation * rng.normal(), deviation })),
    };
    return { law: lawOf(setting, refit(moved, unknowns, drawn).unknowns), noise: drawn };
  });
  return { law, draws, noise, points };
}

/** What a run of this size would show; the noise of the draw stands for the run's own. */
export function predictLoss(fit: LawFit, parameters: number, tokens: number, data?: OwnData): Estimate {
  const rng = Rng.fromSeed(fit.draws.length);
  const drawn = Float64Array.from(
    fit.draws.map(({ law, noise }) => lossAt(law, parameters, tokens, data) * Math.exp(noise * rng.normal())),
  ).sort();
  return {
    value: lossAt(fit.law, parameters, tokens, data),
    low: quantile(drawn, 0.025),
    high: quantile(drawn, 0.975),
  };
}

function checkRuns(points: readonly LawPoint[], fewest: number): void {
  const different = new Set(points.map(({ parameters, tokens }) => `${parameters} ${tokens}`)).size;
  if (different < fewest) {
    const found = different === 1 ? '1 run' : `${different} runs of different size or length`;
    throw new MoatError('too-few-runs', `${found}; a law takes ${fewest}`, {
      fix: 'Train small ones with moat plan --measure, or name more with --runs.',
    });
  }
  for (const [what, values] of [
    ['parameters', points.map(({ parameters }) => parameters)],
    ['tokens', points.map(({ tokens }) => tokens)],
  ] as const) {
    const ratio = Math.max(...values) / Math.min(...values);
    if (ratio >= SPREAD_WANTED && new Set(values).size >= (fewest < FEWEST_RUNS ? 2 : 3)) continue;
    throw new MoatError(
      'runs-too-alike',
      `the runs differ ${ratio.toFixed(1)} times in ${what}, with ${new Set(values).size} values; a law takes ${SPREAD_WANTED} times and 3`,
      { fix: 'Train more sizes and lengths: moat plan --measure.' },
    );
  }
  if (Math.abs(correlation(points)) < 0.97) return;
  throw new MoatError(
    'runs-too-alike',
    'parameters and tokens of these runs grow together, so neither can be told apart',
    {
      fix: 'Train a small model for long and a larger one briefly: moat plan --measure.',
    },
  );
}

function correlation(points: readonly LawPoint[]): number {
  const middle = middleOf(points);
  const n = points.map(({ parameters }) => Math.log(parameters / middle.parameters));
  const d = points.map(({ tokens }) => Math.log(tokens / middle.tokens));
  const product = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
  return product(n, d) / Math.sqrt(product(n, n) * product(d, d));
}

function checkLaw(points: readonly LawPoint[], noise: number): void {
  const refuse = (what: string): never => {
    throw new MoatError('no-scaling-law', what, {
      fix: 'Train longer and larger ones (moat plan --measure --minutes 30), with settings that suit every size.',
    });
  };
  if (noise > MOST_NOISE) refuse(`the runs scatter by ${(noise * 100).toFixed(0)} % around any law`);
  const falls = fallsOf(points);
  if (falls.parameters < 2 * noise) refuse('the loss of these runs does not fall with the number of parameters');
  if (falls.tokens < 2 * noise) refuse('the loss of these runs does not fall with the number of tokens');
}

/** By which share the loss falls over the range of each, by a plane through the logarithms: what the runs say themselves. */
function fallsOf(points: readonly LawPoint[]): Setting['middle'] {
  const middle = middleOf(points);
  const rows = points.map((point) => ({
    n: Math.log(point.parameters / middle.parameters),
    d: Math.log(tokensWorth(point) / middle.tokens),
    loss: Math.log(point.loss),
  }));
  const plane = rows.map(({ n, d, loss }): Residual => ({ value: loss, gradient: [1, n, d] }));
  const { matrix, slope } = normalEquations(plane);
  const [, byParameters = 0, byTokens = 0] = solve(matrix, slope);
  const range = (values: readonly number[]): number => Math.max(...values) - Math.min(...values);
  return {
    parameters: -byParameters * range(rows.map(({ n }) => n)),
    tokens: -byTokens * range(rows.map(({ d }) => d)),
  };
}

function middleOf(points: readonly LawPoint[]): Setting['middle'] {
  const mean = (values: readonly number[]): number =>
    Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
  return { parameters: mean(points.map(({ parameters }) => parameters)), tokens: mean(points.map(tokensWorth)) };
}

const tokensWorth = ({ tokens, uniqueTokens }: LawPoint): number => effectiveTokens(tokens, uniqueTokens);

function settingOf(points: readonly LawPoint[]): Setting {
  const lowest = Math.min(...points.map(({ loss }) => loss));
  // Exponents: 0.34 and 0.28 (Hoffmann), 0.35 and 0.37 (Besiroglu), 0.35 (Muennighoff); the shares of the loss are wide.
  return {
    points,
    middle: middleOf(points),
    belief: [
      { mean: Math.log(lowest * 0.25), deviation: 1 },
      { mean: Math.log(lowest * 0.3), deviation: 1 },
      { mean: Math.log(0.34), deviation: 0.5 },
      { mean: Math.log(lowest * 0.3), deviation: 1 },
      { mean: Math.log(0.34), deviation: 0.5 },
    ],
  };
}

function startsOf({ belief }: Setting): Unknowns[] {
  const means = belief.map(({ mean }) => mean);
  const moved = (by: readonly number[]): number[] => means.map((mean, index) => mean + Math.log(by[index] ?? 1));
  return STARTS.flatMap((floor) => STARTS.flatMap((a) => STARTS.map((b) => moved([floor, 1, a, 1, b]))));
}

function refit(setting: Setting, start: Unknowns, noise: number) {
  return leastSquares(start, (unknowns) => [
    ...pointResiduals(setting, unknowns, noise),
    ...beliefs(setting, unknowns),
  ]);
}

/** (log of what the law says − log of the loss) ÷ noise. */
function pointResiduals({ points, middle }: Setting, unknowns: Unknowns, noise: number): Residual[] {
  const [floor = 0, a = 0, alpha = 0, b = 0, beta = 0] = unknowns.map((value) => Math.exp(Math.min(value, 50)));
  return points.map((point) => {
    const n = Math.log(point.parameters / middle.parameters);
    const d = Math.log(tokensWorth(point) / middle.tokens);
    const [ofParameters, ofTokens] = [a * Math.exp(-alpha * n), b * Math.exp(-beta * d)];
    const said = floor + ofParameters + ofTokens;
    const parts = [floor, ofParameters, -ofParameters * alpha * n, ofTokens, -ofTokens * beta * d];
    return {
      value: Math.log(said / point.loss) / noise,
      gradient: parts.map((part) => part / said / noise),
      huber: HUBER,
    };
  });
}

function beliefs({ belief }: Setting, unknowns: Unknowns): Residual[] {
  return belief.map(({ mean, deviation }, at) => ({
    value: ((unknowns[at] ?? 0) - mean) / deviation,
    gradient: unknowns.map((_, index) => (index === at ? 1 / deviation : 0)),
  }));
}

/** Squared residuals of the log loss and what is believed of them, as one sum. */
function squares(setting: Setting, unknowns: Unknowns): number {
  const seen = pointResiduals(setting, unknowns, 1).reduce((sum, { value }) => sum + value * value, 0);
  return seen + NOISE_BELIEF.runs * NOISE_BELIEF.share ** 2;
}

/** How many of the five unknowns the runs decide, rather than the beliefs: trace of (JᵀJ + P)⁻¹ JᵀJ. */
function usedUnknowns(setting: Setting, unknowns: Unknowns, noise: number): number {
  const { matrix: fromRuns } = normalEquations(pointResiduals(setting, unknowns, noise));
  const { matrix: fromBeliefs } = normalEquations(beliefs(setting, unknowns));
  const both = fromRuns.map((row, i) => row.map((value, j) => value + (fromBeliefs[i]?.[j] ?? 0)));
  return fromRuns.reduce((trace, _, at) => {
    const column = solve(
      both,
      fromRuns.map((row) => row[at] ?? 0),
    );
    return trace + (column[at] ?? 0);
  }, 0);
}

function lawOf({ middle }: Setting, unknowns: Unknowns): ScalingLaw {
  const [floor = 0, a = 0, alpha = 0, b = 0, beta = 0] = unknowns.map((value) => Math.exp(Math.min(value, 50)));
  return {
    floor,
    parameterFactor: a * middle.parameters ** alpha,
    parameterExponent: alpha,
    tokenFactor: b * middle.tokens ** beta,
    tokenExponent: beta,
  };
}

/** χ² with any positive freedom, by Marsaglia and Tsang (2000) for the gamma distribution. */
function chiSquare(rng: Rng, freedom: number): number {
  const d = freedom / 2 - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = rng.normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - rng.uniform()) < (x * x) / 2 + d - d * v + d * Math.log(v)) return 2 * d * v;
  }
}
