/** Labels of examples, whatever else an example is. */
import { type ClassOutput, classOutput } from './class-metrics.js';
import type { Baseline, Sides } from './task.js';

interface Labelled {
  readonly label: string;
}

/** Labels of the training examples, by their characters, and the number of each example's. */
export function numberLabels(examples: readonly Labelled[]): { labels: string[]; classes: Uint16Array } {
  const labels = [...new Set(examples.map(({ label }) => label))].sort();
  const numberOf = new Map(labels.map((label, index) => [label, index]));
  return { labels, classes: Uint16Array.from(examples, ({ label }) => numberOf.get(label) as number) };
}

/** What keeps labelled examples from being learned or measured. */
export function labelProblem({ train, test }: Sides<Labelled>): string | undefined {
  const known = new Set(train.map(({ label }) => label));
  if (known.size < 2) return `all training examples are "${[...known][0] ?? ''}": there is nothing to tell apart`;
  const unseen = test.find(({ label }) => !known.has(label));
  return unseen && `the label "${unseen.label}" stands in the test but in no training example`;
}

export const majorityBaseline: Baseline<Labelled, ClassOutput> = {
  name: 'always the most frequent label',
  async fit({ train }) {
    const labels = [...new Set(train.map(({ label }) => label))].sort();
    const shares = labels.map((wanted) => train.filter(({ label }) => label === wanted).length / train.length);
    return { predict: async (examples) => examples.map(() => classOutput(labels, shares)) };
  },
};
