/** Figures of examples with any number of labels, with scikit-learn's definitions (`zero_division` 0). */

export interface MultiLabelScores {
  readonly macroF1: number;
  readonly microF1: number;
  /** Examples whose labels are all right, and no others named. */
  readonly exact: number;
  /** The share of single decisions that are wrong. */
  readonly hamming: number;
}

/**
 * @param expected label numbers of each example, each once
 * @param rows which examples count, as often as they occur
 */
export function multiLabelScores(
  expected: readonly (readonly number[])[],
  named: readonly (readonly number[])[],
  labelCount: number,
  rows: ArrayLike<number>,
): MultiLabelScores {
  const [right, wanted, given] = [0, 1, 2].map(() => new Float64Array(labelCount)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const add = (to: Float64Array, label: number): void => void (to[label] = (to[label] as number) + 1);
  let exact = 0;
  let wrong = 0;
  for (let i = 0; i < rows.length; i++) {
    const [theirs, ours] = [expected[rows[i] as number] ?? [], named[rows[i] as number] ?? []];
    const shared = ours.filter((label) => theirs.includes(label));
    for (const label of theirs) add(wanted, label);
    for (const label of ours) add(given, label);
    for (const label of shared) add(right, label);
    const errors = theirs.length + ours.length - 2 * shared.length;
    wrong += errors;
    if (errors === 0) exact++;
  }
  const f1 = (r: number, w: number, g: number): number => (w + g === 0 ? 0 : (2 * r) / (w + g));
  const total = (of: Float64Array): number => of.reduce((a, b) => a + b, 0);
  const each = Array.from(right, (r, label) => f1(r, wanted[label] as number, given[label] as number));
  return {
    macroF1: each.reduce((a, b) => a + b, 0) / labelCount,
    microF1: f1(total(right), total(wanted), total(given)),
    exact: exact / rows.length,
    hamming: wrong / (rows.length * labelCount),
  };
}
