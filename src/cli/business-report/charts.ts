/** Charts of the business pages as inline SVG, in the colours of the page. */
import type { MeasuredPoint } from '../../company/business/load-curve.js';
import type { MarketPoint } from '../../company/business/market.js';
import { escapeHtml } from '../data-report/charts.js';

const WIDTH = 720;
const HEIGHT = 200;
const BASE = 26;
const TOP = 20;

export interface MonthColumn {
  readonly label: string;
  readonly revenue: number;
  /** Null where it is not known. */
  readonly margin: number | null;
  readonly title: string;
  /** Above the column. */
  readonly value: string;
}

/** Two columns in one: what came in, and what is left of it; losses hang below the line. */
export function monthChart(columns: readonly MonthColumn[], caption: string): string {
  const all = columns.flatMap(({ revenue, margin }) => [revenue, margin ?? 0]);
  const [top, bottom] = [Math.max(...all, 1e-9), Math.min(...all, 0)];
  const scale = (HEIGHT - BASE - TOP) / (top - bottom);
  const zero = TOP + top * scale;
  const step = Math.min(120, WIDTH / Math.max(1, columns.length));
  const bar = (x: number, width: number, value: number, className: string): string => {
    const height = Math.max(Math.abs(value) * scale, value === 0 ? 0 : 1);
    const y = value >= 0 ? zero - height : zero;
    return `<rect class="${className}" x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${width.toFixed(1)}" height="${height.toFixed(1)}" rx="2"/>`;
  };
  const shapes = columns.map(({ label, revenue, margin, title, value }, index) => {
    const x = index * step;
    const middle = (x + step / 2).toFixed(1);
    return (
      `<g><title>${escapeHtml(title)}</title>${bar(x + step * 0.14, step * 0.72, revenue, 'pale')}` +
      (margin === null ? '' : bar(x + step * 0.3, step * 0.4, margin, 'strong')) +
      `<text class="axis" x="${middle}" y="${(zero - Math.max(0, revenue) * scale - 6).toFixed(1)}">${escapeHtml(value)}</text>` +
      `<text class="axis" x="${middle}" y="${HEIGHT - 8}">${escapeHtml(label)}</text></g>`
    );
  });
  return figure(
    `<line x1="0" y1="${zero.toFixed(1)}" x2="${WIDTH}" y2="${zero.toFixed(1)}"/>${shapes.join('')}`,
    caption,
  );
}

/** Output tokens a second by requests at once, with the spread of the rounds, and lines at loads worth comparing. */
export function loadChart(
  points: readonly MeasuredPoint[],
  marks: readonly { readonly value: number; readonly name: string }[],
  caption: string,
): string {
  const known = (value: number, instead: number): number => (Number.isFinite(value) ? value : instead);
  const top =
    Math.max(
      ...points.map(({ decode }) => known(decode.high, decode.value)),
      ...marks.map(({ value }) => value),
      1e-9,
    ) * 1.05;
  const y = (value: number): number => HEIGHT - BASE - ((HEIGHT - BASE - TOP) * value) / top;
  const left = 60;
  const x = (index: number): number => left + ((WIDTH - left - 60) * index) / Math.max(1, points.length - 1);
  const line = points.map(({ decode }, index) => `${x(index).toFixed(1)},${y(decode.value).toFixed(1)}`).join(' ');
  const dots = points.map(({ decode, concurrency }, index) => {
    const at = x(index).toFixed(1);
    const low = y(Number.isFinite(decode.high) ? decode.low : decode.value).toFixed(1);
    return (
      `<line class="spread" x1="${at}" x2="${at}" y1="${low}" y2="${y(known(decode.high, decode.value)).toFixed(1)}"/>` +
      `<circle cx="${at}" cy="${y(decode.value).toFixed(1)}" r="4"/>` +
      `<text class="axis" x="${at}" y="${HEIGHT - 8}">${concurrency}</text>` +
      `<text class="axis" x="${at}" y="${(y(known(decode.high, decode.value)) - 6).toFixed(1)}">${decode.value.toFixed(0)}</text>`
    );
  });
  const lines = marks.map(
    ({ value, name }, index) =>
      `<line class="mark" x1="0" x2="${WIDTH}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}"/>` +
      `<text class="note${index === 0 ? '' : ' left'}" x="${index === 0 ? WIDTH : 0}" y="${(y(value) - 4).toFixed(1)}">${escapeHtml(name)}</text>`,
  );
  return figure(`${lines.join('')}<polyline points="${line}"/>${dots.join('')}`, caption);
}

const MAP_WIDTH = 460;
const MAP_HEIGHT = 300;
const EDGE = 40;

/** Where everybody stands on two axes. */
export function positionMap(points: readonly MarketPoint[], axes: { readonly x: string; readonly y: string }): string {
  const span = (values: readonly number[]): [number, number] => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const margin = (high - low || Math.abs(high) || 1) * 0.15;
    return [low - margin, high + margin];
  };
  const [left, right] = span(points.map(({ x }) => x));
  const [bottom, top] = span(points.map(({ y }) => y));
  const dots = points.map(({ name, isUs, x, y }) => {
    const cx = EDGE + ((MAP_WIDTH - 2 * EDGE) * (x - left)) / (right - left);
    const cy = MAP_HEIGHT - EDGE - ((MAP_HEIGHT - 2 * EDGE) * (y - bottom)) / (top - bottom);
    return (
      `<g><title>${escapeHtml(`${name}: ${x}, ${y}`)}</title><circle${isUs ? ' class="us"' : ''} cx="${cx.toFixed(1)}" cy="${cy.toFixed(1)}" r="${isUs ? 8 : 6}"/>` +
      `<text class="axis" x="${cx.toFixed(1)}" y="${(cy - 12).toFixed(1)}">${escapeHtml(name)}</text></g>`
    );
  });
  const caption = `${axes.x} × ${axes.y}`;
  return (
    `<figure class="map"><svg viewBox="0 0 ${MAP_WIDTH} ${MAP_HEIGHT}" role="img" aria-label="${escapeHtml(caption)}">` +
    `<line x1="${EDGE}" y1="${MAP_HEIGHT - EDGE}" x2="${MAP_WIDTH - 8}" y2="${MAP_HEIGHT - EDGE}"/><line x1="${EDGE}" y1="8" x2="${EDGE}" y2="${MAP_HEIGHT - EDGE}"/>` +
    `<text class="axis" x="${MAP_WIDTH / 2}" y="${MAP_HEIGHT - 12}">${escapeHtml(axes.x)} →</text>` +
    `<text class="axis" transform="translate(16 ${MAP_HEIGHT / 2}) rotate(-90)">${escapeHtml(axes.y)} →</text>${dots.join('')}</svg></figure>`
  );
}

const figure = (content: string, caption: string): string =>
  `<figure><svg class="columns" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(caption)}">${content}</svg>` +
  `<figcaption>${escapeHtml(caption)}</figcaption></figure>`;
