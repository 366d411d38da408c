import { type LoadCurve, pointsOf } from '../../company/business/load-curve.js';
import { table } from '../terminal/table.js';

/** A load curve for the terminal: tokens a second with their 95 % interval over the rounds, and milliseconds. */
export function curveTable(curve: LoadCurve, columns: number): string {
  const right = (title: string) => ({ title, align: 'right' as const });
  const half = ({ value, high }: { value: number; high: number }): string =>
    Number.isFinite(high) ? `${value.toFixed(0)} ± ${(high - value).toFixed(0)}` : value.toFixed(0);
  const rows = pointsOf(curve).map(({ concurrency, prefill, decode, firstTokenMs, perTokenMs, failed }) => [
    `${concurrency}`,
    half(prefill),
    half(decode),
    `${firstTokenMs.p50.toFixed(0)} / ${firstTokenMs.p95.toFixed(0)}`,
    `${perTokenMs.p50.toFixed(1)} / ${perTokenMs.p95.toFixed(1)}`,
    `${failed}`,
  ]);
  const titles = ['at once', 'read/s', 'written/s', 'first p50/p95', 'each p50/p95', 'failed'];
  return table(titles.map(right), rows, { columns });
}
