/**
 * What is wrong with a table before a model learns from it: missing and constant columns, identifiers, rows that stand there
 * twice or contradict each other, columns that give the answer away, classes out of balance. Each check has a name, a
 * threshold and the columns or rows it found.
 */
export type TableRow = Readonly<Record<string, string>>;

export interface TableFinding {
  readonly check: keyof typeof THRESHOLDS;
  /** `serious`: a model learned from this is worth nothing; `notice`: look at it. */
  readonly severity: 'serious' | 'notice';
  readonly column: string | undefined;
  /** What was seen, for a person. */
  readonly detail: string;
}

export interface TableReport {
  readonly rows: number;
  readonly columns: readonly string[];
  readonly target: string | undefined;
  /** Rows by class of the target, most frequent first. */
  readonly classes: Readonly<Record<string, number>>;
  /** Accuracy of always guessing the largest class. */
  readonly majorityShare: number | undefined;
  readonly findings: readonly TableFinding[];
}

export const THRESHOLDS = {
  /** Share of empty cells. */
  missing: 0.3,
  /** One value in all rows, or in so large a share of them. */
  constant: 0.995,
  /** Share of rows with a value of their own, in a column of words or whole numbers. */
  identifier: 0.98,
  'same-column': 1,
  /** Share of rows that stood there before. */
  'duplicate-rows': 0.01,
  /** Rows alike in all but the target. */
  'contradicting-rows': 0,
  /** How well the column alone tells the target: AUC of two classes, or the share it gets right. */
  leak: 0.99,
  /** The largest class is so many times the smallest. */
  imbalance: 10,
} as const;

const MISSING: ReadonlySet<string> = new Set(['', 'na', 'n/a', 'nan', 'null', '?', '-']);
/** A target with more values is a quantity, not a class. */
const MAX_CLASSES = 50;

const isMissing = (value: string): boolean => MISSING.has(value.trim().toLowerCase());

/** @param rows as many as fit in memory; @param target the column that is to be predicted */
export function checkTable(rows: readonly TableRow[], target?: string): TableReport {
  const columns = Object.keys(rows[0] ?? {});
  const features = columns.filter((column) => column !== target);
  const classes = target === undefined ? {} : tally(rows.map((row) => row[target] ?? ''));
  const classCounts = Object.values(classes);
  const isClassified = target !== undefined && classCounts.length > 1 && classCounts.length <= MAX_CLASSES;
  const findings = [
    ...columns.flatMap((column) => checkColumn(rows, column, column === target)),
    ...sameColumns(rows, columns),
    ...checkRows(rows, features, target),
    ...(isClassified ? features.flatMap((column) => checkLeak(rows, column, target)) : []),
    ...(isClassified ? checkBalance(classes) : []),
  ];
  const severities = ['serious', 'notice'];
  return {
    rows: rows.length,
    columns,
    target,
    classes: isClassified ? classes : {},
    majorityShare: isClassified ? Math.max(...classCounts) / rows.length : undefined,
    findings: findings.sort((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity)),
  };
}

