/** What an answer used: the engine's own counts against ours. */
import type { Tally } from './answer-reader.js';
import type { UpstreamUsage } from './chunk-fields.js';
import type { UpstreamRequest } from './upstream-request.js';

export interface FinalCounts {
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  /** For the owner. */
  readonly problems: readonly CountProblem[];
}

export interface CountProblem {
  readonly kind: 'counts-differ' | 'usage-invalid' | 'input-estimated' | 'limit-ignored';
  readonly message: string;
}

/** Guesses the tokens of prompts that no engine counted, from those that were counted. */
export interface InputEstimate {
  learn(sizeBytes: number, tokens: number): void;
  tokensOf(sizeBytes: number): number;
}

/** Where nothing was learned: English in the usual vocabularies. */
const BYTES_A_TOKEN = 4;

export function createInputEstimate(): InputEstimate {
  let [bytes, tokens] = [0, 0];
  return {
    learn(sizeBytes, counted) {
      bytes += sizeBytes;
      tokens += counted;
    },
    tokensOf: (sizeBytes) =>
      Math.max(1, Math.floor(bytes === 0 ? sizeBytes / BYTES_A_TOKEN : (sizeBytes * tokens) / bytes)),
  };
}

export interface CountSettings {
  readonly knowsTokens: boolean;
  /** The answer was cut off before its end. */
  readonly wasCut: boolean;
  /** The engine wrote several answers, and its usage counts one. */
  readonly countsOneChoice: boolean;
  readonly estimate: InputEstimate;
}

/**
 * Whose counts are taken: ours, where the tokenizer is known and everything the engine wrote can be seen; else the engine's,
 * never beyond what was reserved; else ours. An answer that was cut off is counted by what was passed on of it.
 */
export function finalCounts(request: UpstreamRequest, tally: Readonly<Tally>, settings: CountSettings): FinalCounts {
  const problems: CountProblem[] = [];
  const report = (kind: CountProblem['kind'], message: string): void => void problems.push({ kind, message });
  const usage = usageOf(tally, report);
  const input = inputOf(request, usage?.inputTokens, settings.estimate, report);
  const isOwn =
    settings.wasCut || settings.countsOneChoice || tally.isOver || (settings.knowsTokens && !tally.hasMarkup);
  const most = request.maxTokens * request.choices;
  if (usage !== undefined && !settings.wasCut) {
    const { outputTokens: said } = usage;
    if (
      settings.knowsTokens &&
      !settings.countsOneChoice &&
      isOwn &&
      !isNear(said, tally.outputTokens, request.choices)
    )
      report(
        'counts-differ',
        `the engine counts ${said} tokens of the answer, its tokenizer here ${tally.outputTokens}`,
      );
    if (said > most) report('limit-ignored', `the engine counts ${said} tokens of an answer that was to have ${most}`);
  }
  if (tally.isOver) report('limit-ignored', `it went on after ${most} tokens and was cut off`);
  const outputTokens = Math.min(most, usage === undefined || isOwn ? tally.outputTokens : usage.outputTokens);
  return {
    inputTokens: input,
    cachedTokens: Math.min(usage?.cachedTokens ?? 0, input),
    outputTokens,
    reasoningTokens: Math.min((isOwn ? 0 : usage?.reasoningTokens) || tally.reasoningTokens, outputTokens),
    problems,
  };
}

type Report = (kind: CountProblem['kind'], message: string) => void;

/** Old servers send zeros. */
function usageOf({ usage, outputTokens }: Readonly<Tally>, report: Report): UpstreamUsage | undefined {
  if (usage === undefined) return undefined;
  if (usage !== 'invalid' && usage.inputTokens > 0 && (usage.outputTokens > 0 || outputTokens === 0)) return usage;
  report('usage-invalid', 'the usage it reports makes no sense');
  return undefined;
}

/**
 * @param said by the engine; undefined where it said nothing
 * @returns never more than was reserved
 */
export function inputOf(
  request: Pick<UpstreamRequest, 'inputTokens' | 'inputIsExact' | 'sizeBytes'>,
  said: number | undefined,
  estimate: InputEstimate,
  report: Report,
): number {
  const { inputTokens, inputIsExact, sizeBytes } = request;
  if (inputIsExact) {
    if (said !== undefined && said !== inputTokens)
      report('counts-differ', `the engine counts ${said} tokens of the prompt, its tokenizer here ${inputTokens}`);
    return inputTokens;
  }
  if (said === undefined) {
    report('input-estimated', 'it did not say how many tokens the prompt has');
    return Math.min(inputTokens, estimate.tokensOf(sizeBytes));
  }
  if (said > inputTokens)
    report('counts-differ', `the engine counts ${said} tokens of a prompt of at most ${inputTokens}`);
  else estimate.learn(sizeBytes, said);
  return Math.min(said, inputTokens);
}

/** Engines count the token that ends an answer, which no text shows; stop strings cut tokens in two. */
const isNear = (said: number, counted: number, choices: number): boolean =>
  Math.abs(said - counted) <= Math.max(2 * choices, counted * 0.02);
