import { QUALITY_RULES, type QualityRule } from './quality-rules.js';
import { measureText, type TextStatistics } from './text-statistics.js';

/** `none`, only what is broken at any length, or everything that was published for web pages. */
export const qualitySets = ['none', 'basic', 'web'] as const;
export type QualitySet = (typeof qualitySets)[number];

export interface QualityOptions {
  /** `basic` unless told: the published rules drop every product text of less than fifty words. */
  readonly set?: QualitySet;
  /** Replaces thresholds by rule name. */
  readonly thresholds?: Readonly<Record<string, number>>;
}

export interface QualityRejection {
  /** Name of the first rule that the text breaks. */
  readonly rule: string;
  /** What was measured and what is wanted, for a person. */
  readonly detail: string;
}

/** The rules of a set, in the order they are applied. */
export function qualityRules(set: QualitySet): readonly QualityRule[] {
  if (set === 'none') return [];
  return set === 'web' ? QUALITY_RULES : QUALITY_RULES.filter((rule) => rule.set === 'basic');
}

/** The first quality rule that a text breaks, or undefined. @param language as `identifyLanguage` names it */
export function judgeQuality(
  text: string,
  language: string,
  { set = 'basic', thresholds = {} }: QualityOptions = {},
): QualityRejection | undefined {
  const rules = qualityRules(set);
  return rules.length === 0 ? undefined : firstBroken(rules, measureText(text, language), thresholds);
}

/** The same with rules and statistics of the caller. */
export function firstBroken(
  rules: readonly QualityRule[],
  statistics: TextStatistics,
  thresholds: Readonly<Record<string, number>> = {},
): QualityRejection | undefined {
  const skipped = statistics.isSpaced ? 'unspaced' : 'spaced';
  for (const rule of rules) {
    if (rule.writing === skipped) continue;
    const value = rule.measure(statistics) ?? Number.NaN;
    const threshold = thresholds[rule.name] ?? rule.threshold;
    // NaN breaks neither: a measure without a denominator says nothing.
    if (rule.bound === 'at-most' ? value > threshold : value < threshold) {
      const bound = rule.bound === 'at-most' ? 'at most' : 'at least';
      return { rule: rule.name, detail: `${round(value)}, ${bound} ${threshold} is wanted` };
    }
  }
  return undefined;
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}
