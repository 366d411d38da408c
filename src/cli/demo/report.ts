/** What the demo says at its end: figures of this very run, for people and for machines. */
import { type Micros, formatMicros } from '../../base/money.js';
import { formatCount, formatSeconds } from '../../base/units.js';
import type { Audit } from '../../company/billing/audit.js';
import type { BusinessFacts, BusinessSummary } from '../../company/business/business-summary.js';
import type { DataReport } from '../../lab/data/report.js';
import { businessLines } from '../stages/business-lines.js';
import type { EvalResult } from '../stages/eval-stage.js';
import type { TrainStageResult } from '../stages/train-stage.js';
import type { SummaryLine } from '../terminal/summary-box.js';
import type { MeasuredThroughput } from './measure.js';
import type { Sale } from './sell.js';

export interface DemoResult {
  readonly seconds: number;
  readonly data: DataReport;
  readonly training: TrainStageResult;
  readonly evaluation: EvalResult;
  readonly throughput: MeasuredThroughput;
  readonly prompt: string;
  readonly sale: Sale;
  readonly audit: Audit;
  readonly facts: BusinessFacts;
  readonly business: BusinessSummary;
}

export function demoJson(result: DemoResult): object {
  const { training, evaluation, throughput, sale, business, facts } = result;
  const { model, baselines } = evaluation;
  const { decodeTokensPerSecond, loadedTokensPerSecond, streamCount, prefillTokensPerSecond } = throughput;
  return {
    seconds: round(result.seconds, 1),
    documents: result.data.kept.documents,
    parameters: training.parameterCount,
    steps: training.progress.step,
    tokensSeen: training.progress.tokensSeen,
    trainTokensPerSecond: round(training.tokensPerSecond, 0),
    bitsPerByte: {
      value: model.bitsPerByte,
      low: model.low,
      high: model.high,
      documents: model.documents,
      bytes: model.bytes,
    },
    baselines: {
      unigram: baselines.unigram.bitsPerByte,
      sixgram: baselines.sixgram.bitsPerByte,
      brotli: baselines.brotli.bitsPerByte,
      brotliPrimed: baselines.brotliPrimed.bitsPerByte,
    },
    decodeTokensPerSecond: round(decodeTokensPerSecond, 1),
    serving: {
      streamCount,
      tokensPerSecond: round(loadedTokensPerSecond, 1),
      prefillTokensPerSecond: round(prefillTokensPerSecond, 0),
    },
    prompt: result.prompt,
    answer: sale.completion,
    chatAnswer: sale.chat,
    usage: sale.events.map(({ event }) => event),
    ledgerEntries: sale.events.flatMap(({ entries }) => entries),
    balanceMicros: sale.balanceMicros,
    refusals: sale.refusals,
    ledgerBalanced: result.audit.balanced,
    costs: {
      currency: facts.currency,
      hourlyMicros: facts.hourlyMicros,
      trainingMicros: business.trainingCostMicros,
      outputMicrosPerMillionTokens: business.outputCostMicrosPerMillion,
      inputMicrosPerMillionTokens: business.inputCostMicrosPerMillion,
      outputPriceMicrosPerMillionTokens: facts.outputPriceMicrosPerMillion,
      inputPriceMicrosPerMillionTokens: facts.inputPriceMicrosPerMillion,
      grossMargin: grossMarginOfPrice(result),
      breakEvenOutputTokens: business.breakEven.tokensRemaining,
    },
    checkpoint: training.checkpoint,
  };
}

/** (price − cost) ÷ price of an output token; null when either is unknown or the price is 0. */
function grossMarginOfPrice({ business, facts }: DemoResult): number | null {
  const price = facts.outputPriceMicrosPerMillion;
  const cost = business.outputCostMicrosPerMillion;
  return price === null || cost === null || price === 0n ? null : round(Number(price - cost) / Number(price), 4);
}

const round = (value: number, decimals: number): number => Number(value.toFixed(decimals));

/** The sale, as lines. */
export function saleLines(sale: Sale, currency: string): SummaryLine[] {
  const money = (micros: Micros): string => `${formatMicros(micros)} ${currency}`;
  const lines: SummaryLine[] = [
    ['customer', `${sale.customer.name}, key ${sale.keyPrefix}, ${money(sale.creditMicros)} of credit`],
  ];
  for (const { event, entries } of [...sale.events].reverse()) {
    lines.push([
      'usage event',
      `${event.inputTokens} input + ${event.outputTokens} output tokens, charged ${money(event.chargedMicros)}`,
    ]);
    lines.push([
      '  ledger',
      entries.map(({ account, amountMicros }) => `${account} ${signed(amountMicros)}`).join('   '),
    ]);
  }
  const { wrongKey, emptyAccount } = sale.refusals;
  lines.push(['credit left', money(sale.balanceMicros)]);
  lines.push([
    'turned away',
    `wrong key: ${wrongKey.status} ${wrongKey.code}; empty account: ${emptyAccount.status} ${emptyAccount.code}`,
  ]);
  return lines;
}

function signed(micros: Micros): string {
  return `${micros > 0n ? '+' : ''}${formatMicros(micros, 6)}`;
}

/** The closing summary: every figure was measured in this run. */
export function summaryLines(result: DemoResult): SummaryLine[] {
  const { training, evaluation, throughput, audit, facts, business } = result;
  const { model, baselines } = evaluation;
  const gap = ((model.bitsPerByte / baselines.brotliPrimed.bitsPerByte - 1) * 100).toFixed(1);
  return [
    [
      'model',
      `${formatCount(training.parameterCount)} parameters, ${training.runName}, ${formatCount(training.progress.tokensSeen)} tokens at ${formatCount(training.tokensPerSecond)}/s`,
    ],
    [
      'quality',
      `${model.bitsPerByte.toFixed(3)} bits a byte unseen; 6-gram ${baselines.sixgram.bitsPerByte.toFixed(3)}, primed brotli ${baselines.brotliPrimed.bitsPerByte.toFixed(3)} (${Number(gap) > 0 ? '+' : ''}${gap} %)`,
    ],
    [
      'speed',
      `${formatCount(throughput.decodeTokensPerSecond)} tokens/s alone, ${formatCount(throughput.loadedTokensPerSecond)} with ${throughput.streamCount} at once, ${formatCount(throughput.prefillTokensPerSecond)} read`,
    ],
    ...businessLines(facts, business),
    [
      'books',
      audit.balanced
        ? `balanced: ${audit.transactionCount} transactions sum to 0`
        : (audit.findings[0] ?? 'NOT balanced'),
    ],
    ['took', formatSeconds(result.seconds)],
  ];
}
