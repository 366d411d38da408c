/** What happened to a source: how much came in, what was left out and why, what is in the corpus. */
import { formatBytes, formatCount } from '../../base/units.js';
import type { Dropped } from './document.js';
import type { Side } from './split.js';

export interface Tally {
  documents: number;
  /** UTF-8. */
  bytes: number;
}

export interface DropTally {
  documents: number;
  /** The first few, to look at. */
  examples: Dropped[];
}

export interface DataReport {
  /** As given: a path or a glob. */
  source: string;
  licence: string | undefined;
  /** Files from which at least one document was read. */
  files: number;
  /** Documents as read, before cleaning; whole files that were dropped are not among them. */
  read: Tally;
  kept: Tally;
  train: Tally;
  heldout: Tally;
  /** By reason, most frequent first. */
  dropped: Record<string, DropTally>;
  heldOutFraction: number;
  seed: number;
}

const MAX_EXAMPLES = 3;

/** Collects the report while documents pass. */
export function createReport(settings: Pick<DataReport, 'source' | 'licence' | 'heldOutFraction' | 'seed'>) {
  const report: DataReport = {
    ...settings,
    files: 0,
    read: none(),
    kept: none(),
    train: none(),
    heldout: none(),
    dropped: {},
  };
  let lastOrigin: string | undefined;
  return {
    read(origin: string, text: string): void {
      if (origin !== lastOrigin) report.files++;
      lastOrigin = origin;
      add(report.read, text);
    },
    kept(side: Side, text: string): void {
      add(report.kept, text);
      add(report[side], text);
    },
    dropped(dropped: Dropped): void {
      const tally = (report.dropped[dropped.reason] ??= { documents: 0, examples: [] });
      tally.documents++;
      if (tally.examples.length < MAX_EXAMPLES) tally.examples.push(dropped);
    },
    finish(): DataReport {
      const byCount = Object.entries(report.dropped).sort(([, a], [, b]) => b.documents - a.documents);
      return { ...report, dropped: Object.fromEntries(byCount) };
    },
  };
}

function none(): Tally {
  return { documents: 0, bytes: 0 };
}

function add(tally: Tally, text: string): void {
  tally.documents++;
  tally.bytes += Buffer.byteLength(text);
}

/** The report as lines for a terminal, without colour. */
export function renderDataReport(report: DataReport): string[] {
  const describe = ({ documents, bytes }: Tally): string =>
    `${formatCount(documents)} documents, ${formatBytes(bytes)}`;
  const dropped = Object.entries(report.dropped);
  const lines = [
    `source    ${report.source}${report.licence === undefined ? '' : ` (licence: ${report.licence})`}`,
    `read      ${describe(report.read)} from ${formatCount(report.files)} files`,
    `kept      ${describe(report.kept)}`,
    `  train     ${describe(report.train)}`,
    `  held out  ${describe(report.heldout)}`,
  ];
  for (const [reason, { documents, examples }] of dropped) {
    const [example] = examples;
    const shown = example === undefined ? '' : `  e.g. ${example.id}: ${example.detail}`;
    lines.push(`dropped   ${formatCount(documents)} ${reason}${shown}`);
  }
  return lines;
}
