/**
 * What serving costs at the load there really is. A machine is paid by the hour, whether it writes or waits; so the cost of
 * a token is the hour's price over the tokens of that hour, and what the machine could do at best is only its floor. What it
 * can do is measured at rising load, reading (prefill) and writing (decode) apart, several times each.
 */
import { z } from 'zod';
import { MoatError } from '../../base/errors.js';
import { type Micros, multiplyCeil } from '../../base/money.js';
import { type Estimate, meanEstimate } from './estimates.js';
import { exactly } from './measurement.js';
import { servingCostPerMillionTokens } from './unit-economics.js';

const figure = z.number().nonnegative();
const spread = z.strictObject({ p50: figure, p95: figure });

const roundSchema = z.strictObject({
  /** Input tokens a second over all requests, of long prompts with one token asked. */
  prefillTokensPerSecond: figure,
  /** Output tokens a second over all requests, of short prompts. */
  decodeTokensPerSecond: figure,
  firstTokenMs: spread,
  /** Between two tokens of one answer. */
  perTokenMs: spread,
  requests: z.int().min(0),
  failed: z.int().min(0),
});

const curveSchema = z.strictObject({
  schemaVersion: z.literal(1),
  /** ISO 8601, UTC. */
  measuredAt: z.iso.datetime(),
  model: z.string(),
  /** `own gateway`, or the address that was asked. */
  target: z.string(),
  inputTokens: z.int().min(1),
  outputTokens: z.int().min(1),
  points: z.array(z.strictObject({ concurrency: z.int().min(1), rounds: z.array(roundSchema).min(1) })).min(1),
});

export type LoadRound = z.output<typeof roundSchema>;
export type LoadCurve = z.output<typeof curveSchema>;

/** @throws MoatError `bad-load-curve` */
export function parseLoadCurve(json: unknown, origin: string): LoadCurve {
  const parsed = curveSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new MoatError('bad-load-curve', `${origin}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`, {
    fix: 'Measure it again with moat bench serve.',
  });
}

/** A point of the curve with its spread over the rounds. */
export interface MeasuredPoint {
  readonly concurrency: number;
  readonly prefill: Estimate;
  readonly decode: Estimate;
  /** Medians over the rounds, in milliseconds. */
  readonly firstTokenMs: { readonly p50: number; readonly p95: number };
  readonly perTokenMs: { readonly p50: number; readonly p95: number };
  readonly failed: number;
}

export function pointsOf({ points }: LoadCurve): MeasuredPoint[] {
  return points.map(({ concurrency, rounds }) => ({
    concurrency,
    prefill: estimateOf(rounds.map(({ prefillTokensPerSecond }) => prefillTokensPerSecond)),
    decode: estimateOf(rounds.map(({ decodeTokensPerSecond }) => decodeTokensPerSecond)),
    firstTokenMs: middleOf(rounds.map(({ firstTokenMs }) => firstTokenMs)),
    perTokenMs: middleOf(rounds.map(({ perTokenMs }) => perTokenMs)),
    failed: rounds.reduce((sum, { failed }) => sum + failed, 0),
  }));
}

function estimateOf(values: readonly number[]): Estimate {
  const estimate = meanEstimate(values);
  if (estimate === null) throw new Error('a point has at least one round');
  return estimate;
}

function middleOf(rounds: readonly { readonly p50: number; readonly p95: number }[]) {
  const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
  return { p50: median(rounds.map(({ p50 }) => p50)), p95: median(rounds.map(({ p95 }) => p95)) };
}

/** The most that was served without a failure; null when every point had one. Tokens a second. */
export function capacityOf(curve: LoadCurve): MeasuredPoint | null {
  const whole = pointsOf(curve).filter(
    ({ failed, decode, prefill }) => failed === 0 && decode.value > 0 && prefill.value > 0,
  );
  return whole.reduce<MeasuredPoint | null>(
    (best, each) => (best === null || each.decode.value > best.decode.value ? each : best),
    null,
  );
}

/** What was served in a span of time, and what the machine was paid for. */
export interface ServedLoad {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Hours that were paid, idle ones included, all machines together. */
  readonly hours: number;
}

export interface ServingCost {
  /** Busy time at full speed ÷ time paid; above 1 when more was served than was ever measured. */
  readonly utilisation: number;
  /** All that was paid for the time. */
  readonly totalMicros: Micros;
  /** Null when no such token was served: there is nothing to share the cost among. */
  readonly inputMicrosPerMillion: Micros | null;
  readonly outputMicrosPerMillion: Micros | null;
}

