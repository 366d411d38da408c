/** Charts of the data report as inline SVG: drawn here, so that the page asks nobody for anything. */

/** Text that may come from anywhere, for HTML. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** What stands behind the bar: "23,897 · 5.6 %". */
  readonly note: string;
}

/** Bars from left to right, one under the other, scaled to the largest. As a table for those who cannot see them. */
export function barChart(bars: readonly Bar[], caption: string): string {
  const largest = Math.max(...bars.map(({ value }) => value), 1e-9);
  const rows = bars.map(({ label, value, note }) => {
    const width = Math.max(value > 0 ? 0.6 : 0, (100 * value) / largest).toFixed(2);
    return (
      `<tr><th scope="row">${escapeHtml(label)}</th>` +
      `<td class="bar"><svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect width="${width}" height="10" rx="1"/></svg></td>` +
      `<td class="note">${escapeHtml(note)}</td></tr>`
    );
  });
  return `<table class="bars"><caption>${escapeHtml(caption)}</caption><tbody>${rows.join('')}</tbody></table>`;
}

export interface Column {
  /** Under the column. */
  readonly label: string;
  readonly value: number;
  /** Said when pointed at, and to screen readers. */
  readonly title: string;
}

const WIDTH = 720;
const HEIGHT = 220;
const BASE = 24;

/** Columns side by side with their figures: a histogram. */
export function columnChart(columns: readonly Column[], caption: string): string {
  const largest = Math.max(...columns.map(({ value }) => value), 1);
  const step = WIDTH / Math.max(1, columns.length);
  const shapes = columns.map(({ label, value, title }, index) => {
    const height = ((HEIGHT - BASE - 16) * value) / largest;
    const x = index * step;
    const middle = (x + step / 2).toFixed(1);
    return (
      `<g><title>${escapeHtml(title)}</title>` +
      `<rect x="${(x + step * 0.08).toFixed(1)}" y="${(HEIGHT - BASE - height).toFixed(1)}" width="${(step * 0.84).toFixed(1)}" height="${height.toFixed(1)}" rx="2"/>` +
      `<text x="${middle}" y="${HEIGHT - 8}" class="axis">${escapeHtml(label)}</text></g>`
    );
  });
  return (
    `<figure><svg class="columns" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(caption)}">` +
    `<line x1="0" y1="${HEIGHT - BASE}" x2="${WIDTH}" y2="${HEIGHT - BASE}"/>${shapes.join('')}</svg>` +
    `<figcaption>${escapeHtml(caption)}</figcaption></figure>`
  );
}
