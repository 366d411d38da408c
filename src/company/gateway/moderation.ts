/** What a classifier says of a text, in the form of OpenAI's moderations. */
import type { ClassOutput } from '../../lab/tasks/class-metrics.js';
import type { ClassifierEngine } from '../../lab/tasks/classification/classifier-engine.js';

export interface ModerationModel {
  readonly engine: ClassifierEngine;
  /** Labels that make a text a flagged one; all of them are the model's. */
  readonly flaggedLabels: readonly string[];
  /** Probability from which such a label counts, in (0, 1]. */
  readonly threshold: number;
}

/** `categories` are the model's labels: true are those that flag. */
export function moderationOf(
  { flaggedLabels, threshold }: Omit<ModerationModel, 'engine'>,
  output: ClassOutput,
): object {
  const { probabilities } = output;
  const labels = Object.keys(probabilities);
  const flags = (label: string): boolean => flaggedLabels.includes(label) && (probabilities[label] ?? 0) >= threshold;
  return {
    flagged: labels.some(flags),
    categories: Object.fromEntries(labels.map((label) => [label, flags(label)])),
    category_scores: probabilities,
    category_applied_input_types: Object.fromEntries(labels.map((label) => [label, ['text']])),
  };
}