/** Most frequent first. */
function tally(values: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function checkColumn(rows: readonly TableRow[], column: string, isTarget: boolean): TableFinding[] {
  const values = rows.map((row) => row[column] ?? '');
  const present = values.filter((value) => !isMissing(value));
  const find = (check: TableFinding['check'], severity: TableFinding['severity'], detail: string): TableFinding[] => [
    { check, severity, column, detail },
  ];
  const missingShare = 1 - present.length / values.length;
  if (isTarget && missingShare > 0)
    return find('missing', 'serious', `the target is missing in ${percent(missingShare)} of the rows`);
  if (missingShare > THRESHOLDS.missing)
    return find('missing', 'notice', `${percent(missingShare)} of its cells are empty`);
  const counts = tally(present);
  const [[value, count] = ['', 0]] = Object.entries(counts);
  if (count / present.length >= THRESHOLDS.constant) {
    const what = `"${value}" in ${percent(count / present.length)} of the rows`;
    return find('constant', isTarget ? 'serious' : 'notice', what);
  }
  const isMeasure = present.some((each) => /^[-+]?\d*\.\d+(e[-+]?\d+)?$/i.test(each.trim()));
  const ownShare = Object.keys(counts).length / present.length;
  if (!isTarget && !isMeasure && present.length >= 20 && ownShare >= THRESHOLDS.identifier)
    return find('identifier', 'notice', `${percent(ownShare)} of the rows have a value of their own: it names rows`);
  return [];
}

function sameColumns(rows: readonly TableRow[], columns: readonly string[]): TableFinding[] {
  const seen = new Map<string, string>();
  return columns.flatMap((column) => {
    const content = rows.map((row) => row[column]).join('\u0000');
    const other = seen.get(content);
    if (other === undefined) {
      seen.set(content, column);
      return [];
    }
    return [{ check: 'same-column', severity: 'notice', column, detail: `is the same as ${other}` } as const];
  });
}

function checkRows(rows: readonly TableRow[], features: readonly string[], target: string | undefined): TableFinding[] {
  const targetsOf = new Map<string, { readonly line: number; readonly targets: Set<string> }>();
  let repeated = 0;
  const contradicting: string[] = [];
  for (const [index, row] of rows.entries()) {
    const key = features.map((column) => row[column]).join('\u0000');
    const answer = target === undefined ? '' : (row[target] ?? '');
    const before = targetsOf.get(key);
    if (before === undefined) targetsOf.set(key, { line: index + 1, targets: new Set([answer]) });
    else if (before.targets.has(answer)) repeated++;
    else {
      before.targets.add(answer);
      contradicting.push(`${before.line} and ${index + 1}`);
    }
  }
  const findings: TableFinding[] = [];
  if (repeated / Math.max(1, rows.length) > THRESHOLDS['duplicate-rows']) {
    const detail = `${percent(repeated / rows.length)} of the rows stand there twice: they must not be in training and test`;
    findings.push({ check: 'duplicate-rows', severity: 'serious', column: undefined, detail });
  }
  if (contradicting.length > THRESHOLDS['contradicting-rows']) {
    const detail = `${contradicting.length} rows are alike but for the target, such as ${contradicting[0]}`;
    findings.push({ check: 'contradicting-rows', severity: 'notice', column: target, detail });
  }
  return findings;
}

/** A column that tells the target almost alone was often written after it. */
function checkLeak(rows: readonly TableRow[], column: string, target: string): TableFinding[] {
  const pairs = rows.flatMap((row) => {
    const [value = '', answer = ''] = [row[column], row[target]];
    return isMissing(value) ? [] : [{ value, answer }];
  });
  const classes = [...new Set(pairs.map(({ answer }) => answer))].sort();
  if (classes.length < 2) return [];
  const numbers = pairs.map(({ value }) => Number(value));
  const found = (how: string): TableFinding[] => [
    { check: 'leak', severity: 'serious', column, detail: `tells the target by itself: ${how}` },
  ];
  if (classes.length === 2 && numbers.every(Number.isFinite)) {
    const auc = rankAuc(
      numbers,
      pairs.map(({ answer }) => answer === classes[1]),
    );
    const best = Math.max(auc, 1 - auc);
    return best >= THRESHOLDS.leak ? found(`AUC ${best.toFixed(4)}`) : [];
  }
  const byValue = new Map<string, string[]>();
  for (const { value, answer } of pairs) byValue.set(value, [...(byValue.get(value) ?? []), answer]);
  // a value that names its row tells anything
  if (byValue.size > pairs.length / 2) return [];
  const right = [...byValue.values()].reduce((sum, answers) => sum + Math.max(...Object.values(tally(answers))), 0);
  const share = right / pairs.length;
  return share >= THRESHOLDS.leak ? found(`${percent(share)} right`) : [];
}

/** Of two classes, by ranks; equal values share theirs (Mann & Whitney 1947). */
function rankAuc(values: readonly number[], isPositive: readonly boolean[]): number {
  const order = values.map((_, index) => index).sort((a, b) => (values[a] as number) - (values[b] as number));
  let [positiveRanks, positives] = [0, 0];
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end < order.length && values[order[end] as number] === values[order[start] as number]) end++;
    const rank = (start + 1 + end) / 2;
    for (let i = start; i < end; i++) {
      if (isPositive[order[i] as number] !== true) continue;
      positiveRanks += rank;
      positives++;
    }
    start = end;
  }
  const negatives = values.length - positives;
  return (positiveRanks - (positives * (positives + 1)) / 2) / (positives * negatives);
}

function checkBalance(classes: Readonly<Record<string, number>>): TableFinding[] {
  const entries = Object.entries(classes);
  const [[largest, most], [smallest, least]] = [entries[0], entries.at(-1)] as [[string, number], [string, number]];
  if (most / least < THRESHOLDS.imbalance) return [];
  const detail = `${most} of "${largest}", ${least} of "${smallest}": weigh classes, and measure more than accuracy`;
  return [{ check: 'imbalance', severity: 'notice', column: undefined, detail }];
}