/** What a million tokens cost on a machine that never waits: no price below it can ever pay. */
export interface FullLoadCost {
  readonly inputMicrosPerMillion: Micros;
  readonly outputMicrosPerMillion: Micros;
}

/** @param point the capacity; its rates are above 0 */
export function fullLoadCost({ hourlyMicros, point }: { hourlyMicros: Micros; point: MeasuredPoint }): FullLoadCost {
  const perMillion = (tokensPerSecond: number): Micros =>
    servingCostPerMillionTokens({ hourlyMicros, tokensPerSecond }) ?? 0n;
  return {
    inputMicrosPerMillion: perMillion(point.prefill.value),
    outputMicrosPerMillion: perMillion(point.decode.value),
  };
}

/**
 * Shares the price of the hours among the tokens by the time each kind takes at full speed, so that idle time is in every
 * token's cost: `cost at load = cost at full load ÷ utilisation`.
 * @param point the capacity; its rates are above 0
 * @returns null when no hour was paid
 */
export function servingCostAtLoad({
  hourlyMicros,
  load,
  point,
}: {
  hourlyMicros: Micros;
  load: ServedLoad;
  point: MeasuredPoint;
}): ServingCost | null {
  if (load.hours <= 0) return null;
  const totalMicros = multiplyCeil(hourlyMicros, exactly(load.hours, 'hours'));
  // Exact seconds of a token of each kind; a token's share of the total is its seconds over those of all tokens.
  const prefill = exactly(point.prefill.value, 'prefill tokens a second');
  const decode = exactly(point.decode.value, 'decode tokens a second');
  const inputWeight = prefill.denominator * decode.numerator;
  const outputWeight = decode.denominator * prefill.numerator;
  const allWeights = BigInt(load.inputTokens) * inputWeight + BigInt(load.outputTokens) * outputWeight;
  const perMillion = (weight: bigint, tokens: number): Micros | null =>
    tokens === 0 ? null : multiplyCeil(totalMicros * 1_000_000n, { numerator: weight, denominator: allWeights });
  const busySeconds = load.inputTokens / point.prefill.value + load.outputTokens / point.decode.value;
  return {
    utilisation: busySeconds / (load.hours * 3600),
    totalMicros,
    inputMicrosPerMillion: perMillion(inputWeight, load.inputTokens),
    outputMicrosPerMillion: perMillion(outputWeight, load.outputTokens),
  };
}

export interface BreakEvenLoad {
  /** Output tokens a second, day and night, that pay for the machine. */
  readonly outputTokensPerSecond: number;
  /** As a share of what the machine can do; above 1: not even a machine that never waits pays. */
  readonly utilisation: Estimate;
}

/**
 * The load at which revenue covers the machine: `hourly price ÷ 3600 ÷ revenue of an output token`. Revenue is all that
 * requests bring, input included, over the output tokens they had, so that today's mix is kept; the same mix says what share of
 * the machine's time an output token takes.
 * @param load of the time in which `revenueMicros` was earned
 * @returns null when nothing was sold: then a token's revenue is not known
 */
export function breakEvenLoad({
  hourlyMicros,
  revenueMicros,
  load,
  point,
}: {
  hourlyMicros: Micros;
  revenueMicros: Micros;
  load: ServedLoad;
  point: MeasuredPoint;
}): BreakEvenLoad | null {
  if (revenueMicros <= 0n || load.outputTokens === 0) return null;
  const perOutputToken = Number(revenueMicros) / load.outputTokens;
  const outputTokensPerSecond = Number(hourlyMicros) / 3600 / perOutputToken;
  const inputPerOutput = load.inputTokens / load.outputTokens;
  const { decode, prefill } = point;
  return {
    outputTokensPerSecond,
    utilisation: {
      value: outputTokensPerSecond / outputRate({ decode: decode.value, prefill: prefill.value }, inputPerOutput),
      low: outputTokensPerSecond / outputRate({ decode: decode.high, prefill: prefill.high }, inputPerOutput),
      high: outputTokensPerSecond / outputRate({ decode: decode.low, prefill: prefill.low }, inputPerOutput),
    },
  };
}

/** Output tokens a second when so many input tokens have to be read for each: `1 ÷ (1 ÷ decode + ratio ÷ prefill)`. */
export function outputRate({ decode, prefill }: { decode: number; prefill: number }, inputPerOutput: number): number {
  return 1 / (1 / decode + (inputPerOutput === 0 ? 0 : inputPerOutput / prefill));
}
